"""What views look at: the scores of all that is visible (the field), and the candidates with their surroundings."""

from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from soma.memory.index.partition import Entry, Partition
from soma.memory.index.traits import ONLY_ASKED
from soma.memory.views.question import Asked

Flags = NDArray[np.bool_]
Floats = NDArray[np.float32]
Indexes = NDArray[np.int64]

NONE = -1
REACH = 3  # messages before and after that belong to the surroundings of a candidate
COMPARED = 400  # of those that are only near, how many are compared with the question word by word
BLEND = (0.1, 0.2, 0.7)  # of dense, lexical and late in the semantic score


class Field:
    """All that is visible: the rows of the partitions one after another."""

    def __init__(self, partitions: Sequence[Partition], asked: Asked) -> None:
        self.asked = asked
        self.partitions = partitions
        self.starts = [0, *accumulate(len(partition.entries) for partition in partitions)]

    @cached_property
    def dense(self) -> Floats:
        """Cosine of every row with the question; -1 for dead rows. Of far ones in a large partition an estimate."""
        scores = _joined([partition.vectors.scores(self.asked.vector) for partition in self.partitions])
        scores[self.dead] = -1.0
        return scores

    def cosines(self, rows: Indexes) -> Floats:
        """Of some rows, exact."""
        result: Floats = self.dense[rows]
        for start, partition, inside in self._within(rows):
            if not partition.vectors.exact:
                result[inside] = partition.vectors.cosines(rows[inside] - start, self.asked.vector)
        return result

    @cached_property
    def lexical(self) -> Floats:
        """BM25 of every row; frequencies are those of the rows that this owner may see."""
        total = sum(partition.postings.total_length for partition in self.partitions)
        mean = max(1.0, total / max(1, sum(partition.postings.documents for partition in self.partitions)))
        return _joined([partition.postings.scores(self.asked.terms, mean) for partition in self.partitions])

    @cached_property
    def dead(self) -> Indexes:
        pairs = zip(self.starts, self.partitions, strict=False)
        return np.array([start + slot for start, partition in pairs for slot in partition.dead], np.int64)

    def silent(self, *, with_questions: bool) -> Flags:
        """Rows that are not looked at: dead ones, and messages that only asked, from when these were remembered."""
        bits = np.concatenate([np.frombuffer(partition.traits, np.uint8) for partition in self.partitions])
        silent: Flags = np.zeros(len(bits), bool) if with_questions else bits & ONLY_ASKED > 0
        silent[self.dead] = True
        return silent

    @cached_property
    def has_links(self) -> bool:
        return any(len(partition.links) for partition in self.partitions)

    def sessions(self, rows: Indexes) -> Indexes:
        """A number for the session of each row."""
        result = np.zeros(len(rows), np.int64)
        for start, partition, inside in self._within(rows):
            numbers = taken(partition.sessions.number, rows[inside] - start).astype(np.int64)
            result[inside] = numbers + (start << 32)  # each partition counts its own
        return result

    def taking_part(self, rows: Indexes) -> Flags:
        """Whether each row belongs to a conversation in which somebody takes part whom the question names."""
        result = np.zeros(len(rows), bool)
        for start, partition, inside in self._within(rows):
            theirs = np.zeros(partition.thread_count + 1, bool)  # the last one stands for no conversation
            theirs[list(partition.speakers.threads(self.asked.speakers))] = True
            result[inside] = theirs[taken(partition.threads, rows[inside] - start)]
        return result

    def said_by(self, rows: Indexes, speakers: frozenset[str]) -> Flags:
        """Whether one of `speakers` said it."""
        result = np.zeros(len(rows), bool)
        for start, partition, inside in self._within(rows):
            voices = taken(partition.voices, rows[inside] - start)
            result[inside] = np.isin(voices, partition.speakers.numbers(speakers))
        return result

    def entries(self, rows: Indexes) -> list[Entry]:
        found: dict[int, Entry] = {}
        for start, partition, inside in self._within(rows):
            slots = (rows[inside] - start).tolist()
            found.update(zip(inside.tolist(), map(partition.at, slots), strict=True))
        return [found[number] for number in range(len(rows))]

    def neighbours(self, rows: Indexes, *, after: bool) -> Indexes:
        """The row before or after each row in its session; NONE where there is none, and for NONE."""
        result = np.full(len(rows), NONE, np.int64)
        for start, partition, inside in self._within(rows):
            sessions = partition.sessions
            slots = taken(sessions.after if after else sessions.before, rows[inside] - start)
            result[inside] = np.where(slots >= 0, slots + start, NONE)
        return result

    def late(self, rows: Indexes) -> Floats:
        """How well each word of the question is met by the best word of each row; [rows, words]."""
        result = np.zeros((len(rows), len(self.asked.late)), np.float32)
        for start, partition, inside in self._within(rows):
            result[inside] = partition.word_vectors.best(rows[inside] - start, self.asked.late)
        return result

    def vectors(self, rows: Indexes) -> Floats:
        result = np.zeros((len(rows), len(self.asked.vector)), np.float32)
        for start, partition, inside in self._within(rows):
            result[inside] = partition.vectors.rows(rows[inside] - start)
        return result

    def numbers(self, rows: Indexes, column: Callable[[Partition], "array[Any]"]) -> NDArray[np.float64]:
        """What the partitions keep of each row in `column`."""
        result = np.zeros(len(rows), np.float64)
        for start, partition, inside in self._within(rows):
            result[inside] = taken(column(partition), rows[inside] - start)
        return result

    def row_of(self, memory_id: str) -> int | None:
        for start, partition in zip(self.starts, self.partitions, strict=False):
            if (slot := partition.slots.get(memory_id)) is not None:
                return start + slot
        return None

    def place(self, row: int) -> "Place":
        number = bisect_right(self.starts, row) - 1
        partition, slot = self.partitions[number], row - self.starts[number]
        return Place(row, partition, slot, partition.at(slot))

    def _within(self, rows: Indexes) -> Iterator[tuple[int, Partition, Indexes]]:
        """Each partition with its first row and which of `rows` lie in it."""
        for start, end, partition in zip(self.starts, self.starts[1:], self.partitions, strict=False):
            inside = np.flatnonzero((rows >= start) & (rows < end))
            if len(inside):
                yield start, partition, inside


