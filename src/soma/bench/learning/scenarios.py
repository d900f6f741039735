"""Scenarios: the priors of the learners, the learners that are compared, and constructed tenants."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from soma.bench.candidates.fixed_weights import SHIPPED
from soma.bench.candidates.matrix import Indexes
from soma.bench.candidates.questions import QuestionSet
from soma.bench.learning.boards import Board
from soma.bench.learning.courses import Course, course_within
from soma.bench.learning.priors import (
    BAD,
    PLAN,
    PLAN_VIEWS,
    Prior,
    as_columns,
    best_fixed,
    fit_to_others,
    presets,
)
from soma.bench.learning.rules import (
    CentredLearner,
    CoreLearner,
    FixedWeights,
    Learner,
    ThompsonLearner,
    literal_learner,
)

QUARTER = 0.25


@dataclass(frozen=True, slots=True)
class Scenario:
    """A start, with one entry for each conversation: board, prior, best fixed weights in hindsight, questions asked."""

    name: str
    boards: Sequence[Board]
    priors: Sequence[Prior]
    best: Sequence[Prior]
    questions: Sequence[Indexes]

    def courses(self, *, orders: int, wrong: float, feedbacks: int) -> list[list[Course]]:
        return [
            [course_within(board, asked, order=order, wrong=wrong, feedbacks=feedbacks) for order in range(orders)]
            for board, asked in zip(self.boards, self.questions, strict=True)
        ]


Column = Callable[[Scenario, int, int], Learner]


def _fixed_learner(priors: Sequence[Prior], scenario: Scenario, number: int) -> Learner:
    return FixedWeights(as_columns(priors[number], scenario.boards[number].names))


def _thompson_learner(scenario: Scenario, number: int, order: int) -> Learner:
    names = scenario.boards[number].names
    return ThompsonLearner([as_columns(preset, names) for preset in presets()], order)


COLUMNS: Mapping[str, Column] = {
    "fixed": lambda scenario, number, _: _fixed_learner(scenario.priors, scenario, number),
    "best fixed": lambda scenario, number, _: _fixed_learner(scenario.best, scenario, number),
    "literal": lambda scenario, number, _: literal_learner(scenario.priors[number]),
    "centred": lambda scenario, number, _: CentredLearner(scenario.priors[number]),
    "thompson": _thompson_learner,
    "evidence": lambda scenario, number, _: CoreLearner(scenario.priors[number]),
}


def build_scenarios(tenants: Sequence[QuestionSet]) -> dict[str, Scenario]:
    """Build the starts: the plan's weights, the shipped, good ones (fitted to the others), and three bad ones."""
    boards, three = [Board(tenant) for tenant in tenants], [Board(tenant, PLAN_VIEWS) for tenant in tenants]
    whole = [np.arange(len(board)) for board in boards]
    good = [fit_to_others(tenants, number) for number in range(len(tenants))]
    best = _find_best(boards, whole, good)
    plan_three, bad_three = (_only_plan(prior) for prior in (PLAN, {**PLAN, **BAD}))
    best_three = [best_fixed(board, asked, [plan_three]) for board, asked in zip(three, whole, strict=True)]

    def start(name: str, prior: Prior) -> Scenario:
        return Scenario(name, boards, [prior] * len(boards), best, whole)

    made = (
        start("plan", PLAN),
        start("shipped", SHIPPED),
        Scenario("good", boards, good, best, whole),
        start("bad", {**SHIPPED, **BAD}),
        start("bad, bare", {**PLAN, **BAD}),
        Scenario("bad, three views", three, [bad_three] * len(three), best_three, whole),
    )
    return {scenario.name: scenario for scenario in made}


def construct_scenarios(plain: Scenario, good: Scenario) -> dict[str, Scenario]:
    """Construct tenants who ask about the newest quarter of their conversation, the oldest, or the middle half."""
    kinds: Mapping[str, Callable[[QuestionSet], Indexes]] = {
        "newest": lambda tenant: np.flatnonzero(tenant.earliest >= 1 - QUARTER),
        "oldest": lambda tenant: np.flatnonzero(tenant.latest <= QUARTER),
        "middle": lambda tenant: np.flatnonzero((tenant.earliest > QUARTER) & (tenant.latest < 1 - QUARTER)),
    }
    made = {}
    for name, kind in kinds.items():
        asked = [kind(board.tenant) for board in plain.boards]
        best = _find_best(plain.boards, asked, good.priors)
        for start in (plain, good):
            title = f"{name}, from {start.name}"
            made[title] = Scenario(title, plain.boards, start.priors, best, asked)
    return made


def _find_best(boards: Sequence[Board], asked: Sequence[Indexes], good: Sequence[Prior]) -> list[Prior]:
    return [
        best_fixed(board, questions, [SHIPPED, prior, *presets()])
        for board, questions, prior in zip(boards, asked, good, strict=True)
    ]


def _only_plan(prior: Prior) -> Prior:
    return {name: prior[name] for name in PLAN_VIEWS}
