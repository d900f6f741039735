"""A large slab behind sketches: a question meets the signs of all vectors, of the likely ones more, then few in full.

Each step chooses for the next: the signs of all numbers, then short vectors of eight bits a number, then the vectors.
Short means the principal directions of the partition's own vectors. Nothing is trained and no graph is built: a new
vector is shortened and appended, a forgotten one is zeroed. What was found is compared exactly, so only a memory that
its sketches hide is missed: docs/decisions/010 has the figures.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from soma.memory.index.pieces import Pieces
from soma.memory.index.rows import Files, Rows
from soma.memory.index.signs import Signs
from soma.memory.index.vectors import Floats, Indexes, VectorSlab
from soma.memory.index.word_vectors import SCALE, quantise

SKETCH_FROM = 150_000  # memories; below, a recall is within its goal with every vector compared
SHORT = 128  # numbers a short vector
LIKELY, LIKELY_SHARE = 25_000, 1 / 16  # how many short vectors are compared: so many, or the share if that is more
NEAREST, NEAREST_SHARE = 4_000, 1 / 128  # how many are compared in full
SAMPLE = 20_000  # vectors that the directions are found from
PIECE = 4_096  # rows that are shortened at once
COMPARED = 1_024  # rows that are compared at once: they stay in the processor's cache
ROUNDS = 4  # of subspace iteration; more move nothing
FAR = -1.0  # the score where nothing is known


class SketchedVectors(VectorSlab):
    """A slab that is compared in full below `sketch_from` rows."""

    def __init__(self, dimension: int, *, sketch_from: int = SKETCH_FROM) -> None:
        super().__init__(dimension)
        self._from = max(sketch_from, SHORT)
        self._basis: Floats | None = None
        self._short = Rows(min(SHORT, dimension), np.int8)
        self._signs = Signs(dimension)

    @property
    def exact(self) -> bool:
        return len(self) < self._from or self.slab.width <= SHORT  # nothing is shorter

    @property
    def nbytes(self) -> int:
        return super().nbytes + self._short.nbytes + self._signs.nbytes

    def set(self, slot: int, vector: Floats | float) -> None:
        super().set(slot, vector)
        if self._basis is not None and slot < len(self._signs):
            self._signs.set(slot, self.slab.array[slot])
            self._short.array[slot] = quantise(self.slab.array[slot] @ self._basis)

    def scores(self, query: Floats) -> Floats:
        """Return cosines of the nearest rows and estimates of likely ones; the others are far."""
        if self.exact:
            return super().scores(query)
        basis, count = self._catch_up(), max(NEAREST, int(NEAREST_SHARE * len(self)))
        likely = find_least(self._signs.distances(query), max(LIKELY, int(LIKELY_SHARE * len(self))))
        estimates = _compare(self._short.array, likely, query @ basis / np.float32(SCALE))
        scores = np.full(len(self), FAR, np.float32)
        scores[likely] = estimates
        nearest = likely[np.sort(np.argpartition(estimates, -count)[-count:])] if len(likely) > count else likely
        scores[nearest] = _compare(self.slab.array, nearest, query)
        return scores

    def files(self) -> Files:
        return {**super().files(), "short": (self._short, len(self._signs))}

    def dump(self) -> Pieces:
        basis = np.zeros(0, np.float32) if self.exact else self._catch_up()
        return {**super().dump(), "basis": basis, **self._signs.dump()}

    def restore(self, pieces: Pieces) -> None:
        super().restore(pieces)
        self._signs.restore(pieces)
        if len(basis := np.frombuffer(pieces["basis"], np.float32)):
            self._basis = basis.reshape(self.slab.width, -1).copy()

    def _catch_up(self) -> Floats:
        """Give every row its sketches, and return the basis of the short vectors."""
        if self._basis is None:
            self._basis = principal_directions(self.used_rows[:: max(1, len(self) // SAMPLE)])
        self._short.reserve(len(self))
        for start in range(len(self._signs), len(self), PIECE):
            rows = self.used_rows[start : start + PIECE]
            self._short.array[start : start + len(rows)] = quantise(rows @ self._basis)
            self._signs.extend(rows)
        return self._basis


def find_least(numbers: NDArray[np.uint16], count: int) -> Indexes:
    """Return the places of the `count` smallest, ascending; of equal ones at the edge the first."""
    if len(numbers) <= count:
        return np.arange(len(numbers))
    edge = np.partition(numbers, count - 1)[count - 1]
    chosen = numbers < edge
    equal = np.flatnonzero(numbers == edge)
    chosen[equal[: count - np.count_nonzero(chosen)]] = True
    return np.flatnonzero(chosen)


def _compare(rows: NDArray[Any], slots: Indexes, query: Floats) -> Floats:
    """Multiply some rows with the question, piece by piece."""
    found = np.empty(len(slots), np.float32)
    for start in range(0, len(slots), COMPARED):
        piece = rows.take(slots[start : start + COMPARED], axis=0)
        np.matmul(piece.astype(np.float32, copy=False), query, out=found[start : start + COMPARED])
    return found


def principal_directions(vectors: Floats) -> Floats:
    """Find the directions [dimension, SHORT] in which `vectors` [n, dimension] differ most, by subspace iteration."""
    directions = np.random.default_rng(0).normal(size=(vectors.shape[1], SHORT)).astype(np.float32)
    for _ in range(ROUNDS):
        directions = np.linalg.qr(vectors.T @ (vectors @ directions))[0]
    return directions
