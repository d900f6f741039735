"""The table `memory_forgotten_chunks`: digests of chunks that people forgot, and that imports leave out."""

from collections.abc import Iterable
from hashlib import sha256

from soma.events.database import Reader
from soma.events.sql import placeholders, split_values
from soma.events.transaction import Transaction
from soma.memory.types import Address

INSERT = (
    "INSERT INTO memory_forgotten_chunks (tenant_id, namespace, scope_owner, digest) VALUES (?, ?, ?, ?) "
    "ON CONFLICT DO NOTHING"
)
PARTITION = "tenant_id = ? AND namespace = ? AND scope_owner = ?"


def chunk_digest(address: Address, text: str) -> str:
    """Return the digest that stays of a chunk; equal texts of two tenants differ in it."""
    return sha256(f"{address[0]}\n{text}".encode()).hexdigest()


def write_forgotten(transaction: Transaction, address: Address, texts: Iterable[str]) -> None:
    transaction.executemany(INSERT, [[*address, chunk_digest(address, text)] for text in sorted(set(texts))])


def find_forgotten_texts(reader: Reader, address: Address, texts: Iterable[str]) -> frozenset[str]:
    """Return those of some chunks that a person forgot in this partition."""
    named = {chunk_digest(address, text): text for text in texts}
    found: set[str] = set()
    for some in split_values(named):
        sql = f"SELECT digest FROM memory_forgotten_chunks WHERE {PARTITION} AND digest IN ({placeholders(some)})"
        found.update(named[digest] for (digest,) in reader.query(sql, [*address, *some]))
    return frozenset(found)


def delete_forgotten(transaction: Transaction, address: Address, texts: Iterable[str]) -> None:
    """Delete what is kept of forgotten chunks that come back because somebody asked for it."""
    digests = sorted({chunk_digest(address, text) for text in texts})
    transaction.executemany(
        f"DELETE FROM memory_forgotten_chunks WHERE {PARTITION} AND digest = ?",
        [[*address, digest] for digest in digests],
    )
