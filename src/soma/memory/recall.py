"""Recall in two stages: the best of each index, then every view of these candidates. Ranks nothing: the brain does."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b

import msgspec
import numpy as np

from soma.memory.embedders.base import Reading
from soma.memory.index.entries import Entry
from soma.memory.index.partition import Look, Partition
from soma.memory.types import STEPS, Candidate, Candidates, Levels, Query
from soma.memory.views import VIEWS
from soma.memory.views.arrays import Flags, Floats, Indexes, best, spread
from soma.memory.views.base import View
from soma.memory.views.candidates import CandidateSet
from soma.memory.views.corpus import NONE, Corpus
from soma.memory.views.graph import find_linked
from soma.memory.views.question import parse_question
from soma.memory.views.summaries import keep_below

ADDITIONS = 8  # memories that links alone may bring
PART_LEAST = 0.1  # below it, nearly every conversation is with them
DENSE_BONUS, LEXICAL_BONUS = 0.05, 0.5


def find_candidates(
    partitions: Sequence[Partition], query: Query, reading: Reading, *, at: float, additions: int = ADDITIONS
) -> Candidates:
    """Return the memories that may answer `query`, in no order. `at` is the moment of asking, epoch seconds."""
    version = statistics_version(partitions)
    filled = [partition for partition in partitions if len(partition)]
    if not filled:
        return no_candidates(reading, version)
    candidates = choose_candidates(Corpus(filled, parse_question(query, reading, filled, at)), query, additions)
    levels = compute_levels(candidates)
    read = _Reader(filled[0].look, candidates.ids, candidates.revisions.tolist(), levels, candidates.values.tolist())
    return Candidates(
        ids=candidates.ids,
        views=tuple(VIEWS),
        levels=levels,
        vectors=candidates.vectors,
        statistics_version=version,
        query_embedding=reading.vector.tolist(),
        read=read,
    )


def hold(candidates: Candidates) -> Candidates:
    """Return the candidates with their texts, for who looks at them when the memory is closed."""
    read = candidates.read
    return replace(candidates, read=read.hold() if isinstance(read, _Reader) else read)


def no_candidates(reading: Reading, version: str) -> Candidates:
    levels = np.zeros((0, len(VIEWS)), np.int64)
    return Candidates(
        ids=(),
        views=tuple(VIEWS),
        levels=levels,
        vectors=np.zeros((0, len(reading.vector)), np.float32),
        statistics_version=version,
        query_embedding=reading.vector.tolist(),
        read=lambda _: {},
    )


def statistics_version(partitions: Sequence[Partition]) -> str:
    """Digest of the revisions that the statistics were made of; revisions themselves tell how busy others are."""
    revisions = ".".join(str(partition.revision) for partition in partitions)
    return blake2b(revisions.encode(), digest_size=8).hexdigest()


def choose_candidates(corpus: Corpus, query: Query, additions: int) -> CandidateSet:
    """Choose the first stage's candidates: the best `top_k` by their nearest passage and the best `top_k` by words.

    Where the two agree, neighbours of the best fill the room. Links alone add a few more, and so does naming an id. A
    message that only asks is found no other way: it holds the question's own words, and would outrank their answer.
    """
    top_k, excluded = query.top_k, corpus.exclusions(with_questions=query.with_questions)
    dense, lexical = _prefer_named_people(corpus)
    dense, lexical = np.where(excluded, np.float32(-1), dense), np.where(excluded, np.float32(0), lexical)
    worded = best(lexical, top_k)
    among = np.zeros(len(dense), bool)
    among[best(dense, top_k)] = True
    among[worded[lexical[worded] > 0]] = True
    among[excluded] = False
    rows = np.flatnonzero(among)
    if (room := 2 * top_k - len(rows)) > 0:
        near = np.maximum(dense[rows], corpus.passage_cosines(rows))
        among[_find_beside(corpus, rows, among | excluded, spread(near) + spread(lexical[rows]), room)] = True
        rows = np.flatnonzero(among)
    candidates = CandidateSet(corpus, rows)
    named = {row for row in map(corpus.row_of, query.also) if row is not None}
    extra = [row for row in find_linked(candidates, additions) if not excluded[row]]
    extra += sorted(named - {*rows.tolist(), *extra})
    return CandidateSet(corpus, np.append(rows, extra)) if extra else candidates


def _prefer_named_people(corpus: Corpus) -> tuple[Floats, Floats]:
    """Return dense and lexical scores, a little higher in conversations with somebody whom the question names."""
    weight = np.float32(corpus.question.part_weight)
    if weight < PART_LEAST:
        return corpus.passage, corpus.lexical
    bonus = weight * corpus.find_named_participants()
    dense = np.where(corpus.passage > -1, corpus.passage + DENSE_BONUS * bonus, -1).astype(np.float32)
    return dense, np.where(corpus.lexical > 0, corpus.lexical + LEXICAL_BONUS * bonus, 0).astype(np.float32)


def _find_beside(corpus: Corpus, rows: Indexes, known: Flags, scores: Floats, room: int) -> Indexes:
    """Find neighbours of the best rows that are not `known`: an answer may share no word with its question."""
    ordered = rows[np.argsort(-scores, kind="stable")]
    near = np.stack([corpus.neighbours(ordered, after=step) for step in (True, False)], axis=1).ravel()
    near = near[near != NONE]
    near = near[~known[near]]
    _, first = np.unique(near, return_index=True)
    nearest: Indexes = near[np.sort(first)][:room]
    return nearest


def compute_levels(candidates: CandidateSet) -> Levels:
    """Compute every view of each candidate, the second stage; [candidates, views]."""
    levels = np.stack([to_levels(view, view.compute(candidates)) for view in VIEWS.values()], axis=1)
    keep_below(candidates, levels)
    return levels


def to_levels(view: View, scores: Floats) -> Levels:
    """Min-max over the candidates as integers of `STEPS`: what is stored is what was used, to the bit."""
    shares = np.clip(scores, 0, 1) if view.is_share else spread(scores)
    levels: Levels = np.rint(shares * STEPS).astype(np.int64)
    return levels


@dataclass(frozen=True, slots=True)
class _Reader:
    """A reader of candidates: it has what recall knows of them without their texts, as of when it found them."""

    look: Look
    ids: Sequence[str]
    revisions: Sequence[int]
    levels: Levels
    values: Sequence[float]

    def __call__(self, numbers: Sequence[int]) -> dict[int, Candidate]:
        """Read the candidates of these numbers, those that are still there."""
        found = self.look({self.ids[number]: self.revisions[number] for number in numbers})
        there = ((number, found.get(self.ids[number])) for number in numbers)
        return {number: self._make(entry, number) for number, entry in there if entry is not None}

    def hold(self) -> "_Reader":
        """Read all of them now, for when their rows cannot be read any more."""
        entries = self.look(dict(zip(self.ids, self.revisions, strict=True)))
        return replace(self, look=lambda _: entries)

    def _make(self, entry: Entry, number: int) -> Candidate:
        return Candidate(
            id=entry.id,
            key=entry.key,
            text=entry.text,
            views=dict(zip(VIEWS, self.levels[number].tolist(), strict=True)),
            kind=entry.kind,
            occurred_at=entry.occurred_at,
            value=self.values[number],
            conversation_id=entry.conversation_id,
            metadata=msgspec.json.decode(entry.metadata) if entry.metadata != "{}" else {},
            author=entry.author,
        )
