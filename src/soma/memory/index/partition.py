"""A partition: all that recall needs of one tenant, namespace and owner name. Whoever sees one memory of it sees all.

Slots are given in order and never reused; a forgotten memory leaves a dead slot with nothing in it, and a partition
with many of them is loaded again.
"""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from soma.memory.index.links import Links
from soma.memory.index.postings import Postings
from soma.memory.index.sessions import Order, Sessions
from soma.memory.index.speakers import ALONE, Speakers
from soma.memory.index.vectors import VectorIndex, VectorSlab
from soma.memory.index.word_vectors import Bytes, WordVectors
from soma.memory.types import Kind, Link

ENTRY_BYTES = 900  # of Python objects beside the text, measured
DEAD_SHARE = 0.25
DEAD_LEAST = 256


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


@dataclass(frozen=True, slots=True)
class IndexedMemory:
    """A memory with what is computed from it: its vector, its words, and short vectors of its words and passages."""

    entry: Entry
    value: float
    traits: int
    asking: float
    words: Sequence[str]
    vector: NDArray[np.float32]
    word_vectors: Bytes
    passages: Bytes


class Partition:
    """`model` names the vectors in it; `vectors` is where they are, a slab if nothing else is given."""

    def __init__(
        self, dimension: int, late_dimension: int, *, model: str = "", vectors: VectorIndex | None = None
    ) -> None:
        self.model = model
        self.entries: list[Entry | None] = []
        self.slots: dict[str, int] = {}
        self.vectors: VectorIndex = VectorSlab(dimension) if vectors is None else vectors
        self.word_vectors = WordVectors(late_dimension)
        self.passages = WordVectors(dimension)
        self.postings = Postings()
        self.sessions = Sessions(self._order)
        self.speakers = Speakers()
        self.links = Links()
        self.values = array("f")
        self.importances = array("f")
        self.times = array("d")
        self.traits = array("B")
        self.asking = array("f")
        self.threads = array("i")
        self.voices = array("i")
        self.dead: set[int] = set()
        self.revision = 0
        self.is_outdated = False  # by a change of what it was loaded from: it is loaded again before it answers
        self._replaced = 0
        self._gone: set[str] = set()
        self._text_bytes = 0
        self._thread_numbers: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self.slots)

    @property
    def thread_count(self) -> int:
        return len(self._thread_numbers)

    @property
    def nbytes(self) -> int:
        arrays = self.vectors.nbytes + self.word_vectors.nbytes + self.passages.nbytes + self.postings.nbytes
        return arrays + self._text_bytes + ENTRY_BYTES * len(self.entries)

    @property
    def is_wasteful(self) -> bool:
        return len(self.dead) + self._replaced > max(DEAD_LEAST, DEAD_SHARE * len(self.entries))

    def put(self, new: IndexedMemory) -> None:
        """Add or replace. Commits may arrive here out of order: an older state never replaces a newer one."""
        entry = new.entry
        if entry.id in self._gone:
            return
        self.revision = max(self.revision, entry.revision)
        slot = self.slots.get(entry.id)
        if slot is None:
            self._append(new)
        elif self.at(slot).revision < entry.revision:
            self._replace(slot, new)

    def forget(self, memory_id: str, revision: int) -> None:
        """Leave nothing of a memory; one of another partition may still be linked to from here."""
        self._gone.add(memory_id)
        self.revision = max(self.revision, revision)
        self.links.drop(memory_id)
        if (slot := self.slots.pop(memory_id, None)) is None:
            return
        self._leave(slot)
        self.sessions.remove(slot)
        self.postings.replace(slot, ())
        self.vectors.set(slot, 0.0)
        for runs in (self.word_vectors, self.passages):
            runs.set(slot, np.zeros((0, runs.dimension), np.int8))
        self.entries[slot] = None
        self.dead.add(slot)

    def link(self, link: Link) -> None:
        for own_id in (link.from_id, link.to_id):
            if own_id in self.slots:
                self.links.put(own_id, link)

    def set_embedding(
        self, memory_id: str, revision: int, vector: NDArray[np.float32], words: Bytes, passages: Bytes
    ) -> None:
        """Set a vector that was missing or wrong, made anew for this state of the memory."""
        slot = self.slots.get(memory_id)
        if slot is not None and self.at(slot).revision == revision:
            self._replaced += 1
            self.vectors.set(slot, vector)
            self.word_vectors.set(slot, words)
            self.passages.set(slot, passages)

    def set_value(self, memory_id: str, value: float) -> None:
        if (slot := self.slots.get(memory_id)) is not None:
            self.values[slot] = value

    def at(self, slot: int) -> Entry:
        entry = self.entries[slot]
        if entry is None:
            raise LookupError(f"slot {slot} is dead")
        return entry

    def _order(self, slot: int) -> Order:
        entry = self.at(slot)
        return entry.time, entry.position

    def _append(self, new: IndexedMemory) -> None:
        slot = self.slots[new.entry.id] = len(self.entries)
        self.entries.append(new.entry)
        self.values.append(new.value)
        self.importances.append(new.entry.importance)
        self.times.append(new.entry.time)
        self.traits.append(new.traits)
        self.asking.append(new.asking)
        self.threads.append(ALONE)
        self.voices.append(0)
        self.vectors.append(new.vector, new.entry.id)
        self.word_vectors.append(new.word_vectors)
        self.passages.append(new.passages)
        self.postings.append(new.words)
        self.sessions.append(new.entry.thread)
        self._enter(slot, new.entry)

    def _replace(self, slot: int, new: IndexedMemory) -> None:
        self._replaced += 1
        self._leave(slot)
        self.entries[slot] = new.entry
        self.times[slot] = new.entry.time
        self.importances[slot] = new.entry.importance
        self.traits[slot] = new.traits
        self.asking[slot] = new.asking
        self.vectors.set(slot, new.vector)
        self.word_vectors.set(slot, new.word_vectors)
        self.passages.set(slot, new.passages)
        self.postings.replace(slot, new.words)
        self.sessions.set(slot, new.entry.thread)
        self._enter(slot, new.entry)

    def _enter(self, slot: int, entry: Entry) -> None:
        self._text_bytes += len(entry.text)
        if entry.thread is not None:
            self.threads[slot] = self._thread_numbers.setdefault(entry.thread, len(self._thread_numbers))
        self.speakers.add(entry.speaker, self.threads[slot])
        self.voices[slot] = self.speakers.number(entry.speaker)

    def _leave(self, slot: int) -> None:
        entry = self.at(slot)
        self._text_bytes -= len(entry.text)
        self.speakers.drop(entry.speaker, self.threads[slot])
        self.threads[slot] = ALONE
