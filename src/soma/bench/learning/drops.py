"""Drops: how far a curve falls below its start, and between which bounds chance would put that fall.

The examined questions are a sample of those that a person could ask, and the orders of those in which they could teach.
So both are drawn again (bootstrap, Efron, 1979), a question with what it had in every order. The difference is that of
the same question before and after, so that how hard it is does not matter.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from soma.bench.candidates.matrix import Floats, Indexes


class Examined(NamedTuple):
    """The figures of one order: `figures` in percent, [marks, questions, 2], of the `questions` examined."""

    questions: Indexes
    figures: Floats


def fall(parts: Sequence[Examined]) -> Floats:
    """Return how far the mean of the orders is below its start, [marks, 2], in points."""
    means = np.mean([part.figures.mean(axis=1) for part in parts], axis=0)
    fallen: Floats = means[0] - means
    return fallen


def worst_drop_interval(parts: Sequence[Examined], *, draws: int = 1_000, seed: int = 0) -> Floats:
    """Return the 95 % interval of the fall at the worst mark, [2, (low, high)], in points.

    That mark is the worst of several, so that chance alone puts the interval a little above 0.
    """
    worst = fall(parts).argmax(axis=0)
    fallen = np.zeros((len(parts), 1 + max(int(part.questions.max()) for part in parts), 2))
    is_examined = np.zeros(fallen.shape[:2])
    for order, part in enumerate(parts):
        fallen[order, part.questions] = np.stack(
            [part.figures[0, :, figure] - part.figures[mark, :, figure] for figure, mark in enumerate(worst)], axis=1
        )
        is_examined[order, part.questions] = 1.0
    generator = np.random.default_rng(seed)
    count = fallen.shape[1]
    questions = generator.multinomial(count, np.full(count, 1.0 / count), draws)  # how often each is drawn
    orders = generator.integers(0, len(parts), (draws, len(parts)))
    sizes = np.maximum(questions @ is_examined.T, 1.0)
    means = np.stack([questions @ fallen[:, :, figure].T for figure in range(2)], axis=2) / sizes[:, :, None]
    drawn = means[np.arange(draws)[:, None], orders].mean(axis=1)
    interval: Floats = np.percentile(drawn, [2.5, 97.5], axis=0).T
    return interval
