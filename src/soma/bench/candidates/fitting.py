"""Linear weights by Newton's method: the softmax over a question's candidates should lie on its gold ones."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from soma.bench.candidates.matrix import Floats, Indexes, Judged

L2 = 2.0
STEPS = 15
LEARNED_FROM = 100  # best candidates of a question by the prior, and all gold ones: the rest says nothing new
FIXED = 1e8  # the L2 of a weight that is given


def fitted(
    judged: Judged,
    names: Sequence[str],
    questions: Indexes,
    *,
    given: Mapping[str, float] | None = None,
    l2: float = L2,
) -> dict[str, float]:
    """Weights learned from `questions`; `given` ones are kept as they are."""
    rows = np.flatnonzero(np.isin(judged.question, questions) & _telling(judged))
    values = judged.values[rows][:, judged.columns(names)].astype(np.float64)
    given = given or {}
    strength = np.array([FIXED if name in given else l2 for name in names])
    prior = np.array([given.get(name, 0.0) for name in names])
    weights = _newton(values, judged.gold[rows], judged.question[rows], strength, prior)
    return dict(zip(names, weights.tolist(), strict=True))


def left_out(
    judged: Judged, learn: Callable[[Indexes], Mapping[str, float]]
) -> tuple[Floats, list[Mapping[str, float]]]:
    """Scores of every conversation by weights learned on the others, and these weights."""
    scores = np.zeros(len(judged.gold))
    learned = []
    for conversation in np.unique(judged.conversation):
        weights = learn(np.flatnonzero(judged.conversation != conversation))
        own = np.isin(judged.question, np.flatnonzero(judged.conversation == conversation))
        scores[own] = judged.scores(weights)[own]
        learned.append(weights)
    return scores, learned


def _telling(judged: Judged) -> NDArray[np.bool_]:
    kept = judged.gold.copy()
    rough = judged.values.mean(axis=1)
    for start, end in zip(judged.starts, judged.starts[1:], strict=False):
        kept[start + np.argsort(-rough[start:end], kind="stable")[:LEARNED_FROM]] = True
    return kept


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
