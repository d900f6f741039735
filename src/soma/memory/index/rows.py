"""Rows of numbers that grow at their end, in memory or in a file that is mapped into it.

The file is the array: what is written to a row is in the file, and a start maps it again instead of reading it.
"""

import mmap
import os
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

BLOCK = 16  # rows: there is room for whole blocks only
DOUBLED = 4_096  # rows up to which an array doubles; a larger one grows by a quarter: half of it air is much memory

N = TypeVar("N", bound=np.generic)


def larger_size(rows: int) -> int:
    """Return the next size of an array in which `rows` are no longer enough."""
    return whole_blocks(2 * rows if rows < DOUBLED else rows + rows // 4)


def whole_blocks(rows: int) -> int:
    """Return the rows of the blocks that hold so many."""
    return -(-rows // BLOCK) * BLOCK


class Rows(Generic[N]):
    """`array` [capacity, width] are the rows; take it anew after `reserve`, and hold no part of it across that."""

    def __init__(self, width: int, kind: type[N]) -> None:
        self.array: NDArray[N] = np.zeros((0, width), kind)
        self._handle: int | None = None  # of the file, as long as it is mapped: it may lose its name meanwhile
        self._map: mmap.mmap | None = None

    @property
    def width(self) -> int:
        return int(self.array.shape[1])

    @property
    def row_bytes(self) -> int:
        return self.width * self.array.itemsize

    @property
    def nbytes(self) -> int:
        """Bytes of this process's own memory: the system takes mapped rows back where it needs room."""
        return 0 if self.is_mapped else self.array.nbytes

    @property
    def is_mapped(self) -> bool:
        return self._handle is not None

    def map(self, file: Path, rows: int) -> None:
        """Continue in `file`, of which the first `rows` are kept: these and no others are there afterwards.

        What was here before is given up. Raises OSError where the disk has no room.
        """
        handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
        os.ftruncate(handle, rows * self.row_bytes)  # what lies beyond is of nobody
        weakref.finalize(self, os.close, handle)
        self._map_file(handle, max(BLOCK, whole_blocks(rows)))
        self._handle = handle

    def move(self, file: Path, rows: int) -> None:
        """Continue in `file`, with the first `rows` of what is here. Raises OSError where the disk has no room."""
        former = self.array[:rows]
        self.map(file, 0)
        self.reserve(rows)
        self.array[:rows] = former

    def reserve(self, rows: int) -> None:
        """Make room for so many rows; new ones are zero. Raises OSError where the disk has none."""
        capacity = len(self.array)
        if rows <= capacity:
            return
        if self._handle is not None:
            self._map_file(self._handle, larger_size(rows))
            return
        grown = np.zeros((larger_size(rows), self.width), self.array.dtype)
        grown[:capacity] = self.array
        self.array = grown

    def let_go(self) -> None:
        """Give back the memory that mapped rows take: the next who reads them takes it again."""
        if self._map is not None:
            self._map.madvise(mmap.MADV_DONTNEED)

    def write_out(self) -> None:
        """Wait until what was written to mapped rows is on the disk."""
        if self._map is not None:
            self._map.flush()

    def _map_file(self, handle: int, rows: int) -> None:
        size = rows * self.row_bytes
        os.ftruncate(handle, size)
        if hasattr(os, "posix_fallocate"):  # a full disk says so here, and not by a signal at a later write
            os.posix_fallocate(handle, 0, size)
        self._map = mmap.mmap(handle, size)
        self.array = np.frombuffer(self._map, self.array.dtype).reshape(rows, self.width)


Files = Mapping[str, tuple[Rows[Any], int]]  # rows that may be mapped, by a name for their file, and how many are used
