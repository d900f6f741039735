"""The corpus: all memories that the asker may see, scored against the question."""

from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from soma.memory.index.partition import Partition
from soma.memory.index.traits import ONLY_ASKED
from soma.memory.views.arrays import Flags, Floats, Indexes, take
from soma.memory.views.question import ParsedQuestion

NONE = -1


class Corpus:
    """The rows of all visible partitions, one partition after another."""

    def __init__(self, partitions: Sequence[Partition], question: ParsedQuestion) -> None:
        self.question = question
        self.partitions = partitions
        self.starts = [0, *accumulate(len(partition.ids) for partition in partitions)]

    @cached_property
    def dense(self) -> Floats:
        """Cosine of every row with the question; -1 for dead rows. Estimates for far rows of a large partition."""
        scores = _join([partition.vectors.scores(self.question.vector) for partition in self.partitions])
        scores[self.dead] = -1.0
        return scores

    def cosines(self, rows: Indexes) -> Floats:
        """Exact cosines of some rows."""
        result: Floats = self.dense[rows]
        for start, partition, inside in self._within(rows):
            if not partition.vectors.exact:
                result[inside] = partition.vectors.cosines(rows[inside] - start, self.question.vector)
        return result

    @cached_property
    def passage(self) -> Floats:
        """Cosine of the nearest passage of every row with the question: as `dense` for a text that is read at once."""
        filled = [partition.passages.find_filled() for partition in self.partitions]
        scores = self.dense.copy() if any(map(len, filled)) else self.dense
        for start, partition, slots in zip(self.starts, self.partitions, filled, strict=False):
            if len(slots):
                scores[start + slots] = partition.passages.best(slots, self.question.vector[None])[:, 0]
        return scores

    def passage_cosines(self, rows: Indexes) -> Floats:
        """Return exact cosines of the nearest passages of some rows."""
        result = self.cosines(rows)
        for start, partition, inside in self._within(rows):
            slots = rows[inside] - start
            long = np.isin(slots, partition.passages.find_filled())
            result[inside[long]] = partition.passages.best(slots[long], self.question.vector[None])[:, 0]
        return result

    @cached_property
    def lexical(self) -> Floats:
        """BM25 of every row; word frequencies are those of the rows that this owner may see."""
        total = sum(partition.postings.total_length for partition in self.partitions)
        mean = max(1.0, total / max(1, sum(partition.postings.documents for partition in self.partitions)))
        return _join([partition.postings.scores(self.question.terms, mean) for partition in self.partitions])

    @cached_property
    def dead(self) -> Indexes:
        pairs = zip(self.starts, self.partitions, strict=False)
        return np.array([start + slot for start, partition in pairs for slot in partition.dead], np.int64)

    def exclusions(self, *, with_questions: bool) -> Flags:
        """Return which rows recall leaves out: dead ones, and messages that only ask unless they are wanted too."""
        bits = np.concatenate([np.frombuffer(partition.columns["traits"], np.uint8) for partition in self.partitions])
        excluded: Flags = np.zeros(len(bits), bool) if with_questions else bits & ONLY_ASKED > 0
        excluded[self.dead] = True
        return excluded

    @cached_property
    def has_links(self) -> bool:
        return any(len(partition.links) for partition in self.partitions)

    def sessions(self, rows: Indexes) -> Indexes:
        """Return a number for the session of each row."""
        result = np.zeros(len(rows), np.int64)
        for start, partition, inside in self._within(rows):
            numbers = take(partition.sessions.number, rows[inside] - start).astype(np.int64)
            result[inside] = numbers + (start << 32)  # each partition counts its own
        return result

    def has_named_participant(self, rows: Indexes) -> Flags:
        """Return whether each row belongs to a conversation with somebody whom the question names."""
        result = np.zeros(len(rows), bool)
        for start, partition, inside in self._within(rows):
            result[inside] = self._find_named_threads(partition)[take(partition.threads, rows[inside] - start)]
        return result

    def find_named_participants(self) -> Flags:
        """Return the same of every row."""
        parts = ((self._find_named_threads(partition), partition.threads) for partition in self.partitions)
        return np.concatenate([theirs[np.frombuffer(threads, np.int32)] for theirs, threads in parts])

    def _find_named_threads(self, partition: Partition) -> Flags:
        """Return whether somebody whom the question names takes part in each conversation; the last is of nobody."""
        theirs = np.zeros(partition.thread_count + 1, bool)
        theirs[list(partition.speakers.threads(self.question.speakers))] = True
        return theirs

    def is_said_by(self, rows: Indexes, speakers: frozenset[str]) -> Flags:
        """Return whether one of `speakers` said each row."""
        result = np.zeros(len(rows), bool)
        for start, partition, inside in self._within(rows):
            voices = take(partition.voices, rows[inside] - start)
            result[inside] = np.isin(voices, partition.speakers.numbers(speakers))
        return result

    def sum_weights(self, rows: Indexes, weights: Mapping[str, float]) -> Floats:
        """Sum the weights of the words that each row holds, however often."""
        result = np.zeros(len(rows), np.float32)
        for start, partition, inside in self._within(rows if weights else rows[:0]):
            result[inside] = partition.postings.sum_weights(weights)[rows[inside] - start]
        return result

    def ids(self, rows: Indexes) -> list[str]:
        result = [""] * len(rows)
        for start, partition, inside in self._within(rows):
            for number, slot in zip(inside.tolist(), (rows[inside] - start).tolist(), strict=True):
                result[number] = partition.ids[slot]
        return result

    def neighbours(self, rows: Indexes, *, after: bool) -> Indexes:
        """Return the row before or after each row in its session; NONE at the end of a session, and for NONE."""
        result = np.full(len(rows), NONE, np.int64)
        for start, partition, inside in self._within(rows):
            sessions = partition.sessions
            slots = take(sessions.after if after else sessions.before, rows[inside] - start)
            result[inside] = np.where(slots >= 0, slots + start, NONE)
        return result

    def match_words(self, rows: Indexes) -> Floats:
        """Cosine of each word of the question with the nearest word of each row; [rows, words]."""
        result = np.zeros((len(rows), len(self.question.late)), np.float32)
        for start, partition, inside in self._within(rows):
            result[inside] = partition.word_vectors.best(rows[inside] - start, self.question.late)
        return result

    def vectors(self, rows: Indexes) -> Floats:
        result = np.zeros((len(rows), len(self.question.vector)), np.float32)
        for start, partition, inside in self._within(rows):
            result[inside] = partition.vectors.rows(rows[inside] - start)
        return result

    def read_column(self, rows: Indexes, column: Callable[[Partition], "array[Any]"]) -> NDArray[np.float64]:
        """Read one number of each row from the `column` of its partition."""
        result = np.zeros(len(rows), np.float64)
        for start, partition, inside in self._within(rows):
            result[inside] = take(column(partition), rows[inside] - start)
        return result

    def read_number(self, rows: Indexes, name: str) -> NDArray[np.float64]:
        """Read one of `partition.COLUMNS` of each row."""
        return self.read_column(rows, lambda partition: partition.columns[name])

    def row_of(self, memory_id: str) -> int | None:
        for start, partition in zip(self.starts, self.partitions, strict=False):
            if (slot := partition.slots.get(memory_id)) is not None:
                return start + slot
        return None

    def place(self, row: int) -> "Location":
        number = bisect_right(self.starts, row) - 1
        partition, slot = self.partitions[number], row - self.starts[number]
        return Location(row, partition, slot, partition.ids[slot])

    def _within(self, rows: Indexes) -> Iterator[tuple[int, Partition, Indexes]]:
        """Yield each partition that holds any of `rows`: its first row, and the places in `rows` that lie in it."""
        for start, end, partition in zip(self.starts, self.starts[1:], self.partitions, strict=False):
            inside = np.flatnonzero((rows >= start) & (rows < end))
            if len(inside):
                yield start, partition, inside


class Location(NamedTuple):
    """The place where a candidate is kept."""

    row: int
    partition: Partition
    slot: int
    id: str


def _join(parts: Sequence[Floats]) -> Floats:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)
