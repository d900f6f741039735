"""Credit alone: how far a learner gets to whom nobody ever gives feedback.

One question in five has a consequence that names a memory, three of ten of these a wrong one. Which source it is comes
by turns, so each has its own credit and rules, as `brain.feedback.credit` makes evidence of it. A consequence names one
of the shown memories; where none of them is right, there is nothing to copy or to use, and nothing happens.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from msgspec.structs import replace

from soma.bench.candidates.matrix import Floats
from soma.bench.learning.boards import Board
from soma.bench.learning.courses import EXAM_SHARE, Course, Exercise, examine, interval, mean
from soma.bench.learning.rules import CoreLearner
from soma.brain.core.observations import Evidence, EvidenceSource
from soma.brain.core.rules.evidence import CREDITS

MARKS = (0, 100, 300)  # questions after which the learner is examined
SHARE = 5  # one question in so many has a consequence
WRONG = 0.3
SOURCES = tuple(sorted(CREDITS))


@dataclass(frozen=True, slots=True)
class CreditCurve:
    """Figures in percent at MARKS, [conversations, orders, marks]; `size` is the number of examined questions."""

    r10: Floats
    top1: Floats
    size: Floats


def measure_credit(boards: Sequence[Board], make: Callable[[], CoreLearner], *, orders: int) -> CreditCurve:
    """Teach two thirds of each board's questions by credit alone, and examine the rest."""
    rows = [[_run(board, make(), order) for order in range(orders)] for board in boards]
    size = np.array([max(len(board) // EXAM_SHARE, 1) for board in boards], np.float64)
    figures = np.array(rows)
    return CreditCurve(figures[..., 0], figures[..., 1], size)


def report_credit(boards: Sequence[Board], make: Callable[[], CoreLearner], *, orders: int) -> dict[str, Any]:
    """Measure, and return micro R@10 and top-1 in percent by mark: start, after_100, after_300 questions."""
    curve = measure_credit(boards, make, orders=orders)
    names = ["start", *(f"after_{mark}" for mark in MARKS[1:])]
    r10 = {name: mean(curve.r10[:, :, place], curve.size) for place, name in enumerate(names)}
    top1 = {f"{name}_hit1": mean(curve.top1[:, :, place], curve.size) for place, name in enumerate(names)}
    gained = curve.r10[:, :, -1] - curve.r10[:, :, 0]
    return {**r10, **top1, "gain_interval": interval(gained, curve.size)}


def _run(board: Board, learner: CoreLearner, order: int) -> list[tuple[float, float]]:
    draws = random.Random(order)
    questions = list(range(len(board)))
    draws.shuffle(questions)
    exam_size = max(len(questions) // EXAM_SHARE, 1)
    asked = questions[exam_size:] or questions
    exam = Course((), board, np.array(sorted(questions[:exam_size])))
    found = []
    for number in range(MARKS[-1] + 1):
        if number in MARKS:
            found.append(examine(exam, learner.final_weights()))
        exercise = Exercise(board, asked[number % len(asked)], None)
        if draws.randrange(SHARE) == 0 and (evidence := _consequence(exercise, learner, draws)) is not None:
            learner.learn_from(evidence)
    return found


def _consequence(exercise: Exercise, learner: CoreLearner, draws: random.Random) -> Evidence | None:
    """Return the evidence that comes of a question; None where no shown memory is right, or all are."""
    board, question = exercise.board, exercise.question
    shown = board.best_of(learner.next_weights(), question)
    seen, source = board.evidence(shown, question), EvidenceSource(draws.choice(SOURCES))
    others = [memory.id for memory in seen.shown if memory.id not in seen.helpful]
    is_wrong = draws.random() < WRONG
    if not seen.helpful or not others:
        return None
    named = draws.choice(others) if is_wrong else draws.choice(seen.helpful)
    failed = next((memory.id for memory in seen.shown if memory.id != named), None)
    has_failed = source in {EvidenceSource.ASKED_AGAIN, EvidenceSource.CORRECTED_IN_CHAT}
    unhelpful = (failed,) if has_failed and failed in others else ()
    return replace(seen, helpful=(named,), unhelpful=unhelpful, source=source)
