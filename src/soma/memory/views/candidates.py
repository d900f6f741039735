"""The candidates of a recall and the messages beside them: the input of every view."""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from soma.memory.views.arrays import Floats, Indexes, best, spread
from soma.memory.views.corpus import NONE, Corpus, Location

REACH = 3  # messages before and after that belong to the surroundings of a candidate
COMPARED = 400  # of those that are only near, how many are compared with the question word by word
BLEND = (0.1, 0.2, 0.7)  # of dense, lexical and late in the semantic score


class CandidateSet:
    """The candidates `chosen` (rows) and the `near` rows: candidates with REACH messages before and after.

    `around` [candidates, 2 REACH + 1] are places in `near`, the candidate's own in the middle. The last place of
    `near` stands for "nothing there".
    """

    def __init__(self, corpus: Corpus, chosen: Indexes) -> None:
        self.question = corpus.question
        self.corpus = corpus
        self.chosen = chosen
        rows = _find_around(corpus, chosen)
        self.near = _find_distinct(rows[rows != NONE], corpus.starts[-1])
        self.around = np.where(rows == NONE, len(self.near), np.searchsorted(self.near, rows))
        self.own = self.around[:, REACH]
        self.previous = self.around[:, REACH - 1]
        self.next = self.around[:, REACH + 1]

    def __len__(self) -> int:
        return len(self.chosen)

    @cached_property
    def places(self) -> list["Location"]:
        return [self.corpus.place(row) for row in self.chosen.tolist()]

    @cached_property
    def ids(self) -> list[str]:
        return self.corpus.ids(self.chosen)

    @cached_property
    def numbers(self) -> dict[str, int]:
        """The number of each candidate by its id."""
        return {memory_id: number for number, memory_id in enumerate(self.ids)}

    @cached_property
    def dense(self) -> Floats:
        """Cosine of each near row with the question (0 for "nothing there")."""
        return np.append(self.corpus.cosines(self.near), np.float32(0))

    @cached_property
    def passage(self) -> Floats:
        """Cosine of the nearest passage of each near row: `dense` for a text that is read at once; 0 for "nothing"."""
        return np.append(self.corpus.passage_cosines(self.near), np.float32(0))

    @cached_property
    def lexical(self) -> Floats:
        return np.append(self.corpus.lexical[self.near], np.float32(0))

    @cached_property
    def word_matches(self) -> Floats:
        """Cosine of each word of the question with the nearest word of each near row; -1 for "nothing there".

        [near, words]. Rows that are not compared count as the worst candidate: comparing all of them took half of a
        recall, for .001 R@10.
        """
        met = np.full((len(self.near) + 1, len(self.question.late)), -1, np.float32)
        compared, left = self._choose_compared()
        met[compared] = self.corpus.match_words(self.near[compared])
        met[left] = met[self.own].min(initial=1)
        return met

    def _choose_compared(self) -> tuple[Indexes, Indexes]:
        """Part the places in `near`: candidates with the most promising rows beside them, and the rest."""
        beside = np.setdiff1d(np.arange(len(self.near)), self.own, assume_unique=True)
        promising = best(spread(self.dense[beside]) + spread(self.lexical[beside]), COMPARED)
        return np.append(self.own, beside[promising]), np.delete(beside, promising)

    @cached_property
    def late(self) -> Floats:
        late: Floats = self.word_matches @ self.question.weights
        return late

    @cached_property
    def semantic(self) -> Floats:
        """Score of how well each near row says what is asked, 0 to 1 over the candidates; 0 for "nothing there"."""
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
        return self.corpus.vectors(self.chosen)

    @cached_property
    def revisions(self) -> Indexes:
        return self.corpus.read_number(self.chosen, "revisions").astype(np.int64)

    @cached_property
    def values(self) -> Floats:
        """Learned value of each candidate, 0 to 1."""
        return self.corpus.read_column(self.chosen, lambda partition: partition.values).astype(np.float32)

    @cached_property
    def times(self) -> NDArray[np.float64]:
        """Time of each candidate, epoch seconds."""
        return self.corpus.read_number(self.chosen, "times")

    @cached_property
    def asking(self) -> Floats:
        """Share of questions among the sentences of each near row; 0 for "nothing there"."""
        return np.append(self.corpus.read_number(self.near, "asking"), 0).astype(np.float32)

    @cached_property
    def voices(self) -> Indexes:
        """Number of the speaker of each near row, comparable within a session; 0 for nobody."""
        voices = self.corpus.read_column(self.near, lambda partition: partition.voices)
        return np.append(voices, 0).astype(np.int64)

    @cached_property
    def lengths(self) -> Floats:
        """Number of words of each near row; 0 for "nothing there"."""
        lengths = self.corpus.read_column(self.near, lambda partition: partition.postings.lengths)
        return np.append(lengths, 0).astype(np.float32)

    @cached_property
    def traits(self) -> Indexes:
        return self.corpus.read_number(self.chosen, "traits").astype(np.int64)

    def has(self, trait: int) -> Floats:
        """1 for candidates with the trait, else 0."""
        return (self.traits & trait > 0).astype(np.float32)


def _find_distinct(rows: Indexes, count: int) -> Indexes:
    """Return the distinct `rows`, ascending; all are below `count`."""
    there = np.zeros(count, bool)
    there[rows] = True
    return np.flatnonzero(there)


def _find_around(corpus: Corpus, rows: Indexes) -> Indexes:
    """Return REACH rows before and after each row in its session; [rows, 2 REACH + 1], NONE beyond its ends."""
    earlier, later = [rows], [rows]
    for _ in range(REACH):
        earlier.append(corpus.neighbours(earlier[-1], after=False))
        later.append(corpus.neighbours(later[-1], after=True))
    return np.stack([*reversed(earlier), *later[1:]], axis=1)
