"""A course: a learner answers questions in some order, hears what helped, and is examined on questions kept apart."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from soma.bench.candidates.matrix import Floats, Indexes
from soma.bench.learning.boards import Board
from soma.bench.learning.rules import Learning, Weights

MARKS = (0, 5, 10, 20, 40, 60, 100)  # feedbacks after which a learner is examined
KEPT_APART = 3  # one question in so many is for the examination


@dataclass(frozen=True, slots=True)
class Lesson:
    """One question to answer and hear about; `wrong` in [0, 1) names one of the unhelpful instead."""

    board: Board
    question: int
    wrong: float | None


@dataclass(frozen=True, slots=True)
class Course:
    lessons: Sequence[Lesson]
    board: Board
    examined: Indexes


@dataclass(frozen=True, slots=True)
class Curve:
    """In percent, [conversations, orders, marks]; `progressive` [conversations, orders]: each question answered before
    it was learned from; `ended` [conversations, orders, views]: the last weights. `size` [conversations]: how many
    questions are examined, by which conversations are weighted."""

    marks: Sequence[int]
    r10: Floats
    top1: Floats
    progressive: Floats
    ended: Floats
    size: Floats

    def of(self, conversations: Sequence[int]) -> "Curve":
        """Of some of the conversations."""
        some = list(conversations)
        return Curve(
            marks=self.marks,
            r10=self.r10[some],
            top1=self.top1[some],
            progressive=self.progressive[some],
            ended=self.ended[some],
            size=self.size[some],
        )

    def at(self, mark: int, figure: str = "r10") -> Floats:
        """[conversations, orders]"""
        values: Floats = getattr(self, figure)[:, :, list(self.marks).index(mark)]
        return values


Teach = Callable[[int, int], Learning]
"""A learner for a conversation and an order."""


def within(board: Board, questions: Indexes, *, order: int, wrong: float, feedbacks: int) -> Course:
    """Learn on two thirds of the questions, asked again from the first when they run out, examined on the rest."""
    draws = random.Random(order)
    shuffled = questions.tolist()
    draws.shuffle(shuffled)
    kept = max(len(shuffled) // KEPT_APART, 1)
    asked = shuffled[kept:] or shuffled
    lessons = [lesson(board, asked[n % len(asked)], wrong, draws) for n in range(feedbacks)]
    return Course(lessons, board, np.array(sorted(shuffled[:kept])))


def elsewhere(boards: Sequence[Board], left_out: int, *, order: int, wrong: float, feedbacks: int | None) -> Course:
    """Learn on the other conversations, mixed; examined on all questions of the one left out."""
    draws = random.Random(order)
    asked = [(board, q) for number, board in enumerate(boards) if number != left_out for q in range(len(board))]
    draws.shuffle(asked)
    lessons = [lesson(board, question, wrong, draws) for board, question in asked[:feedbacks]]
    return Course(lessons, boards[left_out], np.arange(len(boards[left_out])))


def lesson(board: Board, question: int, wrong: float, draws: random.Random) -> Lesson:
    is_wrong, which = draws.random() < wrong, draws.random()
    return Lesson(board, question, which if is_wrong else None)


def taken(course: Course, learning: Learning, marks: Sequence[int]) -> tuple[Floats, Floats, float, Weights]:
    """Recall at 10 and top-1 at each mark, the progressive recall at 10, in percent, and the weights at the end."""
    due = {min(mark, len(course.lessons)) for mark in marks}
    figures: list[tuple[float, float]] = []
    before: list[float] = []
    for number, lesson in enumerate((*course.lessons, None)):
        if number in due:
            figures.append(_examined(course, learning.settled()))
        if lesson is not None:
            board, question = lesson.board, lesson.question
            shown = board.shown(learning.served(), question)
            before.append(board.found(shown, question))
            learning.hear(board.evidence(shown, question, wrong=lesson.wrong))
    r10, top1 = np.array(figures).T
    return r10, top1, 100.0 * float(np.mean(before)), learning.settled()


def _examined(course: Course, weights: Weights) -> tuple[float, float]:
    r10, top1 = course.board.scores(weights, course.examined)
    return 100.0 * float(r10.mean()), 100.0 * float(top1.mean())


def curve(courses: Sequence[Sequence[Course]], teach: Teach, marks: Sequence[int] = MARKS) -> Curve:
    """`courses` [conversations][orders]."""
    rows = [
        [taken(course, teach(number, order), marks) for order, course in enumerate(orders)]
        for number, orders in enumerate(courses)
    ]
    r10, top1, progressive, ended = (np.array([[taken[part] for taken in row] for row in rows]) for part in range(4))
    size = np.array([len(orders[0].examined) for orders in courses], np.float64)
    return Curve(marks=marks, r10=r10, top1=top1, progressive=progressive, ended=ended, size=size)


def mean(values: Floats, size: Floats) -> float:
    """Micro: each question examined counts the same. `values` [conversations, orders]."""
    return float((values.mean(axis=1) * size).sum() / size.sum())


def interval(values: Floats, size: Floats, *, draws: int = 1_000, seed: int = 0) -> tuple[float, float]:
    """95 % bootstrap of the micro mean: conversations are drawn, and one order of each."""
    generator = np.random.default_rng(seed)
    drawn = generator.integers(0, len(values), (draws, len(values)))
    orders = generator.integers(0, values.shape[1], drawn.shape)
    weight = size[drawn]
    means = (values[drawn, orders] * weight).sum(axis=1) / weight.sum(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)
