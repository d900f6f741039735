"""What a bundle still holds once memories that do not stand out are left out of it: `brain.context.standing_out`."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from soma.bench.candidates.matrix import DEEPEST, Floats, Judged, from_found, summary
from soma.brain.context.bundle import standing_out
from soma.memory.types import Candidates

SHOWN = 50  # memories that a bundle looks at first, as the agent asks for them


def cosines(found: Sequence[Candidates]) -> Floats:
    """How near each candidate of each question is to it in meaning."""
    near = [one.vectors @ np.asarray(one.query_embedding, np.float32) for one in found]
    return np.concatenate(near).astype(np.float64)


def floored(judged: Judged, scores: Floats, near: Floats) -> dict[str, float]:
    """The figures of an order without what does not stand out.

    `kept` is how many of the best fifty stay, on the average; `gold_50` and `gold_50_before` are the shares of the gold
    among them with and without the rest.
    """
    found = np.zeros((len(judged), DEEPEST), bool)
    kept, gold, before = (np.zeros(len(judged)) for _ in range(3))
    for question, (start, end) in enumerate(pairwise(judged.starts.tolist())):
        best = start + np.argsort(-scores[start:end], kind="stable")[:SHOWN]
        stands = np.array(standing_out(scores[start:end].tolist(), near[start:end].tolist()))
        shown: NDArray[np.bool_] = judged.gold[best[stands[best - start]]]
        found[question, : min(len(shown), DEEPEST)] = shown[:DEEPEST]
        kept[question], gold[question], before[question] = len(shown), shown.sum(), judged.gold[best].sum()
    return summary(from_found(found, judged.gold_count), judged.category) | {
        "kept": float(kept.mean()),
        "gold_50": float((gold / judged.gold_count).mean()),
        "gold_50_before": float((before / judged.gold_count).mean()),
    }
