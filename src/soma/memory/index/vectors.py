"""Exact search: every vector of a partition in one float32 slab."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

LEAST = 16  # rows of a slab that is not empty
DOUBLED = (
    4_096  # rows up to which a slab doubles; a larger one grows by a quarter, for half a slab of air is much memory
)


def grown(rows: int) -> int:
    """How large to make a slab in which `rows` are no longer enough."""
    return max(LEAST, 2 * rows if rows < DOUBLED else rows + rows // 4)


class Vectors:
    """Row `slot` is the vector of that slot; a dead row is zero."""

    def __init__(self, dimension: int) -> None:
        self._slab = np.zeros((0, dimension), np.float32)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def nbytes(self) -> int:
        return self._slab.nbytes

    def append(self, vector: Floats) -> None:
        if self._count == len(self._slab):
            larger = np.zeros((grown(self._count), self._slab.shape[1]), np.float32)
            larger[: self._count] = self._slab
            self._slab = larger
        self._slab[self._count] = vector
        self._count += 1

    def set(self, slot: int, vector: Floats | float) -> None:
        self._slab[slot] = vector

    def scores(self, query: Floats) -> Floats:
        """Cosines of all rows with a unit vector; shape [slots]."""
        return self._slab[: self._count] @ query

    def rows(self, slots: NDArray[np.int64]) -> Floats:
        rows: Floats = self._slab[slots]
        return rows
