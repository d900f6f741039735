"""Sessions: memories of one conversation or document in order, cut where there was a long pause."""

from array import array
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from soma.memory.index.pieces import Pieces

PAUSE_SECONDS = 6 * 3600.0
ALONE = -1  # the thread of a memory that belongs to no conversation; no slot; no session

Order = tuple[float, int]  # when it happened, then the order of creation
Find = Callable[[NDArray[np.int32]], NDArray[np.int64]]


class Sessions:
    """The number of each slot's session, and the slots before and after it in the session (-1: none).

    `order` tells when a slot was; `find` returns the slots of some threads, thread by thread, each in that order.
    """

    def __init__(self, order: Callable[[int], Order], find: Find) -> None:
        self._order = order
        self._find = find
        self._stale: set[int] = set()
        self._count = 0
        self._last = array("i")  # slot of each thread
        self._session = array("i")  # to which that belongs
        self.number = array("i")
        self.before = array("i")
        self.after = array("i")

    def append(self, thread: int) -> None:
        """Add the next slot, which belongs to `thread`."""
        for column in (self.number, self.before, self.after):
            column.append(ALONE)
        self.add(len(self.number) - 1, thread)

    def add(self, slot: int, thread: int) -> None:
        """Put a slot that belongs to no thread into one."""
        if thread == ALONE:
            self._place(slot, self._next_number(), ALONE)
            return
        while len(self._last) <= thread:
            self._last.append(ALONE)
            self._session.append(ALONE)
        last = self._last[thread]
        if thread in self._stale or (last != ALONE and self._order(slot) < self._order(last)):
            self._stale.add(thread)
        else:
            self._continue(slot, thread)

    def remove(self, thread: int) -> None:
        """Take note that a slot has left `thread`."""
        if thread != ALONE:
            self._stale.add(thread)

    def settle(self) -> None:
        """Order threads that were changed in the middle. Called before reading."""
        if not self._stale:
            return
        stale = np.array(sorted(self._stale), np.int32)
        for thread in stale.tolist():
            self._last[thread] = self._session[thread] = ALONE
        self._stale.clear()
        for slot, thread in self._find(stale).tolist():
            self._continue(slot, thread)

    def dump(self) -> Pieces:
        """Return everything, once it is settled."""
        return {
            "last": self._last,
            "session": self._session,
            "number": self.number,
            "before": self.before,
            "after": self.after,
        }

    def restore(self, pieces: Pieces) -> None:
        """Become what `dump` returned."""
        self._last, self._session, self.number, self.before, self.after = (
            array("i", bytes(pieces[name])) for name in ("last", "session", "number", "before", "after")
        )
        self._count = max(np.frombuffer(self.number, np.int32).max(initial=0), 0)

    def _continue(self, slot: int, thread: int) -> None:
        last = self._last[thread]
        paused = last == ALONE or self._order(slot)[0] - self._order(last)[0] > PAUSE_SECONDS
        if paused:
            self._session[thread] = self._next_number()
        self._place(slot, self._session[thread], ALONE if paused else last)
        self._last[thread] = slot

    def _place(self, slot: int, number: int, before: int) -> None:
        self.number[slot], self.before[slot], self.after[slot] = number, before, ALONE
        if before != ALONE:
            self.after[before] = slot

    def _next_number(self) -> int:
        self._count += 1
        return self._count
