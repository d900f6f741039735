"""A partition: all that recall needs of one tenant, namespace and owner name. Whoever sees one memory of it sees all.

Slots are given in order and never reused; a forgotten memory leaves a dead slot with nothing in it, and a partition
with many of them is loaded again. Texts are not here: they are read from their rows when a memory is looked at.
"""

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, get_args

import msgspec
import numpy as np
from numpy.typing import NDArray

from soma.memory.index.entries import Entry
from soma.memory.index.links import Links
from soma.memory.index.pieces import Part, Piece, Pieces
from soma.memory.index.postings import Postings
from soma.memory.index.rows import Files
from soma.memory.index.sessions import ALONE, Order, Sessions
from soma.memory.index.speakers import Speakers
from soma.memory.index.vectors import VectorIndex, VectorSlab
from soma.memory.index.word_vectors import Bytes, WordVectors
from soma.memory.types import Kind, Link

MEMORY_BYTES = 250  # of an id, its slot and its numbers, measured
DEAD_SHARE = 0.25
DEAD_LEAST = 256
BEGINNING_VALUE = 0.5
KINDS: tuple[str, ...] = get_args(Kind)


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


class Column(NamedTuple):
    """A number of each memory: the type code of its array, and where it comes from."""

    typecode: str
    read: Callable[[IndexedMemory], float]


COLUMNS = {
    "importances": Column("d", lambda new: new.entry.importance),
    "times": Column("d", lambda new: new.entry.time),
    "traits": Column("B", lambda new: new.traits),
    "asking": Column("f", lambda new: new.asking),
    "kinds": Column("B", lambda new: KINDS.index(new.entry.kind)),
    "positions": Column("q", lambda new: new.entry.position),
    "revisions": Column("q", lambda new: new.entry.revision),
}
State = tuple[int, int, int]
Look = Callable[[Mapping[str, int]], Mapping[str, Entry]]


def _look_at_nothing(_: Mapping[str, int]) -> Mapping[str, Entry]:
    return {}


