"""Sessions: memories of one conversation or document in order, cut where there was a long pause."""

from array import array
from collections.abc import Callable
from dataclasses import dataclass, field

PAUSE_SECONDS = 6 * 3600.0
ALONE = -1

Order = tuple[float, int]  # when it happened, then the order of creation


@dataclass(slots=True)
class _Thread:
    slots: set[int] = field(default_factory=set)
    last: int = ALONE
    session: int = ALONE


class Sessions:
    """The number of each slot's session, and the slots before and after it in the session (-1: none)."""

    def __init__(self, order: Callable[[int], Order]) -> None:
        self._order = order
        self._threads: dict[str, _Thread] = {}
        self._of_slot: list[str | None] = []
        self._stale: set[str] = set()
        self._count = 0
        self.number = array("i")
        self.before = array("i")
        self.after = array("i")

    def append(self, thread: str | None) -> None:
        """Add the next slot, which belongs to `thread`."""
        self._of_slot.append(None)
        for column in (self.number, self.before, self.after):
            column.append(ALONE)
        self.set(len(self._of_slot) - 1, thread)

    def set(self, slot: int, thread: str | None) -> None:
        self.remove(slot)
        if thread is None:
            self._place(slot, self._next_number(), ALONE)
            return
        self._of_slot[slot] = thread
        state = self._threads.setdefault(thread, _Thread())
        state.slots.add(slot)
        if thread in self._stale or (state.last != ALONE and self._order(slot) < self._order(state.last)):
            self._stale.add(thread)
        else:
            self._continue(state, slot)

    def remove(self, slot: int) -> None:
        if (thread := self._of_slot[slot]) is not None:
            self._of_slot[slot] = None
            self._threads[thread].slots.discard(slot)
            self._stale.add(thread)

    def settle(self) -> None:
        """Order threads that were changed in the middle. Called before reading."""
        while self._stale:
            name = self._stale.pop()
            slots = self._threads.pop(name).slots
            if slots:
                state = self._threads[name] = _Thread(slots)
                for slot in sorted(slots, key=self._order):
                    self._continue(state, slot)

    def _continue(self, state: _Thread, slot: int) -> None:
        paused = state.last == ALONE or self._order(slot)[0] - self._order(state.last)[0] > PAUSE_SECONDS
        if paused:
            state.session = self._next_number()
        self._place(slot, state.session, ALONE if paused else state.last)
        state.last = slot

    def _place(self, slot: int, number: int, before: int) -> None:
        self.number[slot], self.before[slot], self.after[slot] = number, before, ALONE
        if before != ALONE:
            self.after[before] = slot

    def _next_number(self) -> int:
        self._count += 1
        return self._count
