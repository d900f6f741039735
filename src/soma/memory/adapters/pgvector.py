"""The same vectors inside PostgreSQL, for whoever cannot hold a slab: SQL, reports, a second process.

A projection like the others: made from `memory_embeddings` when it is asked, and gone with them. Recall does not use
it, for it needs every score and not only the nearest: one query of the slab takes 5 ms at 100,000 vectors.
"""

import numpy as np

from soma.events.database import Connection
from soma.events.writer import Transaction
from soma.memory.adapters.nearest import Near
from soma.memory.embedders.base import Vector
from soma.memory.errors import VectorsUnavailable
from soma.memory.store import Store
from soma.memory.types import Owner

TABLE = (
    "CREATE TABLE IF NOT EXISTS memory_directions ("
    "memory_id TEXT NOT NULL, model TEXT NOT NULL, seal TEXT NOT NULL, direction vector NOT NULL, "
    "PRIMARY KEY (memory_id, model), "
    "FOREIGN KEY (memory_id, model) REFERENCES memory_embeddings (memory_id, model) ON DELETE CASCADE)"
)
VISIBLE = "m.forgotten_at IS NULL AND m.tenant_id = ? AND m.namespace = ? AND m.scope_owner IN (?, ?, ?)"
MISSING = (
    "SELECT e.memory_id, e.seal, e.dimension, e.vector FROM memory_embeddings e JOIN memories m ON m.id = e.memory_id "
    "LEFT JOIN memory_directions d ON d.memory_id = e.memory_id AND d.model = e.model AND d.seal = e.seal "
    f"WHERE d.memory_id IS NULL AND e.model = ? AND {VISIBLE} LIMIT ?"
)
UPSERT = (
    "INSERT INTO memory_directions (memory_id, model, seal, direction) VALUES (?, ?, ?, ?::vector) "
    "ON CONFLICT (memory_id, model) DO UPDATE SET seal = excluded.seal, direction = excluded.direction"
)
NEAREST = (
    "SELECT d.memory_id, 1 - (d.direction <=> ?::vector) AS cosine FROM memory_directions d "
    f"JOIN memories m ON m.id = d.memory_id WHERE d.model = ? AND {VISIBLE} ORDER BY cosine DESC, d.memory_id LIMIT ?"
)
BATCH = 1_000


def prepare(connection: Connection) -> None:
    """Make the extension and the table. Raises VectorsUnavailable where PostgreSQL comes without pgvector."""
    if connection.dialect != "postgresql":
        raise VectorsUnavailable("vectors inside the database need PostgreSQL with pgvector")
    if not connection.query("SELECT 1 FROM pg_available_extensions WHERE name = 'vector'"):
        raise VectorsUnavailable
    connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
    connection.execute(TABLE)


class PgVectors:
    """`prepare` must have run."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def nearest(self, owner: Owner, namespace: str, vector: Vector, count: int) -> list[Near]:
        model = self._store.spaces.of(owner.tenant_id).model
        visible = [owner.tenant_id, namespace, *owner.visible()]
        while await self._store.writer.write(lambda tx: _catch_up(tx, model, visible)):
            pass
        parameters = [_text(vector), model, *visible, count]
        found = await self._store.work(self._store.database.query, NEAREST, parameters)
        return [(memory_id, float(cosine)) for memory_id, cosine in found]


def _catch_up(tx: Transaction, model: str, visible: list[str]) -> int:
    """Take in some of the vectors that are new or were made again; how many there were."""
    missing = tx.query(MISSING, [model, *visible, BATCH])
    made = [(memory_id, seal, np.frombuffer(blob, "<f4", dimension)) for memory_id, seal, dimension, blob in missing]
    tx.executemany(UPSERT, [[memory_id, model, seal, _text(vector)] for memory_id, seal, vector in made])
    return len(made)


def _text(vector: Vector) -> str:
    return "[" + ",".join(map(repr, vector.tolist())) + "]"
