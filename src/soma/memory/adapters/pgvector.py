"""Vectors of large partitions inside PostgreSQL: this process asks for the nearest and holds none of them.

A projection like the others: made from `memory_embeddings` when a partition is loaded, and gone with them in the same
transaction. Exact, over the rows of one partition: an approximate index over those of all tenants misses a third of
what is nearest in a small one (docs/decisions/010).
"""

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np

from soma.events.database import Connection, Database, is_storage_error
from soma.memory.errors import VectorsUnavailable
from soma.memory.index.vectors import Flags, Floats, Indexes, VectorIndex
from soma.memory.types import Address

TABLE = (
    "CREATE TABLE IF NOT EXISTS memory_directions ("
    "tenant_id TEXT NOT NULL, namespace TEXT NOT NULL, scope_owner TEXT NOT NULL, model TEXT NOT NULL, "
    "memory_id TEXT NOT NULL, digest TEXT NOT NULL, direction vector NOT NULL, "
    "PRIMARY KEY (tenant_id, namespace, scope_owner, model, memory_id), "
    "FOREIGN KEY (memory_id, model) REFERENCES memory_embeddings (memory_id, model) ON DELETE CASCADE)"
)
INDEX = "CREATE INDEX IF NOT EXISTS memory_directions_memory ON memory_directions (memory_id, model)"
HERE = "tenant_id = ? AND namespace = ? AND scope_owner = ? AND model = ?"
KNOWN = f"SELECT memory_id, digest FROM memory_directions WHERE {HERE}"
UPSERT = (
    "INSERT INTO memory_directions (tenant_id, namespace, scope_owner, model, memory_id, digest, direction) "
    "SELECT ?, ?, ?, e.model, e.memory_id, new.digest, new.direction::vector "
    "FROM unnest(?::text[], ?::text[], ?::text[]) AS new (memory_id, digest, direction) "
    "JOIN memory_embeddings e ON e.memory_id = new.memory_id AND e.model = ? "
    "ON CONFLICT (tenant_id, namespace, scope_owner, model, memory_id) "
    "DO UPDATE SET digest = excluded.digest, direction = excluded.direction RETURNING memory_id"
)
NEAREST = (
    f"SELECT memory_id, -(direction <#> ?::vector) FROM memory_directions WHERE {HERE} "
    "ORDER BY direction <#> ?::vector, memory_id LIMIT ?"
)
COSINES = f"SELECT memory_id, -(direction <#> ?::vector) FROM memory_directions WHERE {HERE} AND memory_id = ANY(?)"
ROWS = f"SELECT memory_id, vector_send(direction) FROM memory_directions WHERE {HERE} AND memory_id = ANY(?)"
HEADER_BYTES = 4  # of what `vector_send` gives; then float32, big endian
COUNT = 2_000  # ten times what recall takes: it lifts those with whom the question names somebody
BATCH = 1_000


def prepare(connection: Connection) -> None:
    """Make the extension and the table. Raises VectorsUnavailable where PostgreSQL comes without pgvector."""
    if connection.dialect != "postgresql":
        raise VectorsUnavailable("SOMABRAIN_PGVECTOR_FROM is set, and SOMABRAIN_DATABASE_URL names no PostgreSQL")
    if not connection.query("SELECT 1 FROM pg_available_extensions WHERE name = 'vector'"):
        raise VectorsUnavailable
    try:
        connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
        connection.execute(TABLE)
        connection.execute(INDEX)
    except Exception as error:
        if is_storage_error(error):
            raise VectorsUnavailable(f"pgvector cannot be set up: {error}") from error
        raise


class Directions:
    """The vectors of one partition, stored by PostgreSQL. `prepare` must have run.

    New vectors wait here until the next question, so that loading writes in batches; stored ones are not written again.
    """

    exact = False
    nbytes = 0

    def __init__(self, database: Database, address: Address, model: str, dimension: int) -> None:
        self._database = database
        self._place = [*address, model]
        self._model = model
        self.dimension = dimension
        self._ids: list[str] = []
        self._slots: dict[str, int] = {}
        self._kept: dict[str, str] | None = dict(database.query(KNOWN, self._place))  # until all are here
        self._waiting: dict[str, Floats] = {}

    def append(self, vector: Floats, memory_id: str) -> None:
        self._slots[memory_id] = len(self._ids)
        self._ids.append(memory_id)
        if self._kept is None or self._kept.get(memory_id) != digest(vector):
            self._waiting[memory_id] = vector

    def set(self, slot: int, vector: Floats | float) -> None:
        memory_id = self._ids[slot]
        self._waiting.pop(memory_id, None)
        if isinstance(vector, np.ndarray):
            self._waiting[memory_id] = vector
        else:  # forgotten: its row went with its embedding
            self._slots.pop(memory_id, None)

    def scores(self, query: Floats) -> Floats:
        """Cosines of the nearest slots; -1 for the others."""
        self._flush()
        question = text(query)
        scores = np.full(len(self._ids), -1, np.float32)
        self._fill(scores, self._database.query(NEAREST, [question, *self._place, question, COUNT]), self._slots)
        return scores

    def cosines(self, slots: Indexes, query: Floats) -> Floats:
        self._flush()
        ids = [self._ids[slot] for slot in slots.tolist()]
        cosines = np.zeros(len(ids), np.float32)
        found = self._database.query(COSINES, [text(query), *self._place, ids])
        self._fill(cosines, found, {memory_id: place for place, memory_id in enumerate(ids)})
        return cosines

    def rows(self, slots: Indexes) -> Floats:
        self._flush()
        ids = [self._ids[slot] for slot in slots.tolist()]
        places = {memory_id: place for place, memory_id in enumerate(ids)}
        rows = np.zeros((len(ids), self.dimension), np.float32)
        for memory_id, sent in self._database.query(ROWS, [*self._place, ids]):
            rows[places[memory_id]] = np.frombuffer(sent, ">f4", offset=HEADER_BYTES)
        return rows

    def differ(self, slots: Indexes, fresh: VectorIndex, expected: Indexes) -> Flags:  # noqa: ARG002 - both are these rows
        """Return which vectors PostgreSQL lacks, and will not be given by this process."""
        missing = fresh._waiting if isinstance(fresh, Directions) else {}  # noqa: SLF001 - its own kind
        ids = [self._ids[slot] for slot in slots.tolist()]
        return np.array([memory_id in missing and memory_id not in self._waiting for memory_id in ids], bool)

    def _fill(self, scores: Floats, found: Sequence[tuple[str, float]], places: dict[str, int]) -> None:
        for memory_id, cosine in found:
            if (place := places.get(memory_id)) is not None:  # another process may know more
                scores[place] = cosine

    def _flush(self) -> None:
        """Write what waits. A memory that was forgotten meanwhile has no embedding, and gets no row."""
        self._kept = None
        waiting = list(self._waiting.items())
        for start in range(0, len(waiting), BATCH):
            some = waiting[start : start + BATCH]
            ids, vectors = [memory_id for memory_id, _ in some], [vector for _, vector in some]
            new = [ids, list(map(digest, vectors)), list(map(text, vectors))]
            self._database.query(UPSERT, [*self._place[:3], *new, self._model])
        self._waiting.clear()


def digest(vector: Floats) -> str:
    return blake2b(vector.tobytes(), digest_size=8).hexdigest()


def text(vector: Floats) -> str:
    return "[" + ",".join(map(repr, vector.tolist())) + "]"
