"""The table `memories`: one row a memory, with a checksum over what people gave."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any

from soma.events.database import Reader, Row
from soma.events.sql import placeholders, split_values
from soma.events.transaction import Transaction
from soma.memory.rows.statements import LIVING, VISIBLE
from soma.memory.types import Address, MemoryRecord, Owner

COLUMNS = MemoryRecord.__slots__
SELECT = f"SELECT {', '.join(f'm.{name}' for name in COLUMNS)} FROM memories m"
REPLACED = (
    "user_id", "agent_id", "kind", "text", "metadata", "conversation_id", "occurred_at", "importance", "checksum",
    "revision", "updated_at",
)  # fmt: skip
UPSERT = (
    f"INSERT INTO memories ({', '.join(COLUMNS)}) VALUES ({placeholders(COLUMNS)}) "
    f"ON CONFLICT (id) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in REPLACED)}"
)
ERASE = (
    "UPDATE memories SET key = ?, text = '', metadata = '{}', conversation_id = NULL, checksum = '', importance = 0, "
    "access_count = 0, accessed_at = NULL, revision = ?, forgotten_at = ?, receipt_id = ? WHERE id = ?"
)
COUNT_ACCESSES = (
    "UPDATE memories SET access_count = access_count + ?, accessed_at = ? "
    "WHERE tenant_id = ? AND id = ? AND forgotten_at IS NULL"
)
BEGINNING_VALUE = 0.5  # as in the index of the others
CHECKSUM_MARK = "2:"  # of what it is made of
UNREADABLE = "unreadable metadata"


def to_record(row: Row) -> MemoryRecord:
    values = dict(zip(COLUMNS, row, strict=True))
    values["metadata"] = _metadata(values["metadata"])
    return MemoryRecord(**values)


def _metadata(text: str) -> dict[str, Any]:
    """Parse metadata; unreadable JSON becomes a value that no checksum fits, so that the row is not intact."""
    try:
        found = json.loads(text)
    except (TypeError, ValueError, RecursionError):
        found = None
    return found if isinstance(found, dict) else {UNREADABLE: str(text)}


def to_parameters(memory: MemoryRecord, metadata: str) -> list[Any]:
    """Return the values of `UPSERT`; `metadata` is the canonical JSON of the memory's."""
    return [metadata if name == "metadata" else getattr(memory, name) for name in COLUMNS]


def checksum(memory: MemoryRecord) -> str:
    """SHA-256 over what people gave and whose it is, so that no row can be moved to another who may see it."""
    return CHECKSUM_MARK + _digest([memory.tenant_id, memory.namespace, memory.scope_owner, *_payload_fields(memory)])


def _first_checksum(memory: MemoryRecord) -> str:
    """Checksum as it was made at first: rows of then say nothing of whose they are until they change."""
    return _digest(_payload_fields(memory))


def _payload_fields(memory: MemoryRecord) -> list[Any]:
    metadata = metadata_text(memory)
    return [memory.text, memory.kind, memory.occurred_at, memory.importance, metadata, memory.conversation_id]


