"""What was said together: the memories of one conversation or document in order, cut where there was a long pause."""

from array import array
from collections.abc import Callable
from dataclasses import dataclass, field

PAUSE_SECONDS = 6 * 3600.0

Order = tuple[float, int]  # when it happened, then the order of creation


@dataclass(slots=True)
class _Thread:
    last: Order = (0.0, 0)
    sessions: list[int] = field(default_factory=list)
    slots: set[int] = field(default_factory=set)
    stale: bool = False


class Sessions:
    """`number[slot]` is the slot's session (-1: it stands alone), `place[slot]` its index in `members[number]`."""

    def __init__(self, order: Callable[[int], Order]) -> None:
        self._order = order
        self._threads: dict[str, _Thread] = {}
        self._of_slot: list[str | None] = []
        self._stale: set[str] = set()
        self.number = array("i")
        self.place = array("i")
        self.members: list[array[int]] = []

    def append(self, thread: str | None) -> None:
        """The next slot belongs to `thread`."""
        slot = len(self._of_slot)
        self._of_slot.append(None)
        self.number.append(-1)
        self.place.append(0)
        self.set(slot, thread)

    def set(self, slot: int, thread: str | None) -> None:
        self.remove(slot)
        if thread is None:
            return
        self._of_slot[slot] = thread
        state = self._threads.setdefault(thread, _Thread())
        state.slots.add(slot)
        order = self._order(slot)
        if thread in self._stale or order < state.last:
            self._stale.add(thread)
        else:
            self._continue(state, slot, order)

    def remove(self, slot: int) -> None:
        if (thread := self._of_slot[slot]) is None:
            return
        self._of_slot[slot] = None
        self.number[slot] = -1
        self._threads[thread].slots.discard(slot)
        self._stale.add(thread)

    def settle(self) -> None:
        """Bring threads that were changed in the middle into order again. Called before reading."""
        while self._stale:
            name = self._stale.pop()
            former = self._threads.pop(name)
            for number in former.sessions:
                self.members[number] = array("i")
            if former.slots:
                state = self._threads[name] = _Thread(slots=former.slots)
                for order, slot in sorted((self._order(slot), slot) for slot in former.slots):
                    self._continue(state, slot, order)

    def _continue(self, state: _Thread, slot: int, order: Order) -> None:
        if not state.sessions or order[0] - state.last[0] > PAUSE_SECONDS:
            state.sessions.append(len(self.members))
            self.members.append(array("i"))
        number = state.sessions[-1]
        self.number[slot] = number
        self.place[slot] = len(self.members[number])
        self.members[number].append(slot)
        state.last = order
