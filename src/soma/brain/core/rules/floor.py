"""The floors of what is shown: how near to its question the nearest memory is, and how a memory bears on it, at least.

Where the nearest is farther away than it was whenever something helped, nothing answers the question and nothing is
shown; else what bears on the question as memories that helped did (`context/relevance.py` measures both). What lies
below a floor is not shown and so can never be named, so the floors are learned from held-out questions alone, whose
own floors are lower. Of each of them that something helped with, x is counted, its nearness or the mean bearing of
what helped, and older ones fade:

n = n_0 + sum memory^age, mean = (n_0 mean_0 + sum x) / n
spread^2 = (n_0 (spread_0^2 + mean_0^2) + sum x^2) / n - mean^2
floor = mean - deviations spread                             deviations + held_out_look for a held-out question

Before the first of them, n_0 questions count as if they had been asked (a normal prior, by pseudo-observations).
"""

from collections.abc import Sequence
from math import sqrt
from typing import NamedTuple

import msgspec

from soma.brain.core.arithmetic import total
from soma.brain.core.hyperparameters import Hyperparameters


class HelpedQuestions(msgspec.Struct, frozen=True, gc=False):
    """Sums over held-out questions that memories helped with; older ones count less."""

    questions: float
    bearings: float
    bearing_squares: float
    nearness: float
    nearness_squares: float


class Floors(NamedTuple):
    """The least bearing of a memory that is shown, and the least cosine of the nearest, below which none is."""

    bearing: float
    nearness: float


NONE_HELPED = HelpedQuestions(0.0, 0.0, 0.0, 0.0, 0.0)


def count_helped(
    old: HelpedQuestions | None, bearings: Sequence[float], nearness: float, hyperparameters: Hyperparameters
) -> HelpedQuestions:
    """Count a question by the bearings, at least one, of the memories that helped, and the cosine of the nearest."""
    before, memory, count = old or NONE_HELPED, hyperparameters.held_out_memory, len(bearings)
    return HelpedQuestions(
        memory * before.questions + 1.0,
        memory * before.bearings + total(bearings) / count,
        memory * before.bearing_squares + total([x * x for x in bearings]) / count,
        memory * before.nearness + nearness,
        memory * before.nearness_squares + nearness * nearness,
    )


def floors_of(helped: HelpedQuestions | None, hyperparameters: Hyperparameters, *, held_out: bool = False) -> Floors:
    """Return the floors, so many standard deviations below the mean of the questions that memories helped with."""
    seen, start = helped or NONE_HELPED, hyperparameters
    more = start.held_out_look if held_out else 0.0
    bearing = _Quantity(start.bearing_mean, start.bearing_spread, seen.bearings, seen.bearing_squares)
    nearness = _Quantity(start.nearness_mean, start.nearness_spread, seen.nearness, seen.nearness_squares)
    return Floors(
        bearing.floor(start.floor_questions, seen.questions, start.bearing_deviations + more),
        nearness.floor(start.floor_questions, seen.questions, start.nearness_deviations + more),
    )


class _Quantity(NamedTuple):
    """A quantity as it is expected before any question, and its sums over questions."""

    mean: float
    spread: float
    summed: float
    squares: float

    def floor(self, before: float, questions: float, deviations: float) -> float:
        n = before + questions
        mean = (before * self.mean + self.summed) / n
        square = (before * (self.spread * self.spread + self.mean * self.mean) + self.squares) / n
        return mean - deviations * sqrt(max(square - mean * mean, 0.0))
