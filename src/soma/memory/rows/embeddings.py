"""The table `memory_embeddings`: what a model made of a memory, sealed against its text. Read with the memory."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np

from soma.events.database import Reader
from soma.events.sql import placeholders, split_values
from soma.events.transaction import Transaction
from soma.memory.embedders.base import Vector
from soma.memory.index.word_vectors import Bytes
from soma.memory.rows.memories import COLUMNS, is_intact, to_record
from soma.memory.rows.statements import LIVING
from soma.memory.types import Address, MemoryRecord, Owner

UPSERT = (
    "INSERT INTO memory_embeddings (memory_id, model, dimension, vector, word_vectors, passages, source, seal) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (memory_id, model) DO UPDATE SET dimension = excluded.dimension, "
    "vector = excluded.vector, word_vectors = excluded.word_vectors, passages = excluded.passages, "
    "source = excluded.source, seal = excluded.seal"
)
LEFT_BEHIND = (
    "FROM memory_embeddings e LEFT JOIN memories m ON m.id = e.memory_id "
    "WHERE (m.id IS NULL OR m.forgotten_at IS NOT NULL)"
)
FLOAT = 4  # bytes of one number of a vector
PAGE = 2_000  # rows with their vectors read at a time: all at once would double the memory of a large partition


@dataclass(frozen=True, slots=True)
class Embedding:
    """The stored part of a model's reading: the text's vector, and short vectors of its words, int8 [words, n].

    `passages` int8 [passages, dimension] are those of a text that the model cannot read at once. `is_whole` is False
    where only its beginning was read: before there were passages.
    """

    vector: Vector
    word_vectors: Bytes
    passages: Bytes
    is_whole: bool = True


EmbeddedMemory = tuple[MemoryRecord, Embedding | None]


def read_partition(
    reader: Reader, address: Address, model: str, *, after: int = 0
) -> Iterator[tuple[MemoryRecord, Embedding | None]]:
    """Yield all intact memories of one partition behind a position in the order of creation, with what `model` made.

    None where that is absent, of a former text, or damaged.
    """
    where = f"{LIVING} AND m.scope_owner = ? AND m.position > ? ORDER BY m.position LIMIT {PAGE}"
    last = after
    while True:
        page = list(_read(reader, model, where, [*address, last]))
        yield from ((memory, made) for memory, made in page if is_intact(memory))
        if len(page) < PAGE:
            return
        last = page[-1][0].position


def _read(
    reader: Reader, model: str, where: str, parameters: Sequence[Any]
) -> Iterator[tuple[MemoryRecord, Embedding | None]]:
    found = reader.query(
        f"SELECT {', '.join(f'm.{name}' for name in COLUMNS)}, e.dimension, e.vector, e.word_vectors, e.passages, "
        "e.source, e.seal "
        f"FROM memories m LEFT JOIN memory_embeddings e ON e.memory_id = m.id AND e.model = ? WHERE {where}",
        [model, *parameters],
    )
    for *columns, dimension, vector, words, passages, source, stamp in found:
        memory = to_record(tuple(columns))
        # `source` too, which the seal repeats: `_count_lacking` compares it alone
        good = source == memory.checksum and stamp == seal(memory.checksum, model, vector, words, passages)
        good = good and len(vector) == FLOAT * dimension
        yield memory, _decode_embedding(dimension, vector, words, passages) if good else None


def read_embeddings(reader: Reader, model: str, ids: Iterable[str]) -> Iterator[tuple[MemoryRecord, Embedding | None]]:
    """Yield living, intact memories with what `model` made of them as they are now."""
    for some in split_values(ids):
        where = f"m.forgotten_at IS NULL AND m.id IN ({placeholders(some)})"
        yield from ((memory, made) for memory, made in _read(reader, model, where, some) if is_intact(memory))


def seal(source: str, model: str, vector: bytes, words: bytes, passages: bytes | None) -> str:
    """Digest of a stored embedding: of its payload, its model and every number; without passages as before these."""
    digest = blake2b(f"{source}\n{model}\n".encode(), digest_size=16)
    digest.update(vector)
    digest.update(words)
    if passages:
        digest.update(len(words).to_bytes(8, "little"))
        digest.update(passages)
    return digest.hexdigest()


def _decode_embedding(dimension: int, vector: bytes, words: bytes, passages: bytes | None) -> Embedding:
    count = int.from_bytes(words[:4], "little")
    short = np.frombuffer(words, np.int8, offset=4)
    return Embedding(
        vector=np.frombuffer(vector, "<f4", dimension),
        word_vectors=short.reshape(count, len(short) // max(count, 1)),
        passages=np.frombuffer(passages or b"", np.int8).reshape(-1, dimension),
        is_whole=passages is not None,
    )


def read_page(reader: Reader, address: Address, model: str, *, after: int, size: int) -> list[EmbeddedMemory]:
    """Read memories of a partition from behind the position `after` on, damaged ones too."""
    where = f"{LIVING} AND m.scope_owner = ? AND m.position > ? ORDER BY m.position LIMIT ?"
    return list(_read(reader, model, where, [*address, after, size]))


def count_lacking(reader: Reader, tenant_id: str, model: str) -> int:
    """Count living memories of a tenant without a vector that `model` made of all of their present text."""
    return _count_lacking(reader, model, "m.tenant_id = ?", [tenant_id])


def count_lacking_visible(reader: Reader, owner: Owner, model: str) -> int:
    """Count the same among the memories that an owner sees in all namespaces."""
    where = "m.tenant_id = ? AND m.scope_owner IN (?, ?, ?)"
    return _count_lacking(reader, model, where, [owner.tenant_id, *owner.visible()])


def _count_lacking(reader: Reader, model: str, where: str, parameters: Sequence[str]) -> int:
    found = reader.query(
        "SELECT COUNT(*) FROM memories m LEFT JOIN memory_embeddings e ON e.memory_id = m.id AND e.model = ? "
        f"WHERE m.forgotten_at IS NULL AND {where} AND (e.source IS NULL OR e.source <> m.checksum)",
        [model, *parameters],
    )
    return int(found[0][0]) + _count_in_part(reader, model, where, parameters)


def _count_in_part(reader: Reader, model: str, where: str, parameters: Sequence[str]) -> int:
    """Count those of which only the beginning was read. SQLite keeps the order of a cross join: they are few."""
    found = reader.query(
        "SELECT COUNT(*) FROM memory_embeddings e CROSS JOIN memories m WHERE e.model = ? AND e.passages IS NULL "
        f"AND m.id = e.memory_id AND m.forgotten_at IS NULL AND {where} AND e.source = m.checksum",
        [model, *parameters],
    )
    return int(found[0][0])


def read_source(reader: Reader, memory_id: str, model: str) -> str | None:
    """Return the checksum of the text that a memory's vector was made of; None where it has none."""
    found = reader.query("SELECT source FROM memory_embeddings WHERE memory_id = ? AND model = ?", [memory_id, model])
    return str(found[0][0]) if found else None


