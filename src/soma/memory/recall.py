"""Recall in two stages: the best of each index, then every view of these candidates. Ranks nothing: the brain does."""

from collections.abc import Sequence
from hashlib import blake2b
from typing import cast

import msgspec
import numpy as np

from soma.memory.embedders.base import Reading
from soma.memory.index.partition import Partition
from soma.memory.synthesised import kept_below
from soma.memory.types import Candidate, Candidates, Query
from soma.memory.views import VIEWS
from soma.memory.views.graph import linked
from soma.memory.views.question import ask
from soma.memory.views.scene import NONE, Field, Floats, Indexes, Place, Scene, spread

STEPS = 65_535  # a view value is an integer k of k / 65535
ADDITIONS = 8  # memories that links alone may bring
PART_LEAST = 0.1  # below it, nearly every conversation is with them
DENSE_BONUS, LEXICAL_BONUS = 0.05, 0.5
SAME = 0.95  # cosine from which two texts say the same


def candidates(
    partitions: Sequence[Partition], query: Query, reading: Reading, *, at: float, additions: int = ADDITIONS
) -> Candidates:
    """What may answer `query`, in no order. `at` is the moment of asking, epoch seconds."""
    version = state(partitions)
    filled = [partition for partition in partitions if len(partition)]
    found: list[Candidate] = []
    same: frozenset[tuple[int, int]] = frozenset()
    vectors = np.zeros((0, len(reading.vector)), np.float32)
    if filled:
        asked = ask(query, reading, filled, at)
        scene = chosen(Field(filled, asked), query.top_k, additions)
        found, same, vectors = kept_below(described(scene)), duplicates(scene), scene.vectors
    return Candidates(
        found=found,
        duplicates=same,
        statistics_version=version,
        query_embedding=reading.vector.tolist(),
        vectors=cast("Sequence[Sequence[float]]", vectors),
    )


def state(partitions: Sequence[Partition]) -> str:
    """A name for what the statistics were made of. Not the revisions themselves: they tell how busy others are."""
    revisions = ".".join(str(partition.revision) for partition in partitions)
    return blake2b(revisions.encode(), digest_size=8).hexdigest()


def chosen(field: Field, top_k: int, additions: int) -> Scene:
    """The first stage: the best `top_k` by vector and by words; where they agree, room for what stands beside them.

    Then what links alone lead to.
    """
    dense, lexical = _preferring(field)
    worded = best(lexical, top_k)
    rows = np.union1d(best(dense, top_k), worded[lexical[worded] > 0])
    rows = np.setdiff1d(rows, field.dead)
    if (room := 2 * top_k - len(rows)) > 0:
        rows = np.union1d(rows, _beside(field, rows, spread(dense[rows]) + spread(lexical[rows]), room))
    scene = Scene(field, rows)
    extra = linked(scene, additions)
    return Scene(field, np.append(rows, extra)) if extra else scene


def _preferring(field: Field) -> tuple[Floats, Floats]:
    """Both scores, a little higher in conversations with somebody whom the question names."""
    weight = np.float32(field.asked.part_weight)
    if weight < PART_LEAST:
        return field.dense, field.lexical
    bonus = weight * field.taking_part(np.arange(len(field.dense)))
    dense = np.where(field.dense > -1, field.dense + DENSE_BONUS * bonus, -1).astype(np.float32)
    return dense, np.where(field.lexical > 0, field.lexical + LEXICAL_BONUS * bonus, 0).astype(np.float32)


def best(scores: Floats, count: int) -> Indexes:
    """The rows with the highest scores; of equal ones at the edge the first."""
    if len(scores) <= count:
        return np.arange(len(scores))
    edge = np.partition(scores, len(scores) - count)[len(scores) - count]
    above = np.flatnonzero(scores > edge)
    return np.concatenate([above, np.flatnonzero(scores == edge)[: count - len(above)]])


def _beside(field: Field, rows: Indexes, scores: Floats, room: int) -> Indexes:
    """Neighbours of the best rows that are not among them: an answer may share no word with its question."""
    ordered = rows[np.argsort(-scores, kind="stable")]
    near = np.stack([field.neighbours(ordered, after=step) for step in (True, False)], axis=1).ravel()
    near = near[(near != NONE) & ~np.isin(near, rows)]
    _, first = np.unique(near, return_index=True)
    nearest: Indexes = near[np.sort(first)][:room]
    return nearest


def described(scene: Scene) -> list[Candidate]:
    """The second stage: all views of each candidate."""
    columns = [whole(view.compute(scene)) for view in VIEWS.values()]
    return [
        _candidate(place, dict(zip(VIEWS, values, strict=True)))
        for place, values in zip(scene.places, zip(*columns, strict=True), strict=True)
    ]


def _candidate(place: Place, views: dict[str, int]) -> Candidate:
    entry = place.entry
    return Candidate(
        id=entry.id,
        key=entry.key,
        text=entry.text,
        views=views,
        kind=entry.kind,
        occurred_at=entry.occurred_at,
        value=place.partition.values[place.slot],
        conversation_id=entry.conversation_id,
        metadata=msgspec.json.decode(entry.metadata) if entry.metadata != "{}" else {},
    )


def whole(scores: Floats) -> list[int]:
    """Min-max over the candidates as integers of `STEPS`: what is stored is what was used, to the bit."""
    levels: list[int] = np.rint(spread(scores) * STEPS).astype(int).tolist()
    return levels


def duplicates(scene: Scene) -> frozenset[tuple[int, int]]:
    """Pairs of candidates whose texts say the same."""
    pairs = np.flatnonzero(scene.vectors @ scene.vectors.T >= SAME)
    first, second = np.divmod(pairs, len(scene))
    before = first < second
    return frozenset(zip(first[before].tolist(), second[before].tolist(), strict=True))
