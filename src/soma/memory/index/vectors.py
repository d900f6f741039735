"""Vectors of a partition by slot: one float32 slab, compared with a question in full while that is quick."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Indexes = NDArray[np.int64]

LEAST = 16  # rows of a slab that is not empty
DOUBLED = (
    4_096  # rows up to which a slab doubles; a larger one grows by a quarter, for half a slab of air is much memory
)


class VectorIndex(Protocol):
    """The port to the vectors of a partition, wherever they are. A dead slot's is zero; a cosine with it is 0.

    `exact`: `scores` are cosines in every slot. Else they are in the slots nearest to the question; of the others they
    are estimates, or -1 where nothing is known. `cosines` and `rows` are exact always.
    """

    @property
    def exact(self) -> bool: ...
    @property
    def nbytes(self) -> int: ...
    def append(self, vector: Floats, memory_id: str) -> None: ...
    def set(self, slot: int, vector: Floats | float) -> None: ...
    def scores(self, query: Floats) -> Floats: ...
    def cosines(self, slots: Indexes, query: Floats) -> Floats: ...
    def rows(self, slots: Indexes) -> Floats: ...
    def is_same(self, slot: int, fresh: "VectorIndex", expected: int) -> bool: ...


def larger_size(rows: int) -> int:
    """Return the next size of a slab in which `rows` are no longer enough."""
    return max(LEAST, 2 * rows if rows < DOUBLED else rows + rows // 4)


class VectorSlab:
    """Row `slot` is the vector of that slot; a dead row is zero."""

    def __init__(self, dimension: int) -> None:
        self._slab = np.zeros((0, dimension), np.float32)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def exact(self) -> bool:
        return True

    @property
    def nbytes(self) -> int:
        return self._slab.nbytes

    def append(self, vector: Floats, memory_id: str = "") -> None:  # noqa: ARG002 - an index outside of this process needs it
        if self._count == len(self._slab):
            larger = np.zeros((larger_size(self._count), self._slab.shape[1]), np.float32)
            larger[: self._count] = self._slab
            self._slab = larger
        self._slab[self._count] = vector
        self._count += 1

    def set(self, slot: int, vector: Floats | float) -> None:
        self._slab[slot] = vector

    def scores(self, query: Floats) -> Floats:
        """Cosines of all rows with a unit vector; shape [slots]."""
        return self._slab[: self._count] @ query

    def cosines(self, slots: Indexes, query: Floats) -> Floats:
        """Return cosines of some slots."""
        return self._slab[slots] @ query

    def rows(self, slots: Indexes) -> Floats:
        rows: Floats = self._slab[slots]
        return rows

    def is_same(self, slot: int, fresh: VectorIndex, expected: int) -> bool:
        """Return whether `slot` holds what `fresh` holds as `expected`; True for vectors kept elsewhere."""
        if not isinstance(fresh, VectorSlab):
            return True
        return np.array_equal(self.rows(np.array([slot])), fresh.rows(np.array([expected])))
