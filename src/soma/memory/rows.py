"""The rows of memory: every SQL statement of this context, and how a row becomes a value."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b, sha256
from typing import Any

import numpy as np

from soma.events.database import Reader, Row
from soma.memory.embedders.base import Vector
from soma.memory.index.cache import Address
from soma.memory.index.links import CARRIES
from soma.memory.index.word_vectors import Bytes
from soma.memory.types import Link, MemoryRecord, Owner

COLUMNS = MemoryRecord.__slots__
SELECT = f"SELECT {', '.join(f'm.{name}' for name in COLUMNS)} FROM memories m"
LIVING = "m.forgotten_at IS NULL AND m.tenant_id = ? AND m.namespace = ?"
VISIBLE = f"{LIVING} AND m.scope_owner IN (?, ?, ?)"

REPLACED = (
    "user_id", "agent_id", "kind", "text", "metadata", "conversation_id", "occurred_at", "importance", "checksum",
    "revision", "updated_at",
)  # fmt: skip
UPSERT = (
    f"INSERT INTO memories ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))}) "
    f"ON CONFLICT (id) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in REPLACED)}"
)
UPSERT_EMBEDDING = (
    "INSERT INTO memory_embeddings (memory_id, model, dimension, vector, word_vectors, source, seal) "
    "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (memory_id, model) DO UPDATE SET dimension = excluded.dimension, "
    "vector = excluded.vector, word_vectors = excluded.word_vectors, source = excluded.source, seal = excluded.seal"
)
UPSERT_LINK = (
    "INSERT INTO memory_links (tenant_id, from_id, to_id, relation, weight) VALUES (?, ?, ?, ?, ?) "
    "ON CONFLICT (from_id, to_id, relation) DO UPDATE SET weight = excluded.weight"
)
ERASE = (
    "UPDATE memories SET key = ?, text = '', metadata = '{}', conversation_id = NULL, checksum = '', importance = 0, "
    "access_count = 0, accessed_at = NULL, revision = ?, forgotten_at = ?, receipt_id = ? WHERE id = ?"
)
SUMMARISES, RECOMBINES = "summarises", "recombines"  # from what was synthesised to its sources
PROVENANCE = (SUMMARISES, RECOMBINES)  # says where something is from, and makes nothing come to mind
NOT_FOLLOWED = (*PROVENANCE, CARRIES)
CHECKSUM_MARK = "2:"  # of what it is made of
UNREADABLE = "unreadable metadata"
CHUNK = 500  # values in one IN list
FLOAT = 4  # bytes of one number of a vector
PAGE = 2_000  # rows with their vectors read at a time: all at once would double the memory of a large partition


@dataclass(frozen=True, slots=True)
class Embedding:
    """What is stored of a model's reading: the text's vector, and short vectors of its words, int8 [words, n]."""

    vector: Vector
    word_vectors: Bytes


def record(row: Row) -> MemoryRecord:
    values = dict(zip(COLUMNS, row, strict=True))
    values["metadata"] = _metadata(values["metadata"])
    return MemoryRecord(**values)


def _metadata(text: str) -> dict[str, Any]:
    """What cannot be read becomes what no checksum fits, so that the row is `intact` no more."""
    try:
        found = json.loads(text)
    except (TypeError, ValueError, RecursionError):
        found = None
    return found if isinstance(found, dict) else {UNREADABLE: str(text)}


def parameters(memory: MemoryRecord, metadata: str) -> list[Any]:
    """The values of `UPSERT`; `metadata` is the canonical JSON of the memory's."""
    return [metadata if name == "metadata" else getattr(memory, name) for name in COLUMNS]


def checksum(memory: MemoryRecord) -> str:
    """SHA-256 over what people gave and whose it is, so that no row can be moved to another who may see it."""
    return CHECKSUM_MARK + _digest([memory.tenant_id, memory.namespace, memory.scope_owner, *_given(memory)])


