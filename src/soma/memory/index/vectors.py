"""Vectors of a partition by slot: one float32 slab, compared with a question in full while that is quick."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from soma.memory.index.pieces import Pieces
from soma.memory.index.rows import Files, Rows, whole_blocks

Floats = NDArray[np.float32]
Indexes = NDArray[np.int64]
Flags = NDArray[np.bool_]

PIECE = 4_096  # rows that are compared at once


class VectorIndex(Protocol):
    """The port to the vectors of a partition, wherever they are. A dead slot's is zero; a cosine with it is 0.

    `exact`: `scores` are cosines in every slot. Else they are in the slots nearest to the question; of the others they
    are estimates, or -1 where nothing is known. `cosines` and `rows` are exact always.
    """

    @property
    def dimension(self) -> int: ...
    @property
    def exact(self) -> bool: ...
    @property
    def nbytes(self) -> int: ...
    def append(self, vector: Floats, memory_id: str) -> None: ...
    def set(self, slot: int, vector: Floats | float) -> None: ...
    def scores(self, query: Floats) -> Floats: ...
    def cosines(self, slots: Indexes, query: Floats) -> Floats: ...
    def rows(self, slots: Indexes) -> Floats: ...
    def differ(self, slots: Indexes, fresh: "VectorIndex", expected: Indexes) -> Flags: ...


class VectorSlab:
    """Row `slot` is the vector of that slot; a dead row is zero."""

    def __init__(self, dimension: int) -> None:
        self.slab = Rows(dimension, np.float32)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def dimension(self) -> int:
        return self.slab.width

    @property
    def exact(self) -> bool:
        return True

    @property
    def nbytes(self) -> int:
        return self.slab.nbytes

    @property
    def used_rows(self) -> Floats:
        """The rows of all slots."""
        return self.slab.array[: self._count]

    def append(self, vector: Floats, memory_id: str = "") -> None:  # noqa: ARG002 - an index outside of this process needs it
        self.slab.reserve(self._count + 1)
        self.slab.array[self._count] = vector
        self._count += 1

    def extend(self, vectors: Floats) -> None:
        self.slab.reserve(self._count + len(vectors))
        self.slab.array[self._count : self._count + len(vectors)] = vectors
        self._count += len(vectors)

    def set(self, slot: int, vector: Floats | float) -> None:
        self.slab.array[slot] = vector

    def scores(self, query: Floats) -> Floats:
        """Cosines of all rows with a unit vector; shape [slots].

        BLAS rounds the rows of the last, partial block otherwise than the same rows elsewhere, so it gets whole blocks:
        what a memory scores does not depend on how many others there were.
        """
        scores: Floats = (self.slab.array[: whole_blocks(self._count)] @ query)[: self._count]
        return scores

    def cosines(self, slots: Indexes, query: Floats) -> Floats:
        """Return cosines of some slots."""
        return self.slab.array[slots] @ query

    def rows(self, slots: Indexes) -> Floats:
        rows: Floats = self.slab.array[slots]
        return rows

    def differ(self, slots: Indexes, fresh: VectorIndex, expected: Indexes) -> Flags:
        """Return which of `slots` hold another vector than `fresh` in `expected`; none for vectors kept elsewhere."""
        result = np.zeros(len(slots), bool)
        if isinstance(fresh, VectorSlab):
            for start in range(0, len(slots), PIECE):
                piece = slice(start, start + PIECE)
                result[piece] = (self.rows(slots[piece]) != fresh.rows(expected[piece])).any(axis=1)
        return result

    def files(self) -> Files:
        return {"full": (self.slab, self._count)}

    def dump(self) -> Pieces:
        return {"count": np.array([self._count], np.int64)}

    def restore(self, pieces: Pieces) -> None:
        """Become what `dump` returned; the rows are mapped already."""
        [self._count] = np.frombuffer(pieces["count"], np.int64).tolist()
