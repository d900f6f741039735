"""Figures of what a bundle leaves out: candidates that bear less on the question than the floor."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from soma.bench.candidates.matrix import DEEPEST, CandidateMatrix, Floats, Indexes, figures_of_hits, summary
from soma.brain.context.relevance import SHARES, part_bearings
from soma.brain.core.hyperparameters import Hyperparameters
from soma.brain.core.rules.floor import Floors, HelpedQuestions, count_helped, floors_of
from soma.memory.types import Candidates

SHOWN = 50  # memories that the agent asks for, from which a bundle is chosen
TAUGHT = 15  # held-out questions among sixty that got feedback
ORDERS = 5
WRONG = 0.1  # of the feedback names a memory by chance
PULL, BEGIN, STEPS = 1e-5, -3.0, 40  # of the logistic fit: where nearly nothing is gold, it begins near nothing


@dataclass(frozen=True, slots=True)
class BestCandidates:
    """The best fifty candidates of a question, best first: `parts` of their bearings, [50, 3], gold, and tokens.

    `nearness` is the cosine of the nearest of all.
    """

    parts: Floats
    nearness: float
    gold: NDArray[np.bool_]
    tokens: Indexes
    gold_count: int


class FloorSet(NamedTuple):
    """The questions of a set, and others that it does not answer."""

    asked: Sequence[BestCandidates]
    unanswered: Sequence[BestCandidates]


class BearingMeasure(NamedTuple):
    """The shares of the parts of a bearing, and among the hyperparameters what is expected before any question."""

    shares: Sequence[float]
    hyperparameters: Hyperparameters


SHIPPED = BearingMeasure(SHARES, Hyperparameters())


def rank_best(matrix: CandidateMatrix, scores: Floats, near: Floats, tokens: Sequence[int]) -> list[BestCandidates]:
    lengths, found = np.asarray(tokens), []
    for question, (start, end) in enumerate(pairwise(matrix.starts.tolist())):
        best = np.argsort(-scores[start:end], kind="stable")[:SHOWN]
        parts = np.array(part_bearings(scores[start:end].tolist(), near[start:end].tolist()))[best]
        rows = start + best
        found.append(
            BestCandidates(
                parts,
                float(near[start:end].max()),
                matrix.gold[rows],
                lengths[rows],
                int(matrix.gold_count[question]),
            )
        )
    return found


def cosines(found: Sequence[Candidates]) -> Floats:
    """Return the cosine of each candidate with its question."""
    near = [one.vectors @ np.asarray(one.query_embedding, np.float32) for one in found]
    return np.concatenate(near).astype(np.float64)


def measure_floor(judged: FloorSet, elsewhere: BearingMeasure | None = None) -> dict[str, dict[str, float]]:
    """BearingMeasure the best fifty `before` and `after` the floor leaves some out, and with one that was `taught`.

    With `left_out`, it was taught to a measure that was fitted `elsewhere`. `tokens` is the mean number shown,
    `gold_shown` the share of gold evidence that is shown, `shown_gold` the share of what is shown that is gold; for
    questions that nothing answers, `unanswered_tokens` is the mean number shown, and `silent` the share for which
    nothing is. All are means over the questions.
    """
    found = {
        "before": _figures(judged, Floors(-np.inf, -np.inf), SHIPPED),
        "after": _figures(judged, floors_of(None, SHIPPED.hyperparameters), SHIPPED),
        "taught": _teach(judged, SHIPPED),
    }
    return found if elsewhere is None else found | {"left_out": _teach(judged, elsewhere)}


def fit_measure(sets: Sequence[FloorSet]) -> BearingMeasure:
    """Fit the shares of a bearing, with equal voice for each set, and take means and spreads from what helped.

    The shares are those of a logistic model of whether a memory is gold. The spread of bearings is that within one set,
    for one learner's data are of one kind; that of nearness is over all of them, for to show nothing by mistake costs
    more.
    """
    rows = [np.concatenate([one.parts for one in (*judged.asked, *judged.unanswered)]) for judged in sets]
    gold = [np.concatenate([one.gold for one in (*judged.asked, *judged.unanswered)]) for judged in sets]
    voices = np.concatenate([np.full(len(part), 1.0 / (len(part) * len(sets))) for part in rows])
    fitted = np.maximum(_fit_logistic(np.concatenate(rows), np.concatenate(gold), voices), 0.0)
    shares = fitted / fitted.sum()
    helped = [part[right] @ shares for part, right in zip(rows, gold, strict=True)]
    near = [np.array([one.nearness for one in judged.asked if one.gold.any()]) for judged in sets]
    nearness = float(np.mean([one.mean() for one in near]))
    return BearingMeasure(
        shares.tolist(),
        replace(
            SHIPPED.hyperparameters,
            bearing_mean=float(np.mean([one.mean() for one in helped])),
            bearing_spread=float(np.sqrt(np.mean([one.var() for one in helped]))),
            nearness_mean=nearness,
            nearness_spread=float(np.sqrt(np.mean([((one - nearness) ** 2).mean() for one in near]))),
        ),
    )


def _fit_logistic(rows: Floats, gold: NDArray[np.bool_], voices: Floats) -> Floats:
    """Fit by Newton steps, with an intercept that is not returned and a little pull to 0 on the rest."""
    columns = np.column_stack([np.ones(len(rows)), rows])
    pull = np.diag([0.0] + [PULL] * rows.shape[1])
    weights = np.array([BEGIN] + [0.0] * rows.shape[1])
    for _ in range(STEPS):
        chances = 1.0 / (1.0 + np.exp(-columns @ weights))
        slope = columns.T @ (voices * (chances - gold)) + pull @ weights
        curvature = (columns * (voices * chances * (1.0 - chances))[:, None]).T @ columns + pull
        weights = weights - np.linalg.solve(curvature, slope)
    found: Floats = weights[1:]
    return found


def _show(one: BestCandidates, floors: Floors, measure: BearingMeasure) -> NDArray[np.bool_]:
    shown: NDArray[np.bool_] = (one.parts @ measure.shares >= floors.bearing) & (one.nearness >= floors.nearness)
    return shown


def _figures(judged: FloorSet, floors: Floors, measure: BearingMeasure) -> dict[str, float]:
    found = []
    for one in judged.asked:
        shown = _show(one, floors, measure)
        right = one.gold[shown].sum()
        found.append((one.tokens[shown].sum(), right / one.gold_count, right / max(shown.sum(), 1)))
    sent = [one.tokens[_show(one, floors, measure)].sum() for one in judged.unanswered]
    told = dict(zip(("tokens", "gold_shown", "shown_gold"), np.mean(found, axis=0).tolist(), strict=True))
    return told | {
        "unanswered_tokens": float(np.mean(sent)),
        "silent": float(np.mean([tokens == 0 for tokens in sent])),
    }


def _teach(judged: FloorSet, measure: BearingMeasure) -> dict[str, float]:
    """Return the figures after feedback on some questions, measured on all others; the mean of several orders."""
    found = []
    for order in range(ORDERS):
        lots = np.random.default_rng(order)
        questions = lots.permutation(len(judged.asked)).tolist()
        count = min(TAUGHT, len(questions) // 2)
        seen: HelpedQuestions | None = None
        for number in questions[:count]:
            seen = _count(seen, judged.asked[number], measure, lots)
        rest = FloorSet([judged.asked[number] for number in questions[count:]], judged.unanswered)
        found.append(_figures(rest, floors_of(seen, measure.hyperparameters), measure))
    return {name: float(np.mean([one[name] for one in found])) for name in found[0]}


def _count(
    seen: HelpedQuestions | None, one: BestCandidates, measure: BearingMeasure, lots: np.random.Generator
) -> HelpedQuestions | None:
    """Count a held-out question: all gold that it was shown helped, or, by mistake, any one of the shown."""
    shown = _show(one, floors_of(seen, measure.hyperparameters, held_out=True), measure)
    is_mistaken = lots.random() < WRONG and shown.any()
    named = lots.choice(np.flatnonzero(shown), 1) if is_mistaken else np.flatnonzero(shown & one.gold)
    if not len(named):
        return seen
    bearings = (one.parts[named] @ measure.shares).tolist()
    return count_helped(seen, bearings, one.nearness, measure.hyperparameters)


def figures_above_floor(matrix: CandidateMatrix, scores: Floats, near: Floats) -> dict[str, float]:
    """Return the figures of a ranking from which candidates below the shipped floor are removed.

    `kept` is the mean number of the best fifty that stay; `gold_50` and `gold_50_before` are the shares of gold
    evidence among the best fifty after and before.
    """
    floors = floors_of(None, SHIPPED.hyperparameters)
    best = rank_best(matrix, scores, near, np.zeros(len(matrix.gold), np.int64).tolist())
    hits = np.zeros((len(matrix), DEEPEST), bool)
    kept, gold, before = (np.zeros(len(matrix)) for _ in range(3))
    for question, one in enumerate(best):
        shown = one.gold[_show(one, floors, SHIPPED)]
        hits[question, : min(len(shown), DEEPEST)] = shown[:DEEPEST]
        kept[question], gold[question], before[question] = len(shown), shown.sum(), one.gold.sum()
    return summary(figures_of_hits(hits, matrix.gold_count), matrix.category) | {
        "kept": float(kept.mean()),
        "gold_50": float((gold / matrix.gold_count).mean()),
        "gold_50_before": float((before / matrix.gold_count).mean()),
    }
