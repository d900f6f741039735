"""Credit alone: a learner that is never told anything still learns from what happens to one answer in five."""

import random

import numpy as np

from soma.bench.candidates.questions import QuestionSet
from soma.bench.learning import credit
from soma.bench.learning.boards import Board
from soma.bench.learning.credit import MARKS, measure_credit, report_credit

VIEWS = ("graph", "semantic", "temporal")
PRIOR = {"semantic": 1.0, "graph": 0.2, "temporal": 0.1}


def board(questions: int = 30, candidates: int = 20) -> Board:
    """Questions whose one right memory stands high in `graph`; the other views are noise."""
    draws = random.Random(3)
    values = np.array([[draws.randrange(65536) for _ in VIEWS] for _ in range(questions * candidates)], np.uint16)
    gold = np.zeros(len(values), bool)
    gold[::candidates] = True
    values[:, 0] //= 4
    values[gold, 0] = 50_000
    return Board(
        QuestionSet(
            views=np.array(VIEWS),
            values=values,
            gold=gold,
            starts=np.arange(questions + 1) * candidates,
            gold_count=np.ones(questions, int),
            category=np.ones(questions, int),
            earliest=np.zeros(questions),
            latest=np.zeros(questions),
        )
    )


def test_credit_alone_improves_a_bad_prior_though_three_in_ten_are_wrong() -> None:
    found = report_credit([board()], PRIOR, orders=4)
    assert found["after_300_hit1"] > found["after_100_hit1"] > found["start_hit1"]
    assert found["after_300"] >= found["start"]


def test_an_order_gives_the_same_figures_each_time_and_nothing_is_learned_at_the_start() -> None:
    one, again = (measure_credit([board()], PRIOR, orders=2) for _ in range(2))
    assert one.r10.shape == (1, 2, len(MARKS))
    assert (one.r10 == again.r10).all()
    assert (one.top1 == again.top1).all()


def test_without_consequences_nothing_is_learned(monkeypatch) -> None:
    monkeypatch.setattr(credit, "SHARE", 10**9)
    found = measure_credit([board()], PRIOR, orders=2)
    assert (found.top1[:, :, 0] == found.top1[:, :, -1]).all()
