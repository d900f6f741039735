"""Curves of `soma bench learn`: each learner, from each start, with each share of wrong feedback."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from soma.bench.candidates.questions import QuestionSet
from soma.bench.learning.courses import MARKS, Curve, course_elsewhere, measure_curve
from soma.bench.learning.scenarios import COLUMNS, Scenario, build_scenarios, construct_scenarios

WRONG = (0.0, 0.1, 0.3)  # shares of the feedbacks that name a wrong memory
TYPICAL = 0.1
ALL = 1_000_000  # more than there are questions
HELD_OUT = ("fixed", "literal", "centred", "thompson", "evidence")
CONSTRUCTED = ("fixed", "best fixed", "literal", "evidence")

Curves = dict[tuple[str, float, str], Curve]
"""Curves by scenario, share of wrong feedback, and column."""


@dataclass(slots=True)
class LearningCurves:
    within: Curves = field(default_factory=dict)
    constructed: Curves = field(default_factory=dict)
    held_out: Curves = field(default_factory=dict)
    names: tuple[str, ...] = ()


Tick = Callable[[], object]


def measure(found: Sequence[QuestionSet], orders: int, tick: Tick) -> LearningCurves:
    plain = build_scenarios(found)
    tick()
    special = construct_scenarios(plain["plan"], plain["good"])
    measured = LearningCurves(names=found[0].names)
    for scenario in plain.values():
        for wrong in WRONG:
            for column in COLUMNS:
                measured.within[scenario.name, wrong, column] = _curve(scenario, column, wrong, orders)
                tick()
    for scenario in special.values():
        for column in CONSTRUCTED:
            measured.constructed[scenario.name, TYPICAL, column] = _curve(scenario, column, TYPICAL, orders)
            tick()
    for wrong in (0.0, TYPICAL):
        for column in HELD_OUT:
            measured.held_out["plan", wrong, column] = _held_out(plain["plan"], column, wrong, orders)
            tick()
    return measured


def count_steps() -> int:
    """Return how often `measure` calls `tick`."""
    return 1 + 6 * len(WRONG) * len(COLUMNS) + 6 * len(CONSTRUCTED) + 2 * len(HELD_OUT)


def _curve(scenario: Scenario, column: str, wrong: float, orders: int) -> Curve:
    courses = scenario.courses(orders=orders, wrong=wrong, feedbacks=MARKS[-1])
    return measure_curve(courses, lambda number, order: COLUMNS[column](scenario, number, order))


def _held_out(scenario: Scenario, column: str, wrong: float, orders: int) -> Curve:
    """Teach all conversations but one, and examine on that one; the last mark is after all their questions."""
    boards = scenario.boards
    courses = [
        [course_elsewhere(boards, number, order=order, wrong=wrong, feedbacks=ALL) for order in range(orders)]
        for number in range(len(boards))
    ]
    return measure_curve(
        courses, lambda number, order: COLUMNS[column](scenario, number, order), marks=(0, MARKS[-1], ALL)
    )
