"""Short vectors of the words or of the passages of each memory, eight bits a number: a question meets the nearest."""

from array import array

import numpy as np
from numpy.typing import NDArray

from soma.memory.index.pieces import Pieces
from soma.memory.index.rows import Files, Rows

Bytes = NDArray[np.int8]
Floats = NDArray[np.float32]
Indexes = NDArray[np.int64]

PIECE = 2_048  # rows
AROUND = 65_536  # bytes of a file that the system maps around each place that is read
TOUCHED = 32_000_000  # bytes of mapped rows that may stay in memory between two questions
SCALE = 254.0  # numbers of vectors of length 1 beyond a half are clipped: there are next to none


def quantise(vectors: Floats) -> Bytes:
    levels: Bytes = np.clip(np.rint(vectors * SCALE), -127, 127).astype(np.int8)
    return levels


class WordVectors:
    """The vectors of all slots in one slab, a run of rows each. A replaced run is zeroed and left behind."""

    def __init__(self, dimension: int) -> None:
        self.slab = Rows(dimension, np.int8)
        self._used = 0
        self._touched = 0
        self._first = array("q")
        self._count = array("i")

    @property
    def dimension(self) -> int:
        return self.slab.width

    @property
    def nbytes(self) -> int:
        return self.slab.nbytes

    def append(self, words: Bytes) -> None:
        self._first.append(0)
        self._count.append(0)
        self.set(len(self._first) - 1, words)

    def set(self, slot: int, words: Bytes) -> None:
        first, count = self._first[slot], self._count[slot]
        self.slab.array[first : first + count] = 0
        if len(words):
            self.slab.reserve(self._used + len(words))
            self.slab.array[self._used : self._used + len(words)] = words
        self._first[slot], self._count[slot] = self._used, len(words)
        self._used += len(words)

    def read(self, slot: int) -> Bytes:
        first = self._first[slot]
        return self.slab.array[first : first + self._count[slot]]

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
            self._let_go(len(filled))
        return result

    def _let_go(self, places: int) -> None:
        """Give back the memory of mapped rows: questions look at a few here and there, and would fill it with all."""
        self._touched += AROUND * places
        if self.slab.is_mapped and min(self._touched, self.slab.array.nbytes) > TOUCHED:
            self._touched = 0
            self.slab.let_go()

    def find_filled(self) -> Indexes:
        """Return the slots that have any."""
        if not self._used:
            return np.zeros(0, np.int64)
        return np.flatnonzero(np.frombuffer(self._count, np.int32))

    def _cosines(self, rows: Indexes, question: Floats) -> Floats:
        """Return [words, rows], computed in pieces that stay in the processor's cache while they are widened."""
        question = question / np.float32(SCALE)
        cosines = np.empty((len(question), len(rows)), np.float32)
        for start in range(0, len(rows), PIECE):
            piece = self.slab.array.take(rows[start : start + PIECE], axis=0).astype(np.float32)
            np.matmul(question, piece.T, out=cosines[:, start : start + PIECE])
        return cosines

    def files(self) -> Files:
        return {"rows": (self.slab, self._used)}

    def dump(self) -> Pieces:
        return {"used": np.array([self._used], np.int64), "first": self._first, "count": self._count}

    def restore(self, pieces: Pieces) -> None:
        """Become what `dump` returned; the rows are mapped already."""
        [self._used] = np.frombuffer(pieces["used"], np.int64).tolist()
        self._first, self._count = array("q", bytes(pieces["first"])), array("i", bytes(pieces["count"]))
