"""Fitting of linear weights by Newton's method: softmax over a question's candidates against its gold ones."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from soma.bench.candidates.matrix import CandidateMatrix, Floats, Indexes

L2 = 2.0
STEPS = 15
COMPARED = 200  # candidates of a question, drawn by lot, besides all gold ones
FIXED = 1e8  # the L2 that holds a given weight


def fit_weights(
    matrix: CandidateMatrix,
    names: Sequence[str],
    questions: Indexes,
    *,
    given: Mapping[str, float] | None = None,
    l2: float = L2,
) -> dict[str, float]:
    """Fit weights to `questions`; `given` ones stay as they are."""
    rows = np.flatnonzero(np.isin(matrix.question, questions) & _draw_rows(matrix))
    values = matrix.values[rows][:, matrix.columns(names)].astype(np.float64)
    given = given or {}
    strength = np.array([FIXED if name in given else l2 for name in names])
    prior = np.array([given.get(name, 0.0) for name in names])
    weights = _newton(values, matrix.gold[rows], matrix.question[rows], strength, prior)
    return dict(zip(names, weights.tolist(), strict=True))


def cross_validate(
    matrix: CandidateMatrix, learn: Callable[[Indexes], Mapping[str, float]]
) -> tuple[Floats, list[Mapping[str, float]]]:
    """Score every conversation by weights learned on the others; return the scores and these weights."""
    scores = np.zeros(len(matrix.gold))
    learned = []
    for conversation in np.unique(matrix.conversation):
        weights = learn(np.flatnonzero(matrix.conversation != conversation))
        own = np.isin(matrix.question, np.flatnonzero(matrix.conversation == conversation))
        scores[own] = matrix.scores(weights)[own]
        learned.append(weights)
    return scores, learned


def _draw_rows(matrix: CandidateMatrix) -> NDArray[np.bool_]:
    """Draw COMPARED candidates of each question, every one with the same chance, and take all gold ones.

    A conditional logit of such a sample has the weights of the whole (McFadden, 1978). Of the candidates that look
    best alone it has not: what they have in common is then learned as a mark of the wrong ones.
    """
    lot = np.random.default_rng(0).random(len(matrix.gold))
    place = np.arange(len(lot)) - np.repeat(matrix.starts[:-1], np.diff(matrix.starts))
    order = np.lexsort((lot, matrix.question))
    drawn = matrix.gold.copy()
    drawn[order[place < COMPARED]] = True
    return drawn


def _newton(values: Floats, gold: NDArray[np.bool_], question: Indexes, l2: Floats, prior: Floats) -> Floats:
    _, starts, group = np.unique(question, return_index=True, return_inverse=True)
    count = np.add.reduceat(gold.astype(np.float64), starts)
    answered = (count > 0).astype(np.float64)[group]
    target = gold / np.maximum(count, 1)[group]

    def loss(weights: Floats) -> tuple[float, Floats]:
        scores = values @ weights
        scores -= np.maximum.reduceat(scores, starts)[group]
        shares = np.exp(scores)
        total = np.add.reduceat(shares, starts)[group]
        miss = -(target * (scores - np.log(total))).sum() + 0.5 * (l2 * (weights - prior) ** 2).sum()
        return float(miss), shares / total

    weights, (miss, share) = prior.copy(), loss(prior)
    for _ in range(STEPS):
        share = share * answered
        gradient = values.T @ (share - target) + l2 * (weights - prior)
        mean = np.add.reduceat(values * share[:, None], starts, axis=0)
        curvature = (values * share[:, None]).T @ values - mean.T @ mean + np.diag(l2)
        step = np.linalg.solve(curvature, gradient)
        size = 1.0
        while (tried := loss(weights - size * step))[0] > miss and size > 1e-4:
            size /= 2
        weights, gain, (miss, share) = weights - size * step, miss - tried[0], tried
        if gain < 1e-6 * abs(miss):
            break
    return weights
