"""Ranking: candidates in order, by score, z-score among the candidates, and attention.

A vectorised twin (`bench/learning/boards.py`) adds column by column in the order of the names: the same bits.
"""

from collections.abc import Sequence
from math import sqrt
from typing import NamedTuple

from soma.brain.core.arithmetic import dot, softmax, total
from soma.brain.core.observations import VIEW_SCALE, ShownMemory

ROUNDING = 1e-12  # relative; a spread below it is an error of the sums


class RankedCandidate(NamedTuple):
    id: str
    score: float
    z: float
    attention: float
    values: tuple[int, ...]


def rank(
    candidates: Sequence[ShownMemory],
    views: tuple[str, ...],
    names: tuple[str, ...],
    weights: Sequence[float],
    tau: float,
) -> list[RankedCandidate]:
    """Best first, equal scores by id. `views` names the candidates' values, `names` the weights."""
    scores = score_candidates(candidates, views, names, weights)
    standing = z_scores(scores)
    rows = [
        RankedCandidate(candidate.id, score, z, share, candidate.values)
        for candidate, score, z, share in zip(candidates, scores, standing, softmax(standing, tau), strict=True)
    ]
    return sorted(rows, key=lambda row: (-row.score, row.id))


def score_candidates(
    candidates: Sequence[ShownMemory], views: tuple[str, ...], names: tuple[str, ...], weights: Sequence[float]
) -> list[float]:
    """sum of weight x view of each candidate, added in the order of `names`; one without the other counts 0."""
    place = {name: index for index, name in enumerate(views)}
    known = [(place[name], weight) for name, weight in zip(names, weights, strict=True) if name in place]
    order, kept = [index for index, _ in known], [weight for _, weight in known]
    return [dot(kept, [values[index] for index in order]) / VIEW_SCALE for _, values in candidates]


def z_scores(scores: Sequence[float]) -> list[float]:
    """(score - mean) / standard deviation over the candidates; 0 for all when they are alike."""
    if not scores:
        return []
    mean = total(scores) / len(scores)
    misses = [score - mean for score in scores]
    spread = sqrt(total([miss * miss for miss in misses]) / len(scores))
    if spread <= ROUNDING * max(abs(score) for score in scores):
        return [0.0] * len(scores)
    return [miss / spread for miss in misses]
