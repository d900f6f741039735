"""Signs of vectors, a bit a number: how many differ from those of a question tells in no time which may be near it.

A text as a question has more in common with near texts than the signs show, so they choose many, never the answer.
"""

import numpy as np
from numpy.typing import NDArray

from soma.memory.index.pieces import Pieces
from soma.memory.index.rows import larger_size
from soma.memory.index.vectors import Floats

Words = NDArray[np.uint64]
Distances = NDArray[np.uint16]

BITS = 64  # a word
PIECE = 16_384  # rows that are compared at once, one word of each: they stay in the processor's cache


class Signs:
    """Column `slot` holds the signs of that slot; those of a dead one are all negative."""

    def __init__(self, dimension: int) -> None:
        self._columns: Words = np.zeros((-(-dimension // BITS), 0), np.uint64)  # word by word: they are read so
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def nbytes(self) -> int:
        return self._columns.nbytes

    def extend(self, vectors: Floats) -> None:
        end = self._count + len(vectors)
        if end > self._columns.shape[1]:
            grown = np.zeros((len(self._columns), larger_size(end)), np.uint64)
            grown[:, : self._count] = self._columns[:, : self._count]
            self._columns = grown
        self._columns[:, self._count : end] = self._read(vectors).T
        self._count = end

    def set(self, slot: int, vector: Floats) -> None:
        self._columns[:, slot] = self._read(vector[None])[0]

    def distances(self, vector: Floats) -> Distances:
        """Return how many signs of each slot differ from those of `vector`; shape [slots]."""
        question = self._read(vector[None])[0]
        total = np.zeros(self._count, np.uint16)
        for start in range(0, self._count, PIECE):
            piece = slice(start, min(start + PIECE, self._count))
            for column, word in zip(self._columns, question, strict=True):
                total[piece] += np.bitwise_count(column[piece] ^ word)
        return total

    def dump(self) -> Pieces:
        return {"signs": np.ascontiguousarray(self._columns[:, : self._count])}

    def restore(self, pieces: Pieces) -> None:
        """Become what `dump` returned."""
        self._columns = np.frombuffer(pieces["signs"], np.uint64).reshape(len(self._columns), -1).copy()
        self._count = self._columns.shape[1]

    def _read(self, vectors: Floats) -> Words:
        bits = np.packbits(vectors > 0, axis=1)
        room = np.zeros((len(vectors), len(self._columns) * BITS // 8), np.uint8)
        room[:, : bits.shape[1]] = bits
        return room.view(np.uint64)
