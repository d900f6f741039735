"""Courses: a learner answers questions in some order, is told what helped, and is examined on other questions."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from soma.bench.candidates.matrix import Floats, Indexes
from soma.bench.learning.boards import Board
from soma.bench.learning.rules import Learner, Weights

MARKS = (0, 5, 10, 20, 40, 60, 100)  # feedbacks after which a learner is examined
EXAM_SHARE = 3  # one question in so many is for the examination


@dataclass(frozen=True, slots=True)
class Exercise:
    """One question to answer and learn from; with `wrong` in [0, 1), one of the unhelpful memories is named instead."""

    board: Board
    question: int
    wrong: float | None


@dataclass(frozen=True, slots=True)
class Course:
    exercises: Sequence[Exercise]
    board: Board
    examined: Indexes


@dataclass(frozen=True, slots=True)
class Curve:
    """Figures in percent, [conversations, orders, marks].

    `progressive` [conversations, orders] counts each question before it is learned from; `final_weights`
    [conversations, orders, views]; `size` [conversations] is the number of examined questions, by which conversations
    are weighted.
    """

    marks: Sequence[int]
    r10: Floats
    top1: Floats
    progressive: Floats
    final_weights: Floats
    size: Floats

    def of(self, conversations: Sequence[int]) -> "Curve":
        """Return the curve of some of the conversations."""
        some = list(conversations)
        return Curve(
            marks=self.marks,
            r10=self.r10[some],
            top1=self.top1[some],
            progressive=self.progressive[some],
            final_weights=self.final_weights[some],
            size=self.size[some],
        )

    def at(self, mark: int, figure: str = "r10") -> Floats:
        """Return a figure at a mark, [conversations, orders]."""
        values: Floats = getattr(self, figure)[:, :, list(self.marks).index(mark)]
        return values


Teach = Callable[[int, int], Learner]
"""Makes the learner of a conversation and an order."""


def course_within(board: Board, questions: Indexes, *, order: int, wrong: float, feedbacks: int) -> Course:
    """Make a course that teaches two thirds of the questions, repeated if need be, and examines the rest."""
    draws = random.Random(order)
    shuffled = questions.tolist()
    draws.shuffle(shuffled)
    exam_size = max(len(shuffled) // EXAM_SHARE, 1)
    asked = shuffled[exam_size:] or shuffled
    exercises = [make_exercise(board, asked[n % len(asked)], wrong, draws) for n in range(feedbacks)]
    return Course(exercises, board, np.array(sorted(shuffled[:exam_size])))


def course_elsewhere(
    boards: Sequence[Board], left_out: int, *, order: int, wrong: float, feedbacks: int | None
) -> Course:
    """Make a course that teaches the other conversations, mixed, and examines all questions of the one left out."""
    draws = random.Random(order)
    asked = [(board, q) for number, board in enumerate(boards) if number != left_out for q in range(len(board))]
    draws.shuffle(asked)
    exercises = [make_exercise(board, question, wrong, draws) for board, question in asked[:feedbacks]]
    return Course(exercises, boards[left_out], np.arange(len(boards[left_out])))


def make_exercise(board: Board, question: int, wrong: float, draws: random.Random) -> Exercise:
    is_wrong, which = draws.random() < wrong, draws.random()
    return Exercise(board, question, which if is_wrong else None)


def run_course(course: Course, learner: Learner, marks: Sequence[int]) -> tuple[Floats, Floats, float, Weights]:
    """Run a course; return recall at 10 and top-1 at each mark and progressive recall, in percent, and the weights."""
    due = {min(mark, len(course.exercises)) for mark in marks}
    figures: list[tuple[float, float]] = []
    before: list[float] = []
    for number, exercise in enumerate((*course.exercises, None)):
        if number in due:
            figures.append(examine(course, learner.final_weights()))
        if exercise is not None:
            board, question = exercise.board, exercise.question
            shown = board.best_of(learner.next_weights(), question)
            before.append(board.recall_of(shown, question))
            learner.learn_from(board.evidence(shown, question, wrong=exercise.wrong))
    r10, top1 = np.array(figures).T
    return r10, top1, 100.0 * float(np.mean(before)), learner.final_weights()


def examine(course: Course, weights: Weights) -> tuple[float, float]:
    r10, top1 = course.board.scores(weights, course.examined)
    return 100.0 * float(r10.mean()), 100.0 * float(top1.mean())


def measure_curve(courses: Sequence[Sequence[Course]], teach: Teach, marks: Sequence[int] = MARKS) -> Curve:
    """Run `courses` [conversations][orders] and collect their figures."""
    rows = [
        [run_course(course, teach(number, order), marks) for order, course in enumerate(orders)]
        for number, orders in enumerate(courses)
    ]
    r10, top1, progressive, final = (np.array([[result[part] for result in row] for row in rows]) for part in range(4))
    size = np.array([len(orders[0].examined) for orders in courses], np.float64)
    return Curve(marks=marks, r10=r10, top1=top1, progressive=progressive, final_weights=final, size=size)


def mean(values: Floats, size: Floats) -> float:
    """Return the micro mean of `values` [conversations, orders]: each examined question counts the same."""
    return float((values.mean(axis=1) * size).sum() / size.sum())


def interval(values: Floats, size: Floats, *, draws: int = 1_000, seed: int = 0) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of the micro mean; draws conversations, and one order of each."""
    generator = np.random.default_rng(seed)
    drawn = generator.integers(0, len(values), (draws, len(values)))
    orders = generator.integers(0, values.shape[1], drawn.shape)
    weight = size[drawn]
    means = (values[drawn, orders] * weight).sum(axis=1) / weight.sum(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)
