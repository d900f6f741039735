"""The figures of bundles without memories that do not stand out: `brain.context.relevance.stand_out`."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from soma.bench.candidates.matrix import DEEPEST, CandidateMatrix, Floats, figures_of_hits, summary
from soma.brain.context.relevance import stand_out
from soma.memory.types import Candidates

SHOWN = 50  # memories that the agent asks for, from which a bundle is chosen


def cosines(found: Sequence[Candidates]) -> Floats:
    """Return the cosine of each candidate with its question."""
    near = [one.vectors @ np.asarray(one.query_embedding, np.float32) for one in found]
    return np.concatenate(near).astype(np.float64)


def measure_floor(
    matrix: CandidateMatrix, scores: Floats, near: NDArray[np.float32], tokens: NDArray[np.int32]
) -> dict[str, dict[str, float]]:
    """Measure the best fifty of a ranking `before` and `after` those that do not stand out are left out.

    `tokens` is the mean number shown, `gold_shown` the share of gold evidence that is shown, `shown_gold` the share of
    what is shown that is gold; all are means over the questions.
    """
    before: list[tuple[float, float, float]] = []
    after: list[tuple[float, float, float]] = []
    for question, (start, end) in enumerate(pairwise(matrix.starts.tolist())):
        best = start + np.argsort(-scores[start:end], kind="stable")[:SHOWN]
        stands = np.array(stand_out(scores[start:end].tolist(), near[start:end].tolist()))
        for rows, found in ((best, before), (best[stands[best - start]], after)):
            right = matrix.gold[rows].sum()
            found.append((tokens[rows].sum(), right / matrix.gold_count[question], right / max(len(rows), 1)))
    names = ("tokens", "gold_shown", "shown_gold")
    return {
        name: dict(zip(names, np.mean(found, axis=0).tolist(), strict=True))
        for name, found in (("before", before), ("after", after))
    }


def figures_above_floor(matrix: CandidateMatrix, scores: Floats, near: Floats) -> dict[str, float]:
    """Return the figures of a ranking from which candidates that do not stand out are removed.

    `kept` is the mean number of the best fifty that stay; `gold_50` and `gold_50_before` are the shares of gold
    evidence among the best fifty after and before.
    """
    found = np.zeros((len(matrix), DEEPEST), bool)
    kept, gold, before = (np.zeros(len(matrix)) for _ in range(3))
    for question, (start, end) in enumerate(pairwise(matrix.starts.tolist())):
        best = start + np.argsort(-scores[start:end], kind="stable")[:SHOWN]
        stands = np.array(stand_out(scores[start:end].tolist(), near[start:end].tolist()))
        shown: NDArray[np.bool_] = matrix.gold[best[stands[best - start]]]
        found[question, : min(len(shown), DEEPEST)] = shown[:DEEPEST]
        kept[question], gold[question], before[question] = len(shown), shown.sum(), matrix.gold[best].sum()
    return summary(figures_of_hits(found, matrix.gold_count), matrix.category) | {
        "kept": float(kept.mean()),
        "gold_50": float((gold / matrix.gold_count).mean()),
        "gold_50_before": float((before / matrix.gold_count).mean()),
    }