class Place(NamedTuple):
    """Where a candidate is kept."""

    row: int
    partition: Partition
    slot: int
    entry: Entry


class Scene:
    """The candidates `chosen` (rows) and the `near` ones: themselves with REACH messages before and after.

    `around` [candidates, 2 REACH + 1] are places in `near`, the candidate's own in the middle. The last place of
    `near` stands for "nothing there".
    """

    def __init__(self, field: Field, chosen: Indexes) -> None:
        self.asked = field.asked
        self.field = field
        self.chosen = chosen
        rows = _around(field, chosen)
        self.near = _distinct(rows[rows != NONE], field.starts[-1])
        self.around = np.where(rows == NONE, len(self.near), np.searchsorted(self.near, rows))
        self.own = self.around[:, REACH]
        self.previous = self.around[:, REACH - 1]
        self.next = self.around[:, REACH + 1]

    def __len__(self) -> int:
        return len(self.chosen)

    @cached_property
    def places(self) -> list["Place"]:
        return [self.field.place(row) for row in self.chosen.tolist()]

    @cached_property
    def entries(self) -> list[Entry]:
        return self.field.entries(self.chosen)

    @cached_property
    def number(self) -> dict[str, int]:
        """Of each candidate by its id."""
        return {entry.id: number for number, entry in enumerate(self.entries)}

    @cached_property
    def dense(self) -> Floats:
        """Of all near; 0 where nothing is."""
        return np.append(self.field.cosines(self.near), np.float32(0))

    @cached_property
    def lexical(self) -> Floats:
        return np.append(self.field.lexical[self.near], np.float32(0))

    @cached_property
    def met(self) -> Floats:
        """How well each near memory meets each word of the question; [near, words], -1 where nothing is.

        What is not compared counts as the worst that a candidate meets: all of it took half of a recall, for .001 R@10.
        """
        met = np.full((len(self.near) + 1, len(self.asked.late)), -1, np.float32)
        compared, left = self._compared()
        met[compared] = self.field.late(self.near[compared])
        met[left] = met[self.own].min(initial=1)
        return met

    def _compared(self) -> tuple[Indexes, Indexes]:
        """Places in `near`: the candidates with the most promising of those beside them, and what is left."""
        beside = np.setdiff1d(np.arange(len(self.near)), self.own, assume_unique=True)
        promising = best(spread(self.dense[beside]) + spread(self.lexical[beside]), COMPARED)
        return np.append(self.own, beside[promising]), np.delete(beside, promising)

    @cached_property
    def late(self) -> Floats:
        late: Floats = self.met @ self.asked.weights
        return late

    @cached_property
    def semantic(self) -> Floats:
        """What each near memory says of what is asked, 0 to 1 on the scale of the candidates; 0 where nothing is."""
        total = np.zeros(len(self.near) + 1, np.float32)
        for share, scores in zip(BLEND, (self.dense, self.lexical, self.late), strict=True):
            own = scores[self.own]
            low, high = own.min(), own.max()
            if high > low:
                total += np.float32(share) * np.clip((scores - low) / (high - low), 0, 1)
            elif len(own) == 1:
                total += np.float32(share) * (scores > 0)
        total[-1] = 0
        return total

    @cached_property
    def vectors(self) -> Floats:
        return self.field.vectors(self.chosen)

    @cached_property
    def values(self) -> Floats:
        """What each candidate was learned to be worth, 0 to 1."""
        return self.field.numbers(self.chosen, lambda partition: partition.values).astype(np.float32)

    @cached_property
    def times(self) -> NDArray[np.float64]:
        """When each candidate happened, epoch seconds."""
        return self.field.numbers(self.chosen, lambda partition: partition.times)

    @cached_property
    def asking(self) -> Floats:
        """The share of questions in all near; 0 where nothing is."""
        return np.append(self.field.numbers(self.near, lambda partition: partition.asking), 0).astype(np.float32)

    @cached_property
    def voices(self) -> Indexes:
        """A number for the speaker of all near; 0 for nobody. Of one session, and so of one partition, comparable."""
        voices = self.field.numbers(self.near, lambda partition: partition.voices)
        return np.append(voices, 0).astype(np.int64)

    @cached_property
    def lengths(self) -> Floats:
        """How many words each near one has; 0 where nothing is."""
        lengths = self.field.numbers(self.near, lambda partition: partition.postings.lengths)
        return np.append(lengths, 0).astype(np.float32)

    @cached_property
    def traits(self) -> Indexes:
        return self.field.numbers(self.chosen, lambda partition: partition.traits).astype(np.int64)

    def has(self, trait: int) -> Floats:
        """1 for candidates with the trait, else 0."""
        return (self.traits & trait > 0).astype(np.float32)