def _digest(fields: Sequence[Any]) -> str:
    return sha256(json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()


def is_intact(memory: MemoryRecord) -> bool:
    """Return whether the row still is what its checksum says. A damaged one is shown to nobody."""
    try:
        made = checksum if memory.checksum.startswith(CHECKSUM_MARK) else _first_checksum
        return memory.checksum == made(memory)
    except (TypeError, ValueError):  # a database may hold bytes where texts were written
        return False


def read_living(reader: Reader, ids: Iterable[str]) -> Iterator[MemoryRecord]:
    """Yield those of some memories that are neither forgotten nor damaged, whosever they are."""
    for some in split_values(ids):
        sql = f"{SELECT} WHERE m.forgotten_at IS NULL AND m.id IN ({placeholders(some)})"
        yield from filter(is_intact, map(to_record, reader.query(sql, some)))


def find_by_keys(reader: Reader, owner: Owner, namespace: str, keys: Iterable[str]) -> list[MemoryRecord]:
    """Find memories by key, damaged ones too, to be replaced or forgotten; ask `is_intact` before showing one."""
    return _find_visible(reader, owner, namespace, "m.key", keys)


def find_by_ids(reader: Reader, owner: Owner, namespace: str, ids: Iterable[str]) -> list[MemoryRecord]:
    """Find memories by id, damaged ones too."""
    return _find_visible(reader, owner, namespace, "m.id", ids)


def _find_visible(
    reader: Reader, owner: Owner, namespace: str, column: str, values: Iterable[str]
) -> list[MemoryRecord]:
    found: list[MemoryRecord] = []
    for some in split_values(values):
        sql = f"{SELECT} WHERE {VISIBLE} AND {column} IN ({placeholders(some)})"
        found.extend(map(to_record, reader.query(sql, [owner.tenant_id, namespace, *owner.visible(), *some])))
    return found


def find_newest(reader: Reader, owner: Owner, namespace: str, *, before: int | None, limit: int) -> list[MemoryRecord]:
    """Return intact memories, newest first, from below position `before`."""
    sql = f"{SELECT} WHERE {VISIBLE} AND m.position < ? ORDER BY m.position DESC LIMIT ?"
    found: list[MemoryRecord] = []
    last = 2**62 if before is None else before
    while len(found) < limit:
        wanted = limit - len(found)
        page = list(map(to_record, reader.query(sql, [owner.tenant_id, namespace, *owner.visible(), last, wanted])))
        found += filter(is_intact, page)
        if len(page) < wanted:
            break
        last = page[-1].position
    return found


def read_thread(reader: Reader, address: Address, conversation_id: str, *, limit: int = -1) -> list[MemoryRecord]:
    """Read what was said in one conversation, or stands in one document, in order; all where `limit` is below 0."""
    found = reader.query(
        f"{SELECT} WHERE {LIVING} AND m.scope_owner = ? AND m.conversation_id = ? ORDER BY m.occurred_at, m.position"
        + (f" LIMIT {limit}" if limit >= 0 else ""),
        [*address, conversation_id],
    )
    return list(map(to_record, found))


def find_position(reader: Reader, owner: Owner, namespace: str, memory_id: str) -> int | None:
    """Return the position of a memory that is or was visible: it outlives what is forgotten."""
    found = reader.query(
        "SELECT position FROM memories WHERE id = ? AND tenant_id = ? AND namespace = ? AND scope_owner IN (?, ?, ?)",
        [memory_id, owner.tenant_id, namespace, *owner.visible()],
    )
    return int(found[0][0]) if found else None


def count_partition(reader: Reader, address: Address) -> int:
    """Count the memories of a partition."""
    found = reader.query(f"SELECT COUNT(*) FROM memories m WHERE {LIVING} AND m.scope_owner = ?", address)
    return int(found[0][0])


def read_state(reader: Reader, address: Address, revision: int) -> tuple[int, int, int]:
    """Return the number of the memories of a partition up to a revision, the sum of their revisions, and it."""
    sql = (
        "SELECT COUNT(*), COALESCE(SUM(m.revision), 0) FROM memories m "
        f"WHERE {LIVING} AND m.scope_owner = ? AND m.revision <= ?"
    )
    [(count, total)] = reader.query(sql, [*address, revision])
    return int(count), int(total), revision


def read_values(reader: Reader, address: Address) -> list[tuple[str, float]]:
    """Return the values of a partition that are not what every memory begins with, by id."""
    where = f"{LIVING} AND m.scope_owner = ? AND m.value <> {BEGINNING_VALUE}"
    return [
        (memory_id, value)
        for memory_id, value in reader.query(f"SELECT m.id, m.value FROM memories m WHERE {where}", address)
    ]


def find_forgotten(reader: Reader, owner: Owner, namespace: str, column: str, values: Iterable[str]) -> set[str]:
    """Return those of some ids, or digests of keys, whose memories the owner saw until they were forgotten."""
    found: set[str] = set()
    for some in split_values(values):
        sql = (
            f"SELECT {column} FROM memories WHERE forgotten_at IS NOT NULL AND tenant_id = ? AND namespace = ? "
            f"AND scope_owner IN (?, ?, ?) AND {column} IN ({placeholders(some)})"
        )
        found.update(
            str(value) for (value,) in reader.query(sql, [owner.tenant_id, namespace, *owner.visible(), *some])
        )
    return found


def has_ever_held(reader: Reader, owner: Owner, namespace: str) -> bool:
    """Return whether the namespace holds a memory that the owner may see, or held one that is forgotten."""
    for state in ("IS NULL", "IS NOT NULL"):
        sql = (
            f"SELECT 1 FROM memories WHERE tenant_id = ? AND namespace = ? AND scope_owner IN (?, ?, ?) "
            f"AND forgotten_at {state} LIMIT 1"
        )
        if reader.query(sql, [owner.tenant_id, namespace, *owner.visible()]):
            return True
    return False


def metadata_text(memory: MemoryRecord) -> str:
    return json.dumps(dict(memory.metadata), ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def text_of(metadata: Mapping[str, Any], name: str) -> str:
    """Return a name that recall reads in metadata; empty where it is no text."""
    value = metadata.get(name)
    return value if isinstance(value, str) else ""


def list_tenants(reader: Reader) -> Iterator[str]:
    """Yield every tenant: one look into the index each, however many memories there are."""
    last = ""
    while found := reader.query(
        "SELECT tenant_id FROM memories WHERE forgotten_at IS NULL AND tenant_id > ? ORDER BY tenant_id LIMIT 1", [last]
    ):
        last = str(found[0][0])
        yield last


def list_partitions(reader: Reader, tenant_id: str) -> list[Address]:
    found = reader.query(
        "SELECT DISTINCT namespace, scope_owner FROM memories "
        "WHERE forgotten_at IS NULL AND tenant_id = ? ORDER BY namespace, scope_owner",
        [tenant_id],
    )
    return [(tenant_id, namespace, owner) for namespace, owner in found]


def count_tenant(reader: Reader, tenant_id: str) -> int:
    found = reader.query("SELECT COUNT(*) FROM memories WHERE forgotten_at IS NULL AND tenant_id = ?", [tenant_id])
    return int(found[0][0])


def count_visible(reader: Reader, owner: Owner) -> int:
    """Count the memories that an owner sees in all namespaces."""
    found = reader.query(
        "SELECT COUNT(*) FROM memories WHERE forgotten_at IS NULL AND tenant_id = ? AND scope_owner IN (?, ?, ?)",
        [owner.tenant_id, *owner.visible()],
    )
    return int(found[0][0])


def read_checksums(reader: Reader, ids: Sequence[str]) -> set[tuple[str, str]]:
    """Return id and checksum of those of `ids` that are living memories."""
    sql = f"SELECT id, checksum FROM memories WHERE forgotten_at IS NULL AND id IN ({placeholders(ids)})"
    return {(memory_id, checksum) for memory_id, checksum in reader.query(sql, ids)}


def is_unchanged(reader: Reader, memory_id: str, revision: int) -> bool:
    """Return whether a living memory is still at this revision."""
    sql = "SELECT 1 FROM memories WHERE id = ? AND revision = ? AND forgotten_at IS NULL"
    return bool(reader.query(sql, [memory_id, revision]))


def read_value(reader: Reader, tenant_id: str, memory_id: str) -> float | None:
    """Return the learned value of a memory; None where it is gone."""
    found = reader.query(
        "SELECT value FROM memories WHERE tenant_id = ? AND id = ? AND forgotten_at IS NULL", [tenant_id, memory_id]
    )
    return float(found[0][0]) if found else None


def write_value(transaction: Transaction, tenant_id: str, memory_id: str, value: float) -> Address | None:
    """Set the learned value of a memory and return its partition; None where it is gone."""
    found = transaction.query(
        "SELECT namespace, scope_owner FROM memories WHERE tenant_id = ? AND id = ? AND forgotten_at IS NULL",
        [tenant_id, memory_id],
    )
    if not found:
        return None
    transaction.execute("UPDATE memories SET value = ? WHERE id = ?", [value, memory_id])
    [(namespace, scope_owner)] = found
    return tenant_id, namespace, scope_owner


def write_memories(transaction: Transaction, memories: Iterable[tuple[MemoryRecord, str]]) -> None:
    """Write each memory, given with the canonical JSON of its metadata."""
    transaction.executemany(UPSERT, [to_parameters(memory, metadata) for memory, metadata in memories])


def erase_memory(
    transaction: Transaction, memory_id: str, *, key_digest: str, revision: int, moment: str, receipt_id: str
) -> None:
    """Leave a row without content, as proof; the key is replaced by its digest."""
    transaction.execute(ERASE, [key_digest, revision, moment, receipt_id, memory_id])


def count_accesses(transaction: Transaction, accesses: Mapping[tuple[str, str], tuple[int, str]]) -> None:
    """Add how often memories were shown and when last, by tenant and id."""
    transaction.executemany(
        COUNT_ACCESSES, [[count, moment, *place] for place, (count, moment) in sorted(accesses.items())]
    )
