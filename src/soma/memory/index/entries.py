"""Entries: memories as recall shows them, read from their rows when somebody looks at them.

The last ones that were looked at stay at hand, each as of one state of its memory.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from soma.memory.types import Kind

AT_HAND = 4_096  # some 5 MB


@dataclass(frozen=True, slots=True)
class Entry:
    """A memory as recall shows it. `metadata` is JSON text; `thread` names its conversation or document.

    `author` is the verified user who wrote a shared one.
    """

    id: str
    key: str
    text: str
    metadata: str
    kind: Kind
    occurred_at: str
    conversation_id: str | None
    position: int
    revision: int
    time: float
    importance: float
    speaker: str
    thread: str | None
    author: str | None = None


class Entries:
    """`read` returns those of some memories that are there and undamaged."""

    def __init__(self, read: Callable[[Sequence[str]], Iterable[Entry]]) -> None:
        self._read = read
        self._at_hand: OrderedDict[str, Entry] = OrderedDict()
        self._lock = threading.Lock()

    def look(self, revisions: Mapping[str, int]) -> dict[str, Entry]:
        """Return the memories of these ids that are there, none older than the revision that the caller knows."""
        with self._lock:
            found = {
                memory_id: entry
                for memory_id, revision in revisions.items()
                if (entry := self._at_hand.get(memory_id)) is not None and entry.revision >= revision
            }
            for memory_id in found:
                self._at_hand.move_to_end(memory_id)
        if missing := [memory_id for memory_id in revisions if memory_id not in found]:
            read = {entry.id: entry for entry in self._read(missing)}
            found |= read
            with self._lock:
                self._at_hand |= read
                while len(self._at_hand) > AT_HAND:
                    self._at_hand.popitem(last=False)
        return found

    def forget(self, memory_id: str) -> None:
        with self._lock:
            self._at_hand.pop(memory_id, None)