def _checksum_before(memory: MemoryRecord) -> str:
    """As it was made at first: rows of then say nothing of whose they are until they change."""
    return _digest(_given(memory))


def _given(memory: MemoryRecord) -> list[Any]:
    told = metadata_text(memory)
    return [memory.text, memory.kind, memory.occurred_at, memory.importance, told, memory.conversation_id]


def _digest(fields: Sequence[Any]) -> str:
    return sha256(json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()


def intact(memory: MemoryRecord) -> bool:
    """Whether the row still is what its checksum says. What is not is shown to nobody."""
    try:
        made = checksum if memory.checksum.startswith(CHECKSUM_MARK) else _checksum_before
        return memory.checksum == made(memory)
    except (TypeError, ValueError):  # a database may hold bytes where texts were written
        return False


def by_keys(reader: Reader, owner: Owner, namespace: str, keys: Iterable[str]) -> list[MemoryRecord]:
    """Damaged ones too: to be replaced or forgotten. Who shows them asks `intact` first."""
    return _visible(reader, owner, namespace, "m.key", keys)


def by_ids(reader: Reader, owner: Owner, namespace: str, ids: Iterable[str]) -> list[MemoryRecord]:
    """Damaged ones too, as `by_keys`."""
    return _visible(reader, owner, namespace, "m.id", ids)


def _visible(reader: Reader, owner: Owner, namespace: str, column: str, values: Iterable[str]) -> list[MemoryRecord]:
    found: list[MemoryRecord] = []
    for some in _chunks(values):
        sql = f"{SELECT} WHERE {VISIBLE} AND {column} IN ({', '.join('?' * len(some))})"
        found.extend(map(record, reader.query(sql, [owner.tenant_id, namespace, *owner.visible(), *some])))
    return found


def newest(reader: Reader, owner: Owner, namespace: str, *, before: int | None, limit: int) -> list[MemoryRecord]:
    """Intact ones in the order of creation, the newest first, from below position `before`."""
    sql = f"{SELECT} WHERE {VISIBLE} AND m.position < ? ORDER BY m.position DESC LIMIT ?"
    found: list[MemoryRecord] = []
    last = 2**62 if before is None else before
    while len(found) < limit:
        wanted = limit - len(found)
        page = list(map(record, reader.query(sql, [owner.tenant_id, namespace, *owner.visible(), last, wanted])))
        found += filter(intact, page)
        if len(page) < wanted:
            break
        last = page[-1].position
    return found


def thread(reader: Reader, address: Address, conversation_id: str, *, limit: int = -1) -> list[MemoryRecord]:
    """Read what was said in one conversation, or stands in one document, in order; all where `limit` is below 0."""
    found = reader.query(
        f"{SELECT} WHERE {LIVING} AND m.scope_owner = ? AND m.conversation_id = ? ORDER BY m.occurred_at, m.position"
        + (f" LIMIT {limit}" if limit >= 0 else ""),
        [*address, conversation_id],
    )
    return list(map(record, found))


def position(reader: Reader, owner: Owner, namespace: str, memory_id: str) -> int | None:
    """Of a memory that is or was visible: its place in the order of creation outlives it."""
    found = reader.query(
        "SELECT position FROM memories WHERE id = ? AND tenant_id = ? AND namespace = ? AND scope_owner IN (?, ?, ?)",
        [memory_id, owner.tenant_id, namespace, *owner.visible()],
    )
    return int(found[0][0]) if found else None


def namespaces(reader: Reader, owner: Owner) -> list[str]:
    found = reader.query(
        "SELECT DISTINCT namespace FROM memories WHERE forgotten_at IS NULL AND tenant_id = ? "
        "AND scope_owner IN (?, ?, ?) ORDER BY namespace",
        [owner.tenant_id, *owner.visible()],
    )
    return [name for (name,) in found]


def count(reader: Reader, address: Address) -> int:
    """How many memories a partition has."""
    found = reader.query(f"SELECT COUNT(*) FROM memories m WHERE {LIVING} AND m.scope_owner = ?", address)
    return int(found[0][0])


def partition(reader: Reader, address: Address, model: str) -> Iterator[tuple[MemoryRecord, Embedding | None]]:
    """All intact memories of one partition in the order of creation, each with what `model` made of it as it is now.

    None where that is absent, of a former text, or damaged.
    """
    where = f"{LIVING} AND m.scope_owner = ? AND m.position > ? ORDER BY m.position LIMIT {PAGE}"
    last = 0
    while True:
        page = list(embedded(reader, model, where, [*address, last]))
        yield from ((memory, made) for memory, made in page if intact(memory))
        if len(page) < PAGE:
            return
        last = page[-1][0].position


def embedded(
    reader: Reader, model: str, where: str, parameters: Sequence[Any]
) -> Iterator[tuple[MemoryRecord, Embedding | None]]:
    found = reader.query(
        f"SELECT {', '.join(f'm.{name}' for name in COLUMNS)}, e.dimension, e.vector, e.word_vectors, e.source, e.seal "
        f"FROM memories m LEFT JOIN memory_embeddings e ON e.memory_id = m.id AND e.model = ? WHERE {where}",
        [model, *parameters],
    )
    for *columns, dimension, vector, words, source, stamp in found:
        memory = record(tuple(columns))
        # `source` too, which the seal repeats: whoever counts what is missing looks at it alone (`lacking`)
        good = source == memory.checksum and stamp == seal(memory.checksum, model, vector, words)
        yield memory, _embedding(dimension, vector, words) if good and len(vector) == FLOAT * dimension else None


def embeddings(reader: Reader, model: str, ids: Iterable[str]) -> Iterator[tuple[MemoryRecord, Embedding | None]]:
    """Living, intact memories with what `model` made of them as they are now."""
    for some in _chunks(ids):
        where = f"m.forgotten_at IS NULL AND m.id IN ({', '.join('?' * len(some))})"
        yield from ((memory, made) for memory, made in embedded(reader, model, where, some) if intact(memory))


def seal(source: str, model: str, vector: bytes, words: bytes) -> str:
    """What a stored embedding must hash to: of which payload, by which model, and every number of it."""
    digest = blake2b(f"{source}\n{model}\n".encode(), digest_size=16)
    digest.update(vector)
    digest.update(words)
    return digest.hexdigest()


def _embedding(dimension: int, vector: bytes, words: bytes) -> Embedding:
    count = int.from_bytes(words[:4], "little")
    short = np.frombuffer(words, np.int8, offset=4)
    return Embedding(np.frombuffer(vector, "<f4", dimension), short.reshape(count, len(short) // max(count, 1)))


def partition_links(reader: Reader, address: Address) -> Iterator[Link]:
    """Links that begin or end in the partition and that recall follows."""
    for end in ("from_id", "to_id"):
        found = reader.query(
            "SELECT l.from_id, l.to_id, l.relation, l.weight FROM memory_links l "
            f"JOIN memories m ON m.id = l.{end} WHERE {LIVING} AND m.scope_owner = ? AND l.relation NOT IN (?, ?, ?)",
            [*address, *NOT_FOLLOWED],
        )
        yield from map(link, found)


def links_from(reader: Reader, ids: Iterable[str]) -> list[Link]:
    found: list[Link] = []
    for some in _chunks(ids):
        marks = ", ".join("?" * len(some))
        sql = f"SELECT from_id, to_id, relation, weight FROM memory_links WHERE from_id IN ({marks}) ORDER BY 1, 2, 3"
        found.extend(map(link, reader.query(sql, some)))
    return found


def synthesised_of(reader: Reader, ids: Iterable[str]) -> list[MemoryRecord]:
    """Living memories that a consolidation made of any of `ids`. A link alone proves nothing: anybody may have made
    it before its relation was reserved.
    """
    found: dict[str, MemoryRecord] = {}
    for some in _chunks(ids):
        sql = (
            f"{SELECT} JOIN memory_links l ON l.from_id = m.id JOIN memories s ON s.id = l.to_id "
            "WHERE m.forgotten_at IS NULL AND m.tenant_id = s.tenant_id AND m.namespace = s.namespace "
            f"AND m.scope_owner = s.scope_owner AND s.id IN ({', '.join('?' * len(some))}) AND l.relation IN (?, ?)"
        )
        found |= {memory.id: memory for memory in map(record, reader.query(sql, [*some, *PROVENANCE]))}
    return [memory for memory in found.values() if _is_made(reader, memory)]


def taken_from(reader: Reader, ids: Iterable[str]) -> list[MemoryRecord]:
    """Living memories whose text was taken from any of `ids`, whosever they are."""
    found: dict[str, MemoryRecord] = {}
    for some in _chunks(ids):
        sql = (
            f"{SELECT} JOIN memory_links l ON l.from_id = m.id AND l.tenant_id = m.tenant_id "
            f"WHERE m.forgotten_at IS NULL AND l.to_id IN ({', '.join('?' * len(some))}) AND l.relation = ?"
        )
        found |= {memory.id: memory for memory in map(record, reader.query(sql, [*some, CARRIES]))}
    return list(found.values())


def forgotten(reader: Reader, owner: Owner, namespace: str, column: str, values: Iterable[str]) -> set[str]:
    """Those of some ids, or digests of keys, that are of memories that the owner saw until they were forgotten."""
    found: set[str] = set()
    for some in _chunks(values):
        sql = (
            f"SELECT {column} FROM memories WHERE forgotten_at IS NOT NULL AND tenant_id = ? AND namespace = ? "
            f"AND scope_owner IN (?, ?, ?) AND {column} IN ({', '.join('?' * len(some))})"
        )
        found.update(
            str(value) for (value,) in reader.query(sql, [owner.tenant_id, namespace, *owner.visible(), *some])
        )
    return found


def held_once(reader: Reader, owner: Owner, namespace: str) -> bool:
    """Whether the namespace holds a memory that the owner may see, or held one that is forgotten."""
    for state in ("IS NULL", "IS NOT NULL"):
        sql = (
            f"SELECT 1 FROM memories WHERE tenant_id = ? AND namespace = ? AND scope_owner IN (?, ?, ?) "
            f"AND forgotten_at {state} LIMIT 1"
        )
        if reader.query(sql, [owner.tenant_id, namespace, *owner.visible()]):
            return True
    return False


def _is_made(reader: Reader, memory: MemoryRecord) -> bool:
    """Whether the consolidation that its metadata names says so too."""
    found = reader.query(
        "SELECT made FROM memory_consolidations WHERE id = ? AND tenant_id = ? AND scope_owner = ?",
        [texts(memory.metadata, "consolidation"), memory.tenant_id, memory.scope_owner],
    )
    return any(memory.id in json.loads(made) for (made,) in found)


def link(row: Row) -> Link:
    from_id, to_id, relation, weight = row
    return Link(from_id=from_id, to_id=to_id, relation=relation, weight=weight)


def embedding_parameters(memory: MemoryRecord, model: str, made: Embedding) -> list[Any]:
    """The values of `UPSERT_EMBEDDING`."""
    vector = made.vector.astype("<f4").tobytes()
    words = len(made.word_vectors).to_bytes(4, "little") + made.word_vectors.tobytes()
    stamp = seal(memory.checksum, model, vector, words)
    return [memory.id, model, len(made.vector), vector, words, memory.checksum, stamp]


def metadata_text(memory: MemoryRecord) -> str:
    return json.dumps(dict(memory.metadata), ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def texts(metadata: Mapping[str, Any], name: str) -> str:
    """A name that recall reads in metadata, where it is a text."""
    value = metadata.get(name)
    return value if isinstance(value, str) else ""


def _chunks(values: Iterable[str]) -> Iterator[list[str]]:
    distinct = list(dict.fromkeys(values))
    for start in range(0, len(distinct), CHUNK):
        yield distinct[start : start + CHUNK]
