"""What a view sees: the scores of all visible memories for one query, and the candidates among them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from soma.memory.index.partition import Entry, Partition

Floats = NDArray[np.float32]
Indexes = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class View:
    """A named judgement of candidates: `compute` gives one number each, the higher the better."""

    compute: "Callable[[Scene], Floats]"
    weight: float
    meaning: str


@dataclass(frozen=True)
class Asked:
    """The question: its text, its vector, what its words weigh (idf), and when it is asked (epoch seconds)."""

    text: str
    vector: Floats
    words: Mapping[str, float]
    at: float
    half_life_days: float
    conversation_id: str | None


class Field:
    """All that is visible: the rows of the partitions one after another, with their scores."""

    def __init__(self, partitions: Sequence[Partition], asked: Asked) -> None:
        self.asked = asked
        self.partitions = partitions
        self.starts = np.cumsum([0, *(len(partition.entries) for partition in partitions)])

    @cached_property
    def dense(self) -> Floats:
        """Cosine of every row with the question; -1 for dead rows."""
        scores = joined([partition.vectors.scores(self.asked.vector) for partition in self.partitions])
        scores[self.dead] = -1.0
        return scores

    @cached_property
    def lexical(self) -> Floats:
        """BM25 of every row; frequencies are those of the rows that this owner may see."""
        total = sum(partition.postings.total_length for partition in self.partitions)
        mean = max(1.0, total / max(1, sum(partition.postings.documents for partition in self.partitions)))
        return joined([partition.postings.scores(self.asked.words, mean) for partition in self.partitions])

    @cached_property
    def dead(self) -> Indexes:
        rows = [
            start + slot
            for start, partition in zip(self.starts, self.partitions, strict=False)
            for slot in partition.dead
        ]
        return np.array(rows, np.int64)

    def row_of(self, memory_id: str) -> int | None:
        for start, partition in zip(self.starts, self.partitions, strict=False):
            if (slot := partition.slots.get(memory_id)) is not None:
                return int(start) + slot
        return None

    def locate(self, row: int) -> tuple[Partition, int]:
        number = int(np.searchsorted(self.starts, row, "right")) - 1
        return self.partitions[number], row - int(self.starts[number])


@dataclass(frozen=True, slots=True)
class Place:
    """Where a candidate is kept."""

    row: int
    partition: Partition
    slot: int
    entry: Entry


class Scene:
    """The candidates, in the light of the whole field."""

    def __init__(self, field: Field, chosen: Indexes) -> None:
        self.asked = field.asked
        self.field = field
        self.chosen = chosen
        self.places = [_place(field, row) for row in chosen.tolist()]
        self.number = {place.entry.id: number for number, place in enumerate(self.places)}

    def __len__(self) -> int:
        return len(self.places)

    @cached_property
    def dense(self) -> Floats:
        return self.field.dense[self.chosen]

    @cached_property
    def lexical(self) -> Floats:
        return self.field.lexical[self.chosen]

    @cached_property
    def vectors(self) -> Floats:
        return np.stack([place.partition.vectors.row(place.slot) for place in self.places])

    @cached_property
    def times(self) -> NDArray[np.float64]:
        """When each candidate happened, epoch seconds."""
        return np.array([place.entry.time for place in self.places])

    @cached_property
    def neighbourhood(self) -> "Neighbourhood":
        return Neighbourhood(self)


def _place(field: Field, row: int) -> Place:
    partition, slot = field.locate(row)
    return Place(row, partition, slot, partition.at(slot))


class Neighbourhood:
    """The sessions of the candidates, one after another: `rows` of all their members, `place` of each candidate in it.

    A candidate that stands alone is a session of its own. `first` and `last` bound the session of each place.
    """

    def __init__(self, scene: Scene) -> None:
        rows: list[Indexes] = []
        begin: dict[tuple[int, int], int] = {}
        sizes: list[int] = []
        total = 0
        self.place = np.zeros(len(scene), np.int64)
        for number, place in enumerate(scene.places):
            sessions, start = place.partition.sessions, place.row - place.slot
            session = sessions.number[place.slot]
            key = (start, session) if session >= 0 else (-1, place.row)
            if key not in begin:
                begin[key] = total
                rows.append(np.array(sessions.members[session] if session >= 0 else [place.slot], np.int64) + start)
                sizes.append(len(rows[-1]))
                total += sizes[-1]
            self.place[number] = begin[key] + (sessions.place[place.slot] if session >= 0 else 0)
        self.rows = np.concatenate(rows)
        ends = np.cumsum(sizes, dtype=np.int64)
        self.session_starts = ends - np.array(sizes, np.int64)
        self.first = np.repeat(self.session_starts, sizes)
        self.last = np.repeat(ends, sizes)

    def window(self, scores: Floats, reach: int) -> Floats:
        """Of each candidate: the sum of `scores` (by place) over itself and `reach` neighbours either way."""
        running = np.concatenate([[0.0], np.cumsum(scores, dtype=np.float64)])
        until = np.minimum(self.place + reach + 1, self.last[self.place])
        since = np.maximum(self.place - reach, self.first[self.place])
        total: Floats = (running[until] - running[since]).astype(np.float32)
        return total

    def width(self, reach: int) -> Floats:
        """How many memories the window of each candidate holds."""
        return self.window(np.ones(len(self.rows), np.float32), reach)

    def best(self, scores: Floats) -> Floats:
        """Of each candidate: the best of `scores` (by place) in its session."""
        best = np.maximum.reduceat(scores, self.session_starts)
        own: Floats = best[np.searchsorted(self.session_starts, self.place, "right") - 1]
        return own

    def beside(self, scores: Floats, step: int) -> Floats:
        """Of each candidate: the score of the memory `step` after it in its session, 0 where there is none."""
        place = self.place + step
        inside = (place >= self.first[self.place]) & (place < self.last[self.place])
        return np.where(inside, scores[np.clip(place, 0, len(scores) - 1)], 0).astype(np.float32)


def joined(parts: Sequence[Floats]) -> Floats:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def spread(scores: Floats) -> Floats:
    """Min-max over the candidates: the lowest is 0, the highest 1; all 0 where they are equal."""
    low, high = scores.min(), scores.max()
    result: Floats = (scores - low) / (high - low) if high > low else np.zeros_like(scores)
    return result
