"""A large slab behind short vectors: a question meets all of these, then in full those that came nearest.

Short means the principal directions of the partition's own vectors. Nothing is trained and no graph is built: a new
vector is shortened and appended, a forgotten one is zeroed. What was found is compared exactly, so only a memory that
its short vector hides is missed: docs/decisions/010 has the figures.
"""

import numpy as np

from soma.memory.index.pieces import Pieces
from soma.memory.index.rows import Files
from soma.memory.index.vectors import Floats, VectorSlab

SKETCH_FROM = 150_000  # memories; below, a recall is within its goal with every vector compared
SHORT = 128  # numbers a short vector
NEAREST, SHARE = 2_000, 1 / 32  # how many are compared in full: so many, or the share if that is more
SAMPLE = 20_000  # vectors that the directions are found from
PIECE = 4_096  # rows that are shortened at once
ROUNDS = 4  # of subspace iteration; more move nothing


class SketchedVectors(VectorSlab):
    """A slab that is compared in full below `sketch_from` rows."""

    def __init__(self, dimension: int, *, sketch_from: int = SKETCH_FROM) -> None:
        super().__init__(dimension)
        self._from = max(sketch_from, SHORT)
        self._basis: Floats | None = None
        self._short = VectorSlab(min(SHORT, dimension))

    @property
    def exact(self) -> bool:
        return len(self) < self._from

    @property
    def nbytes(self) -> int:
        return super().nbytes + self._short.nbytes

    def set(self, slot: int, vector: Floats | float) -> None:
        super().set(slot, vector)
        if self._basis is not None and slot < len(self._short):
            self._short.set(slot, self.slab.array[slot] @ self._basis)

    def scores(self, query: Floats) -> Floats:
        """Return cosines of the nearest rows, estimates of the others."""
        if self.exact or self.slab.width <= SHORT:
            return super().scores(query)
        basis = self._catch_up()
        scores = self._short.scores(query @ basis)
        count = max(NEAREST, int(SHARE * len(scores)))
        nearest = np.argpartition(scores, -count)[-count:] if len(scores) > count else np.arange(len(scores))
        scores[nearest] = self.cosines(nearest, query)
        return scores

    def files(self) -> Files:
        return {**super().files(), "short": (self._short.slab, len(self._short))}

    def dump(self) -> Pieces:
        basis = self._catch_up() if not self.exact and self.slab.width > SHORT else np.zeros(0, np.float32)
        return {**super().dump(), "basis": basis, "short": np.array([len(self._short)], np.int64)}

    def restore(self, pieces: Pieces) -> None:
        super().restore(pieces)
        self._short.restore({"count": pieces["short"]})
        if len(basis := np.frombuffer(pieces["basis"], np.float32)):
            self._basis = basis.reshape(self.slab.width, -1).copy()

    def _catch_up(self) -> Floats:
        """Give every row its short vector, and return the basis."""
        if self._basis is None:
            self._basis = principal_directions(self.used_rows[:: max(1, len(self) // SAMPLE)])
        for start in range(len(self._short), len(self), PIECE):
            self._short.extend(self.used_rows[start : start + PIECE] @ self._basis)
        return self._basis


def principal_directions(vectors: Floats) -> Floats:
    """Find the directions [dimension, SHORT] in which `vectors` [n, dimension] differ most, by subspace iteration."""
    directions = np.random.default_rng(0).normal(size=(vectors.shape[1], SHORT)).astype(np.float32)
    for _ in range(ROUNDS):
        directions = np.linalg.qr(vectors.T @ (vectors @ directions))[0]
    return directions
