"""Candidates are ranked by the vectorised twin as the brain ranks them, and feedback names what the ten shown hold."""

import itertools
import random

import numpy as np
import pytest

from soma.bench.candidates.questions import QuestionSet
from soma.bench.learning.boards import Board
from soma.bench.learning.courses import course_within, run_course
from soma.bench.learning.rules import CentredLearner, CoreLearner, FixedWeights, ThompsonLearner, literal_learner
from soma.brain.core.observations import ShownMemory
from soma.brain.core.serving.rank import rank

VIEWS = ("graph", "semantic", "temporal")
PRIOR = {"semantic": 1.0, "graph": 0.2, "temporal": 0.1}


@pytest.fixture
def tenant() -> QuestionSet:
    """Twelve questions with 12 to 23 candidates at random, two of them right: those with the highest graph."""
    draws = random.Random(3)
    sizes = [12 + n for n in range(12)]
    starts = np.cumsum([0, *sizes])
    values = np.array([[draws.randrange(0, 65536, 8191) for _ in VIEWS] for _ in range(starts[-1])], np.uint16)
    gold = np.zeros(len(values), bool)
    for start, end in itertools.pairwise(starts):
        gold[start + np.argsort(values[start:end, 0])[-2:]] = True
    count = len(sizes)
    return QuestionSet(
        views=np.array(VIEWS),
        values=values,
        gold=gold,
        starts=starts,
        gold_count=np.full(count, 2),
        category=np.ones(count, int),
        earliest=np.zeros(count),
        latest=np.zeros(count),
        near=np.zeros(len(values), np.float32),
        tokens=np.ones(len(values), np.int32),
        texts=tuple(f"What is thing {n}?" for n in range(count)),
    )


def test_the_twin_ranks_like_the_core_to_the_bit(tenant: QuestionSet) -> None:
    board, weights = Board(tenant), (0.2, 1.0, 0.1)
    for question, best in enumerate(board.top(weights, slice(None))):
        start, end = tenant.starts[question : question + 2]
        shown = [ShownMemory(f"{n:03}", tuple(map(int, row))) for n, row in enumerate(tenant.values[start:end])]
        ranked = rank(shown, VIEWS, VIEWS, weights, 0.7)
        assert [f"{place:03}" for place in best] == [row.id for row in ranked[:10]]


def test_feedback_names_the_right_ones_or_with_a_slip_another(tenant: QuestionSet) -> None:
    board = Board(tenant)
    shown = board.best_of((1.0, 0.0, 0.0), 0)
    said = board.evidence(shown, 0)
    assert len(said.shown) == 10
    assert len(said.helpful) == 2
    assert not said.unhelpful
    assert board.recall_of(shown, 0) == 1.0
    slipped = board.evidence(shown, 0, wrong=0.5)
    assert len(slipped.helpful) == 1
    assert not set(slipped.helpful) & set(said.helpful)
    worst = board.best_of((-1.0, 0.0, 0.0), 11)
    nothing = board.evidence(worst, 11)
    assert nothing.unhelpful == tuple(memory.id for memory in nothing.shown)
    assert board.recall_of(worst, 11) == 0.0


def test_examined_are_other_questions_than_those_learned_from(tenant: QuestionSet) -> None:
    course = course_within(Board(tenant), np.arange(len(tenant)), order=0, wrong=0.0, feedbacks=30)
    assert len(course.exercises) == 30
    assert not {lesson.question for lesson in course.exercises} & set(course.examined.tolist())


@pytest.mark.learning
@pytest.mark.parametrize(
    "learning",
    [
        CoreLearner(PRIOR),
        literal_learner(PRIOR),
        CentredLearner(PRIOR),
        FixedWeights((0.2, 1.0, 0.1)),
        ThompsonLearner([(1.0, 0, 0), (0, 1.0, 0)], 0),
    ],
)
def test_each_way_to_learn_goes_through_a_course(tenant: QuestionSet, learning) -> None:
    course = course_within(Board(tenant), np.arange(len(tenant)), order=0, wrong=0.1, feedbacks=40)
    r10, top1, progressive, weights = run_course(course, learning, (0, 40))
    assert len(r10) == len(top1) == 2
    assert 0.0 <= progressive <= 100.0
    assert len(weights) == len(VIEWS)


@pytest.mark.learning
def test_evidence_finds_the_view_that_tells(tenant: QuestionSet) -> None:
    learner = CoreLearner(PRIOR)
    course = course_within(Board(tenant), np.arange(len(tenant)), order=0, wrong=0.0, feedbacks=60)
    r10, _, _, _ = run_course(course, learner, (0, 60))
    assert r10[1] > r10[0]
    assert learner.state.weights["beta"] > 0.5
