"""Recall in two stages: the best of each index, then every view of these candidates. Ranks nothing: the brain does."""

import math
from collections.abc import Sequence
from typing import cast

import msgspec
import numpy as np

from soma.memory.index.partition import Partition
from soma.memory.types import Candidate, Candidates, Query
from soma.memory.views import VIEWS
from soma.memory.views.base import Asked, Field, Floats, Indexes, Place, Scene, spread
from soma.memory.views.graph import linked
from soma.memory.words import content_words

STEPS = 65_535  # a view value is an integer k of k / 65535
ADDITIONS = 8  # memories that links alone may bring
SAME = 0.95  # cosine from which two texts say the same


def candidates(
    partitions: Sequence[Partition], query: Query, vector: Floats, *, at: float, additions: int = ADDITIONS
) -> Candidates:
    """What may answer `query`, in no order. `at` is the moment of asking, epoch seconds."""
    version = ".".join(str(partition.revision) for partition in partitions)
    filled = [partition for partition in partitions if len(partition)]
    asked = Asked(
        text=query.text,
        vector=vector,
        words=weighed(filled, content_words(query.text)),
        at=at,
        half_life_days=query.half_life_days,
        conversation_id=query.conversation_id,
    )
    found: list[Candidate] = []
    same: frozenset[tuple[int, int]] = frozenset()
    vectors = np.zeros((0, len(vector)), np.float32)
    if filled:
        scene = chosen(Field(filled, asked), query.top_k, additions)
        found, same, vectors = described(scene), duplicates(scene), scene.vectors
    return Candidates(
        found=found,
        duplicates=same,
        statistics_version=version,
        query_embedding=vector.tolist(),
        vectors=cast("Sequence[Sequence[float]]", vectors),
    )


def weighed(partitions: Sequence[Partition], words: Sequence[str]) -> dict[str, float]:
    """The inverse document frequency of each word, over what the owner may see and nothing else."""
    documents = sum(partition.postings.documents for partition in partitions)
    weights = {}
    for word in words:
        frequency = sum(partition.postings.frequency(word) for partition in partitions)
        if frequency:
            weights[word] = math.log(1 + (documents - frequency + 0.5) / (frequency + 0.5))
    return weights


def chosen(field: Field, top_k: int, additions: int) -> Scene:
    """The first stage: the best `top_k` by vector and by words, then what links alone lead to."""
    lexical = best(field.lexical, top_k)
    rows = np.union1d(best(field.dense, top_k), lexical[field.lexical[lexical] > 0])
    scene = Scene(field, np.setdiff1d(rows, field.dead))
    extra = linked(scene, additions)
    return Scene(field, np.append(scene.chosen, extra)) if extra else scene


def best(scores: Floats, count: int) -> Indexes:
    """The rows with the highest scores; of equal ones at the edge the first."""
    if len(scores) <= count:
        return np.arange(len(scores))
    edge = np.partition(scores, len(scores) - count)[len(scores) - count]
    above = np.flatnonzero(scores > edge)
    return np.concatenate([above, np.flatnonzero(scores == edge)[: count - len(above)]])


def described(scene: Scene) -> list[Candidate]:
    """The second stage: all views of each candidate."""
    columns = {name: whole(view.compute(scene)) for name, view in VIEWS.items()}
    return [
        _candidate(place, {name: column[number] for name, column in columns.items()})
        for number, place in enumerate(scene.places)
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
        metadata=msgspec.json.decode(entry.metadata),
    )


def whole(scores: Floats) -> list[int]:
    """Min-max over the candidates as integers of `STEPS`: what is stored is what was used, to the bit."""
    levels: list[int] = np.rint(spread(scores.astype(np.float64)) * STEPS).astype(int).tolist()
    return levels


def duplicates(scene: Scene) -> frozenset[tuple[int, int]]:
    """Pairs of candidates whose texts say the same."""
    first, second = np.nonzero(np.triu(scene.vectors @ scene.vectors.T >= SAME, 1))
    return frozenset(zip(first.tolist(), second.tolist(), strict=True))
