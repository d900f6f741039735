"""Short vectors of the words or of the passages of each memory, eight bits a number: a question meets the nearest."""

from array import array

import numpy as np
from numpy.typing import NDArray

from soma.memory.index.vectors import larger_size

Bytes = NDArray[np.int8]
Floats = NDArray[np.float32]
Indexes = NDArray[np.int64]

PIECE = 2_048  # rows
SCALE = 254.0  # numbers of vectors of length 1 beyond a half are clipped: there are next to none


def quantise(vectors: Floats) -> Bytes:
    levels: Bytes = np.clip(np.rint(vectors * SCALE), -127, 127).astype(np.int8)
    return levels


class WordVectors:
    """The vectors of all slots in one slab, a run of rows each. A replaced run is zeroed and left behind."""

    def __init__(self, dimension: int) -> None:
        self._slab = np.zeros((0, dimension), np.int8)
        self._used = 0
        self._first = array("q")
        self._count = array("i")

    @property
    def dimension(self) -> int:
        return int(self._slab.shape[1])

    @property
    def nbytes(self) -> int:
        return self._slab.nbytes

    def append(self, words: Bytes) -> None:
        self._first.append(0)
        self._count.append(0)
        self.set(len(self._first) - 1, words)

    def set(self, slot: int, words: Bytes) -> None:
        first, count = self._first[slot], self._count[slot]
        self._slab[first : first + count] = 0
        if len(words):
            self._reserve(len(words))
            self._slab[self._used : self._used + len(words)] = words
        self._first[slot], self._count[slot] = self._used, len(words)
        self._used += len(words)

    def read(self, slot: int) -> Bytes:
        first = self._first[slot]
        return self._slab[first : first + self._count[slot]]

    def best(self, slots: Indexes, question: Floats) -> Floats:
        """Best cosine of each word of the question with a word of each slot; [slots, words], 0 without words."""
        first = np.frombuffer(self._first, np.int64)[slots]
        count = np.frombuffer(self._count, np.int32)[slots]
        result = np.zeros((len(slots), len(question)), np.float32)
        filled = np.flatnonzero(count)
        if len(filled):
            first, count = first[filled], count[filled]
            starts = np.cumsum(count) - count
            rows = np.repeat(first - starts, count) + np.arange(count.sum())
            result[filled] = np.maximum.reduceat(self._cosines(rows, question), starts, axis=1).T
        return result

    def find_filled(self) -> Indexes:
        """Return the slots that have any."""
        return np.flatnonzero(np.frombuffer(self._count, np.int32))

    def _cosines(self, rows: Indexes, question: Floats) -> Floats:
        """Return [words, rows], computed in pieces that stay in the processor's cache while they are widened."""
        question = question / np.float32(SCALE)
        cosines = np.empty((len(question), len(rows)), np.float32)
        for start in range(0, len(rows), PIECE):
            piece = self._slab.take(rows[start : start + PIECE], axis=0).astype(np.float32)
            np.matmul(question, piece.T, out=cosines[:, start : start + PIECE])
        return cosines

    def _reserve(self, more: int) -> None:
        if self._used + more > len(self._slab):
            larger = np.zeros((larger_size(self._used + more), self._slab.shape[1]), np.int8)
            larger[: self._used] = self._slab[: self._used]
            self._slab = larger
