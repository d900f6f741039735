"""The prior for a stranger: weights that no set dominates, found by steps of one weight at a time.

Every set has the same voice, whatever its number of questions. A set speaks for a step by what it gains against the
better of the plan's weights and `semantic` alone, at most ENOUGH, and against it by what it loses.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from soma.bench.candidates.fixed_weights import PLAN_ALONE, SEMANTIC_ALONE
from soma.bench.candidates.matrix import CandidateMatrix, Floats, Indexes, place_candidates
from soma.memory.views.arrays import Floats as Floats32

# A tenth for a view that may speak for a memory, a fifth for one that nearly always does, a half for one that speaks
# only where the question names a time or a person.
START = PLAN_ALONE | {
    **dict.fromkeys(
        ("vector", "passage", "words", "surroundings", "session", "number", "author", "about", "identifier"), 0.1
    ),
    **dict.fromkeys(("window", "user", "newest", "when"), 0.2),
    **dict.fromkeys(("date", "participant"), 0.5),
}
KEPT = ("semantic", "graph", "temporal", "old")  # as the plan has them
NEGATIVE = ("question", "length", "vector")  # that may speak against a memory
STEPS = (0.1, 0.3, -0.1, -0.3)
ROUNDS = 2
ENOUGH = 0.05
SHORT = 1.5  # what a shortfall weighs beside a gain
TOLERATED = 0.003
SIMPLE = 0.01  # what a unit of distance from the start costs
LEAST = 1e-4
QUESTIONS = 400  # of a set at most, drawn by lot


class ScoredSet:
    """One set as arrays: `columns` [views, questions, candidates], `gold` and `absent` [questions, candidates]."""

    def __init__(self, matrix: CandidateMatrix, names: Sequence[str]) -> None:
        chosen = draw_questions(len(matrix))
        self.names = list(names)
        starts, ends = matrix.starts[chosen], matrix.starts[chosen + 1]
        place, self.absent = place_candidates(starts, ends)
        self.gold: NDArray[np.bool_] = matrix.gold[place] & ~self.absent
        self.gold_count = matrix.gold_count[chosen]
        self.columns = np.stack([matrix.values[:, column][place] for column in matrix.columns(names)])
        self.best = np.maximum(self.figures(self.score(PLAN_ALONE)), self.figures(self.score(SEMANTIC_ALONE)))

    def score(self, weights: Mapping[str, float]) -> Floats32:
        scores: Floats32 = np.tensordot(
            np.array([weights.get(name, 0.0) for name in self.names], np.float32), self.columns, 1
        )
        scores[self.absent] = -np.inf
        return scores

    def figures(self, scores: Floats32) -> Floats:
        """Return recall at 10, and the share of questions whose first memory is right."""
        best = np.argpartition(-scores, min(9, scores.shape[1] - 1), axis=1)[:, :10]
        found = np.take_along_axis(self.gold, best, axis=1).sum(axis=1) / self.gold_count
        first = self.gold[np.arange(len(scores)), scores.argmax(axis=1)]
        return np.array([found.mean(), first.mean()])

    def judge(self, scores: Floats32) -> float:
        gain = self.figures(scores) - self.best
        shortfall = np.maximum(0.0, -TOLERATED - gain).sum()
        return float(np.minimum(gain, ENOUGH).mean() - SHORT * shortfall)


class Search:
    """Weights on their way from START, with the scores that they give on every one."""

    def __init__(self, sets: Sequence[ScoredSet]) -> None:
        self.sets = sets
        self.names = sets[0].names
        self.weights = {name: START.get(name, 0.0) for name in self.names}
        self.reached = self._judge([one.score(self.weights) for one in sets], self.weights)

    def step_all(self) -> bool:
        """Try every step of every weight once, and take those that help; return whether one did."""
        moved = False
        for name in self.names:
            if name not in KEPT:
                moved = self._step(name) or moved
        return moved

    def _step(self, name: str) -> bool:
        scores = [one.score(self.weights) for one in self.sets]
        column = self.names.index(name)
        least = -1.0 if name in NEGATIVE else 0.0
        best = None
        for step in STEPS:
            weights = self.weights | {name: round(self.weights[name] + step, 2)}
            after = [some + np.float32(step) * one.columns[column] for some, one in zip(scores, self.sets, strict=True)]
            if weights[name] >= least and (value := self._judge(after, weights)) > self.reached + LEAST:
                best, self.reached = weights, value
        self.weights = best or self.weights
        return best is not None

    def _judge(self, scores: Sequence[Floats32], weights: Mapping[str, float]) -> float:
        distance = sum(abs(weight - START.get(name, 0.0)) for name, weight in weights.items())
        values = [one.judge(some) for one, some in zip(self.sets, scores, strict=True)]
        return float(np.mean(values)) - SIMPLE * distance


def fit_stranger(sets: Sequence[ScoredSet]) -> dict[str, float]:
    """Find the weights from START by steps of single weights, while one helps by more than it costs."""
    search = Search(sets)
    for _ in range(ROUNDS):
        if not search.step_all():
            break
    return {name: weight for name, weight in search.weights.items() if weight}


def draw_questions(questions: int) -> Indexes:
    """Draw at most QUESTIONS of so many by lot, always the same ones."""
    return np.sort(np.random.default_rng(1).permutation(questions)[:QUESTIONS])
