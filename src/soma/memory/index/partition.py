"""All that recall needs of one partition (tenant, namespace, owner name): who may see one memory of it may see all.

Slots are given in order and never reused; a forgotten memory leaves a dead slot with nothing in it, and a partition
with many of them is made anew.
"""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from soma.memory.index.links import Links
from soma.memory.index.postings import Postings
from soma.memory.index.sessions import Order, Sessions
from soma.memory.index.vectors import Vectors
from soma.memory.types import Kind, Link

ENTRY_BYTES = 700  # of Python objects beside the text, measured
DEAD_SHARE = 0.25
DEAD_LEAST = 256


@dataclass(frozen=True, slots=True)
class Entry:
    """A memory as recall shows it. `metadata` is JSON text; `thread` names its conversation or document."""

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
    value: float
    importance: float
    speaker: str
    thread: str | None


class Partition:
    def __init__(self, dimension: int) -> None:
        self.entries: list[Entry | None] = []
        self.slots: dict[str, int] = {}
        self.vectors = Vectors(dimension)
        self.postings = Postings()
        self.sessions = Sessions(self._order)
        self.links = Links()
        self.times = array("d")
        self.values = array("f")
        self.importances = array("f")
        self.speakers: dict[str, int] = {}
        self.speaker = array("i")
        self.dead: set[int] = set()
        self.revision = 0
        self._gone: set[str] = set()
        self._text_bytes = 0

    def __len__(self) -> int:
        return len(self.slots)

    @property
    def nbytes(self) -> int:
        return self.vectors.nbytes + self.postings.nbytes + self._text_bytes + ENTRY_BYTES * len(self.entries)

    @property
    def wasteful(self) -> bool:
        return len(self.dead) > max(DEAD_LEAST, DEAD_SHARE * len(self.entries))

    def put(self, entry: Entry, vector: NDArray[np.float32], words: Sequence[str]) -> None:
        """Add or replace. Commits may arrive here out of order: an older state never replaces a newer one."""
        slot = self.slots.get(entry.id)
        if entry.id in self._gone:
            return
        self.revision = max(self.revision, entry.revision)
        if slot is None:
            self._append(entry, vector, words)
        elif self.at(slot).revision < entry.revision:
            self._replace(slot, entry, vector, words)

    def forget(self, memory_id: str, revision: int) -> None:
        """Leave nothing of it; one that lives in another partition may still have been linked to from here."""
        self._gone.add(memory_id)
        self.revision = max(self.revision, revision)
        self.links.drop(memory_id)
        if (slot := self.slots.pop(memory_id, None)) is None:
            return
        self._text_bytes -= len(self.at(slot).text)
        self.sessions.remove(slot)
        self.postings.replace(slot, ())
        self.vectors.set(slot, 0.0)
        self.entries[slot] = None
        self.dead.add(slot)

    def link(self, link: Link) -> None:
        for own_id in (link.from_id, link.to_id):
            if own_id in self.slots:
                self.links.put(own_id, link)

    def set_value(self, memory_id: str, value: float) -> None:
        if (slot := self.slots.get(memory_id)) is not None:
            self.values[slot] = value

    def at(self, slot: int) -> Entry:
        entry = self.entries[slot]
        if entry is None:
            raise LookupError(f"slot {slot} is dead")
        return entry

    def _order(self, slot: int) -> Order:
        return self.times[slot], self.at(slot).position

    def _append(self, entry: Entry, vector: NDArray[np.float32], words: Sequence[str]) -> None:
        self.slots[entry.id] = len(self.entries)
        self.entries.append(entry)
        self.times.append(entry.time)
        self.values.append(entry.value)
        self.importances.append(entry.importance)
        self.speaker.append(self._speaker(entry))
        self.vectors.append(vector)
        self.postings.append(words)
        self.sessions.append(entry.thread)
        self._text_bytes += len(entry.text)

    def _replace(self, slot: int, entry: Entry, vector: NDArray[np.float32], words: Sequence[str]) -> None:
        self._text_bytes += len(entry.text) - len(self.at(slot).text)
        self.entries[slot] = entry
        self.times[slot] = entry.time
        self.values[slot] = entry.value
        self.importances[slot] = entry.importance
        self.speaker[slot] = self._speaker(entry)
        self.vectors.set(slot, vector)
        self.postings.replace(slot, words)
        self.sessions.set(slot, entry.thread)

    def _speaker(self, entry: Entry) -> int:
        """A number for the speaker, -1 for none."""
        return self.speakers.setdefault(entry.speaker, len(self.speakers)) if entry.speaker else -1
