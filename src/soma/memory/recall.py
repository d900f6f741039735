"""Recall in two stages: the best of each index, then every view of these candidates. Ranks nothing: the brain does."""

from collections.abc import Sequence
from functools import partial
from hashlib import blake2b

import msgspec
import numpy as np

from soma.memory.embedders.base import Reading
from soma.memory.index.partition import Entry, Partition
from soma.memory.types import STEPS, Candidate, Candidates, Levels, Query
from soma.memory.views import VIEWS
from soma.memory.views.graph import linked
from soma.memory.views.question import ask
from soma.memory.views.scene import NONE, Field, Flags, Floats, Indexes, Scene, best, spread
from soma.memory.views.summaries import keep_below

ADDITIONS = 8  # memories that links alone may bring
PART_LEAST = 0.1  # below it, nearly every conversation is with them
DENSE_BONUS, LEXICAL_BONUS = 0.05, 0.5


def candidates(
    partitions: Sequence[Partition], query: Query, reading: Reading, *, at: float, additions: int = ADDITIONS
) -> Candidates:
    """What may answer `query`, in no order. `at` is the moment of asking, epoch seconds."""
    version = state(partitions)
    filled = [partition for partition in partitions if len(partition)]
    if not filled:
        return nothing(reading, version)
    scene = chosen(Field(filled, ask(query, reading, filled, at)), query, additions)
    entries, levels = scene.entries, described(scene)
    return Candidates(
        ids=[entry.id for entry in entries],
        views=tuple(VIEWS),
        levels=levels,
        vectors=scene.vectors,
        statistics_version=version,
        query_embedding=reading.vector.tolist(),
        tell=partial(candidate, entries, levels, scene.values.tolist()),
    )


def nothing(reading: Reading, version: str) -> Candidates:
    levels = np.zeros((0, len(VIEWS)), np.int64)
    return Candidates(
        ids=(),
        views=tuple(VIEWS),
        levels=levels,
        vectors=np.zeros((0, len(reading.vector)), np.float32),
        statistics_version=version,
        query_embedding=reading.vector.tolist(),
        tell=partial(candidate, (), levels, ()),
    )


def state(partitions: Sequence[Partition]) -> str:
    """A name for what the statistics were made of. Not the revisions themselves: they tell how busy others are."""
    revisions = ".".join(str(partition.revision) for partition in partitions)
    return blake2b(revisions.encode(), digest_size=8).hexdigest()


def chosen(field: Field, query: Query, additions: int) -> Scene:
    """The first stage: the best `top_k` by vector and by words; where they agree, room for what stands beside them.

    Then what links alone lead to, and those that the question names by id. A message that only asked is found so alone:
    it holds the question's own words, and would stand before what answers them.
    """
    top_k, silent = query.top_k, field.silent(with_questions=query.with_questions)
    dense, lexical = _preferring(field)
    dense, lexical = np.where(silent, np.float32(-1), dense), np.where(silent, np.float32(0), lexical)
    worded = best(lexical, top_k)
    among = np.zeros(len(dense), bool)
    among[best(dense, top_k)] = True
    among[worded[lexical[worded] > 0]] = True
    among[silent] = False
    rows = np.flatnonzero(among)
    if (room := 2 * top_k - len(rows)) > 0:
        near = np.maximum(dense[rows], field.cosines(rows))
        among[_beside(field, rows, among | silent, spread(near) + spread(lexical[rows]), room)] = True
        rows = np.flatnonzero(among)
    scene = Scene(field, rows)
    named = {row for row in map(field.row_of, query.also) if row is not None}
    extra = [row for row in linked(scene, additions) if not silent[row]]
    extra += sorted(named - {*rows.tolist(), *extra})
    return Scene(field, np.append(rows, extra)) if extra else scene


def _preferring(field: Field) -> tuple[Floats, Floats]:
    """Both scores, a little higher in conversations with somebody whom the question names."""
    weight = np.float32(field.asked.part_weight)
    if weight < PART_LEAST:
        return field.dense, field.lexical
    bonus = weight * field.taking_part(np.arange(len(field.dense)))
    dense = np.where(field.dense > -1, field.dense + DENSE_BONUS * bonus, -1).astype(np.float32)
    return dense, np.where(field.lexical > 0, field.lexical + LEXICAL_BONUS * bonus, 0).astype(np.float32)


def _beside(field: Field, rows: Indexes, known: Flags, scores: Floats, room: int) -> Indexes:
    """Neighbours of the best rows that are not `known`: an answer may share no word with its question."""
    ordered = rows[np.argsort(-scores, kind="stable")]
    near = np.stack([field.neighbours(ordered, after=step) for step in (True, False)], axis=1).ravel()
    near = near[near != NONE]
    near = near[~known[near]]
    _, first = np.unique(near, return_index=True)
    nearest: Indexes = near[np.sort(first)][:room]
    return nearest


def described(scene: Scene) -> Levels:
    """The second stage: all views of each candidate; [candidates, views]."""
    levels = np.stack([whole(view.compute(scene)) for view in VIEWS.values()], axis=1)
    keep_below(scene, levels)
    return levels


def whole(scores: Floats) -> Levels:
    """Min-max over the candidates as integers of `STEPS`: what is stored is what was used, to the bit."""
    levels: Levels = np.rint(spread(scores) * STEPS).astype(np.int64)
    return levels


def candidate(entries: Sequence[Entry], levels: Levels, values: Sequence[float], number: int) -> Candidate:
    entry = entries[number]
    return Candidate(
        id=entry.id,
        key=entry.key,
        text=entry.text,
        views=dict(zip(VIEWS, levels[number].tolist(), strict=True)),
        kind=entry.kind,
        occurred_at=entry.occurred_at,
        value=values[number],
        conversation_id=entry.conversation_id,
        metadata=msgspec.json.decode(entry.metadata) if entry.metadata != "{}" else {},
        author=entry.author,
    )
