"""Credit alone: a learner that is never told anything still learns from what happens to one answer in five."""

from tests.bench.learning.made_up import PRIOR, make_tenant

from soma.bench.learning import credit
from soma.bench.learning.boards import Board
from soma.bench.learning.credit import MARKS, measure_credit, report_credit
from soma.bench.learning.rules import CoreLearner


def make() -> CoreLearner:
    return CoreLearner(PRIOR)


def board() -> Board:
    return Board(make_tenant())


def test_credit_alone_improves_a_bad_prior_though_three_in_ten_are_wrong() -> None:
    found = report_credit([board()], make, orders=4)
    assert found["after_300_hit1"] > found["after_100_hit1"] > found["start_hit1"]
    assert found["after_300"] >= found["start"]


def test_an_order_gives_the_same_figures_each_time_and_nothing_is_learned_at_the_start() -> None:
    one, again = (measure_credit([board()], make, orders=2) for _ in range(2))
    assert one.r10.shape == (1, 2, len(MARKS))
    assert (one.r10 == again.r10).all()
    assert (one.top1 == again.top1).all()


def test_without_consequences_nothing_is_learned(monkeypatch) -> None:
    monkeypatch.setattr(credit, "SHARE", 10**9)
    found = measure_credit([board()], make, orders=2)
    assert (found.top1[:, :, 0] == found.top1[:, :, -1]).all()
