"""Where learners start, which learners are compared, and the tenants that are made to differ."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from soma.bench.candidates.matrix import Indexes
from soma.bench.candidates.questions import Tenant
from soma.bench.learning.boards import Board
from soma.bench.learning.courses import Course, within
from soma.bench.learning.priors import BAD, PLAN, PLAN_VIEWS, SHIPPED, Prior, best_fixed, columns, others, presets
from soma.bench.learning.rules import Centred, Core, Fixed, Learning, Thompson, literal_rule

QUARTER = 0.25


@dataclass(frozen=True, slots=True)
class Scenario:
    """By conversation: its board, the weights to start from, the best fixed ones in hindsight, the questions asked."""

    name: str
    boards: Sequence[Board]
    priors: Sequence[Prior]
    best: Sequence[Prior]
    questions: Sequence[Indexes]

    def courses(self, *, orders: int, wrong: float, feedbacks: int) -> list[list[Course]]:
        return [
            [within(board, asked, order=order, wrong=wrong, feedbacks=feedbacks) for order in range(orders)]
            for board, asked in zip(self.boards, self.questions, strict=True)
        ]


Column = Callable[[Scenario, int, int], Learning]


def _fixed(priors: Sequence[Prior], scenario: Scenario, number: int) -> Learning:
    return Fixed(columns(priors[number], scenario.boards[number].names))


def _thompson(scenario: Scenario, number: int, order: int) -> Learning:
    names = scenario.boards[number].names
    return Thompson([columns(preset, names) for preset in presets()], order)


COLUMNS: Mapping[str, Column] = {
    "fixed": lambda scenario, number, _: _fixed(scenario.priors, scenario, number),
    "best fixed": lambda scenario, number, _: _fixed(scenario.best, scenario, number),
    "literal": lambda scenario, number, _: literal_rule(scenario.priors[number]),
    "centred": lambda scenario, number, _: Centred(scenario.priors[number]),
    "thompson": _thompson,
    "evidence": lambda scenario, number, _: Core(scenario.priors[number]),
}


def scenarios(tenants: Sequence[Tenant]) -> dict[str, Scenario]:
    """From the plan's weights, the shipped, good ones (fitted to the other conversations), and three bad ones."""
    boards, three = [Board(tenant) for tenant in tenants], [Board(tenant, PLAN_VIEWS) for tenant in tenants]
    whole = [np.arange(len(board)) for board in boards]
    good = [others(tenants, number) for number in range(len(tenants))]
    best = _best(boards, whole, good)
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


def constructed(plain: Scenario, good: Scenario) -> dict[str, Scenario]:
    """Tenants who ask about the newest quarter of their conversation, the oldest, or the middle half."""
    kinds: Mapping[str, Callable[[Tenant], Indexes]] = {
        "newest": lambda tenant: np.flatnonzero(tenant.earliest >= 1 - QUARTER),
        "oldest": lambda tenant: np.flatnonzero(tenant.latest <= QUARTER),
        "middle": lambda tenant: np.flatnonzero((tenant.earliest > QUARTER) & (tenant.latest < 1 - QUARTER)),
    }
    made = {}
    for name, kind in kinds.items():
        asked = [kind(board.tenant) for board in plain.boards]
        best = _best(plain.boards, asked, good.priors)
        for start in (plain, good):
            title = f"{name}, from {start.name}"
            made[title] = Scenario(title, plain.boards, start.priors, best, asked)
    return made


def _best(boards: Sequence[Board], asked: Sequence[Indexes], good: Sequence[Prior]) -> list[Prior]:
    return [
        best_fixed(board, questions, [SHIPPED, prior, *presets()])
        for board, questions, prior in zip(boards, asked, good, strict=True)
    ]


def _only_plan(prior: Prior) -> Prior:
    return {name: prior[name] for name in PLAN_VIEWS}