class Partition:
    """`model` names the vectors in it; `vectors` is where they are, a slab if nothing else is given.

    `look` reads memories by id and revision, those that are still there. `before_change` is called before anything
    changes that a kept copy of the partition holds.
    """

    def __init__(
        self,
        dimension: int,
        late_dimension: int,
        *,
        model: str = "",
        vectors: VectorIndex | None = None,
        look: Look = _look_at_nothing,
    ) -> None:
        self.model = model
        self.look = look
        self.before_change: Callable[[], None] = _do_nothing
        self.ids: list[str] = []  # by slot; a dead one's is empty
        self.slots: dict[str, int] = {}
        self.vectors: VectorIndex = VectorSlab(dimension) if vectors is None else vectors
        self.word_vectors = WordVectors(late_dimension)
        self.passages = WordVectors(dimension)
        self.postings = Postings()
        self.sessions = Sessions(self._order, self._find_threads)
        self.speakers = Speakers()
        self.links = Links()
        self.columns: dict[str, array[Any]] = {name: array(column.typecode) for name, column in COLUMNS.items()}
        self.values = array("f")
        self.threads = array("i")
        self.voices = array("i")
        self.dead: set[int] = set()
        self.revision = 0
        self.edits = 0  # changes so far of what was here before
        self.lacking: set[int] = set()  # slots without a vector, until one is made
        self.is_outdated = False  # by a change of what it was loaded from: it is loaded again before it answers
        self._replaced = 0
        self._gone: set[str] = set()
        self._thread_numbers: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self.slots)

    @property
    def dimension(self) -> int:
        return self.vectors.dimension

    @property
    def thread_count(self) -> int:
        return len(self._thread_numbers)

    @property
    def nbytes(self) -> int:
        arrays = self.vectors.nbytes + self.word_vectors.nbytes + self.passages.nbytes + self.postings.nbytes
        return arrays + MEMORY_BYTES * len(self.ids)

    @property
    def is_wasteful(self) -> bool:
        return len(self.dead) + self._replaced > max(DEAD_LEAST, DEAD_SHARE * len(self.ids))

    def put(self, new: IndexedMemory) -> None:
        """Add or replace. Commits may arrive here out of order: an older state never replaces a newer one."""
        entry = new.entry
        if entry.id in self._gone:
            return
        self.revision = max(self.revision, entry.revision)
        slot = self.slots.get(entry.id)
        if slot is None:
            self._append(new)
        elif self.columns["revisions"][slot] < entry.revision:
            self._replace(slot, new)

    def forget(self, memory_id: str, revision: int) -> None:
        """Leave nothing of a memory; one of another partition may still be linked to from here."""
        self._gone.add(memory_id)
        self.revision = max(self.revision, revision)
        self.links.drop(memory_id)
        if memory_id not in self.slots:
            return
        slot = self.slots.pop(memory_id)
        self._begin_change(slot)
        self._leave(slot)
        self.postings.replace(slot, ())
        self.vectors.set(slot, 0.0)
        for runs in (self.word_vectors, self.passages):
            runs.set(slot, np.zeros((0, runs.dimension), np.int8))
        for column in (*self.columns.values(), self.values):
            column[slot] = 0
        self.ids[slot] = ""
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
        if slot is not None and self.columns["revisions"][slot] == revision:
            self._begin_change(slot)
            self._replaced += 1
            self.vectors.set(slot, vector)
            self.word_vectors.set(slot, words)
            self.passages.set(slot, passages)

    def set_value(self, memory_id: str, value: float) -> None:
        if (slot := self.slots.get(memory_id)) is not None:
            self.values[slot] = value

    def entry(self, slot: int) -> Entry | None:
        """Read the memory in `slot` from its row; None where it is no longer there."""
        return self.entries([slot]).get(self.ids[slot])

    def entries(self, slots: Iterable[int]) -> Mapping[str, Entry]:
        """Read the memories in `slots`, by id; those that are still there."""
        revisions = self.columns["revisions"]
        return self.look({self.ids[slot]: revisions[slot] for slot in slots})

    def speaker(self, slot: int) -> str:
        """Return the name of the one who said what is in `slot`; empty for nobody."""
        return self.speakers.name(self.voices[slot])

    def thread_names(self) -> list[str]:
        """Return the names of the conversations and documents, by number."""
        return list(self._thread_numbers)

    def files(self) -> Files:
        """Return the large arrays, which may be mapped, by a name for the file."""
        large = ((name, part) for name, part in self._parts() if isinstance(part, VectorSlab | WordVectors))
        return {f"{name}.{file}": rows for name, part in large for file, rows in part.files().items()}

    @property
    def state(self) -> State:
        """The state of the rows that this partition is made of: their number, the sum of revisions, the last one."""
        revisions = np.array(self.columns["revisions"], np.int64)
        return len(self.slots), int(revisions.sum()), int(revisions.max(initial=0))

    @property
    def last_position(self) -> int:
        return max(self.columns["positions"], default=0)

    def compact(self) -> None:
        """Order everything as it is kept."""
        self.sessions.settle()
        self.postings.compact()

    def dump(self) -> dict[str, Piece]:
        """Return what a start need not derive from texts again, by name; values and links are read from their rows."""
        living = set(self.threads)
        names = [name if number in living else "" for number, name in enumerate(self.thread_names())]
        pieces: dict[str, Piece] = {
            "ids": msgspec.msgpack.encode(self.ids),
            "threads": self.threads,
            "thread_names": msgspec.msgpack.encode(names),
            "voices": self.voices,
            "revision": np.array([self.revision], np.int64),
            **{f"columns.{name}": column for name, column in self.columns.items()},
            **{f"speakers.{name}": piece for name, piece in self.speakers.dump().items()},
        }
        for name, part in self._parts():
            pieces |= {f"{name}.{piece}": content for piece, content in part.dump().items()}
        return pieces

    def restore(self, pieces: Pieces) -> None:
        """Become what `dump` returned after `compact`; the large arrays are mapped already."""
        self.ids = msgspec.msgpack.decode(bytes(pieces["ids"]), type=list[str])
        self.slots = {memory_id: slot for slot, memory_id in enumerate(self.ids) if memory_id}
        self.dead = {slot for slot, memory_id in enumerate(self.ids) if not memory_id}
        for name, column in COLUMNS.items():
            self.columns[name] = array(column.typecode, bytes(pieces[f"columns.{name}"]))
        self.threads, self.voices = array("i", bytes(pieces["threads"])), array("i", bytes(pieces["voices"]))
        self.values = array("f", [BEGINNING_VALUE]) * len(self.ids)
        names = msgspec.msgpack.decode(bytes(pieces["thread_names"]), type=list[str])
        self._thread_numbers = {name or f"\0{number}": number for number, name in enumerate(names)}
        [self.revision] = np.frombuffer(pieces["revision"], np.int64).tolist()
        for name, part in self._parts():
            part.restore(_pieces_of(pieces, name))
        voices, threads = (np.array(column, np.int32) for column in (self.voices, self.threads))
        self.speakers.restore(_pieces_of(pieces, "speakers"), voices, threads)

    def _parts(self) -> Iterator[tuple[str, Part]]:
        """Yield the parts that are kept, by name."""
        yield "postings", self.postings
        yield "word_vectors", self.word_vectors
        yield "passages", self.passages
        yield "sessions", self.sessions
        if isinstance(self.vectors, VectorSlab):
            yield "vectors", self.vectors

    def _begin_change(self, slot: int) -> None:
        self.edits += 1
        self.before_change()
        self.lacking.discard(slot)

    def _order(self, slot: int) -> Order:
        return self.columns["times"][slot], self.columns["positions"][slot]

    def _find_threads(self, threads: NDArray[np.int32]) -> NDArray[np.int64]:
        """Return the slots of some threads with these; [slots, 2], thread by thread in order."""
        of_slot = np.array(self.threads, np.int32)
        slots = np.flatnonzero(np.isin(of_slot, threads))
        times, positions = (np.array(self.columns[name])[slots] for name in ("times", "positions"))
        order = np.lexsort((positions, times, of_slot[slots]))
        return np.stack([slots, of_slot[slots]], axis=1)[order]

    def _append(self, new: IndexedMemory) -> None:
        slot = self.slots[new.entry.id] = len(self.ids)
        self.ids.append(new.entry.id)
        for name, column in COLUMNS.items():
            self.columns[name].append(column.read(new))
        self.values.append(new.value)
        self.threads.append(ALONE)
        self.voices.append(0)
        self.vectors.append(new.vector, new.entry.id)
        self.word_vectors.append(new.word_vectors)
        self.passages.append(new.passages)
        self.postings.append(new.words)
        self._enter(slot, new)
        self.sessions.append(self.threads[slot])

    def _replace(self, slot: int, new: IndexedMemory) -> None:
        self._begin_change(slot)
        self._replaced += 1
        self._leave(slot)
        for name, column in COLUMNS.items():
            self.columns[name][slot] = column.read(new)
        self.vectors.set(slot, new.vector)
        self.word_vectors.set(slot, new.word_vectors)
        self.passages.set(slot, new.passages)
        self.postings.replace(slot, new.words)
        self._enter(slot, new)
        self.sessions.add(slot, self.threads[slot])

    def _enter(self, slot: int, new: IndexedMemory) -> None:
        entry = new.entry
        if not new.vector.any():
            self.lacking.add(slot)
        if entry.thread is not None:
            self.threads[slot] = self._thread_numbers.setdefault(entry.thread, len(self._thread_numbers))
        self.speakers.add(entry.speaker, self.threads[slot])
        self.voices[slot] = self.speakers.number(entry.speaker)

    def _leave(self, slot: int) -> None:
        self.speakers.drop(self.speaker(slot), self.threads[slot])
        self.sessions.remove(self.threads[slot])
        self.threads[slot], self.voices[slot] = ALONE, 0


def _do_nothing() -> None:
    pass


def _pieces_of(pieces: Pieces, part: str) -> dict[str, Piece]:
    """Return the pieces of a part, by its own names."""
    begin = f"{part}."
    return {name.removeprefix(begin): piece for name, piece in pieces.items() if name.startswith(begin)}