def spread(scores: Floats) -> Floats:
    """Min-max: the lowest is 0, the highest 1; all 0 where they are equal. One alone is 1 if it is above 0."""
    if len(scores) < 2:
        return (scores > 0).astype(scores.dtype)
    low, high = scores.min(), scores.max()
    result: Floats = (scores - low) / (high - low) if high > low else np.zeros_like(scores)
    return result


def best(scores: Floats, count: int) -> Indexes:
    """The places of the highest scores; of equal ones at the edge the first."""
    if len(scores) <= count:
        return np.arange(len(scores))
    edge = np.partition(scores, len(scores) - count)[len(scores) - count]
    above = np.flatnonzero(scores > edge)
    return np.concatenate([above, np.flatnonzero(scores == edge)[: count - len(above)]])


def taken(column: "array[Any]", slots: Indexes) -> NDArray[Any]:
    """Some numbers of a column. Nothing holds on to its buffer, for an array that lends it cannot grow."""
    return np.frombuffer(column, column.typecode)[slots]


def _distinct(rows: Indexes, count: int) -> Indexes:
    """In order, of rows below `count`."""
    there = np.zeros(count, bool)
    there[rows] = True
    return np.flatnonzero(there)


def _around(field: Field, rows: Indexes) -> Indexes:
    """[rows, 2 REACH + 1] rows in the order of their session, NONE beyond its ends."""
    earlier, later = [rows], [rows]
    for _ in range(REACH):
        earlier.append(field.neighbours(earlier[-1], after=False))
        later.append(field.neighbours(later[-1], after=True))
    return np.stack([*reversed(earlier), *later[1:]], axis=1)


def _joined(parts: Sequence[Floats]) -> Floats:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)