def is_model_used(reader: Reader, model: str) -> bool:
    return bool(reader.query("SELECT 1 FROM memory_embeddings WHERE model = ? LIMIT 1", [model]))


def find_any_model(reader: Reader, tenant_id: str) -> str | None:
    """Return the model of any vector of the tenant; None where there is none."""
    found = reader.query(
        "SELECT e.model FROM memories m JOIN memory_embeddings e ON e.memory_id = m.id "
        "WHERE m.tenant_id = ? AND m.forgotten_at IS NULL LIMIT 1",
        [tenant_id],
    )
    return str(found[0][0]) if found else None


def has_other_models(reader: Reader, ids: Sequence[str], model: str) -> bool:
    """Return whether a memory of `ids` has a vector of another model."""
    sql = f"SELECT 1 FROM memory_embeddings WHERE model <> ? AND memory_id IN ({placeholders(ids)}) LIMIT 1"
    return bool(reader.query(sql, [model, *ids]))


def find_left_behind(reader: Reader, tenant_id: str) -> list[tuple[str | None, str, str]]:
    """Find vectors of memories that are gone: owner name, memory id and model; of no owner where the row is gone."""
    sql = f"SELECT m.scope_owner, e.memory_id, e.model {LEFT_BEHIND} AND (m.tenant_id = ? OR m.id IS NULL)"
    return [(owner, memory_id, model) for owner, memory_id, model in reader.query(sql, [tenant_id])]


def find_tenants_with_left_behind(reader: Reader) -> set[str | None]:
    return {tenant_id for (tenant_id,) in reader.query(f"SELECT DISTINCT m.tenant_id {LEFT_BEHIND}")}


def write_embeddings(transaction: Transaction, model: str, pairs: Iterable[tuple[MemoryRecord, Embedding]]) -> None:
    transaction.executemany(UPSERT, [_to_parameters(memory, model, made) for memory, made in pairs])


def _to_parameters(memory: MemoryRecord, model: str, made: Embedding) -> list[Any]:
    vector = made.vector.astype("<f4").tobytes()
    words = len(made.word_vectors).to_bytes(4, "little") + made.word_vectors.tobytes()
    passages = made.passages.tobytes()
    stamp = seal(memory.checksum, model, vector, words, passages)
    return [memory.id, model, len(made.vector), vector, words, passages, memory.checksum, stamp]


def delete_embeddings(transaction: Transaction, memory_id: str) -> None:
    transaction.execute("DELETE FROM memory_embeddings WHERE memory_id = ?", [memory_id])


def delete_left_behind(transaction: Transaction, left: Sequence[tuple[str, str]]) -> None:
    """Delete vectors by memory id and model."""
    transaction.executemany("DELETE FROM memory_embeddings WHERE memory_id = ? AND model = ?", left)


def delete_other_models(transaction: Transaction, ids: Sequence[str], model: str) -> None:
    """Delete the vectors of these memories that another model made."""
    transaction.execute(
        f"DELETE FROM memory_embeddings WHERE model <> ? AND memory_id IN ({placeholders(ids)})", [model, *ids]
    )
