"""The worst drop of a curve, and the interval that chance puts round it."""

import numpy as np

from soma.bench.learning.drops import Examined, fall, worst_drop_interval

MARKS = 3


def make_part(rows: list[list[float]], questions: list[int]) -> Examined:
    """Examined questions whose R@10 are `rows`, [marks, questions]; each hit@1 is 50."""
    r10 = np.array(rows)
    return Examined(np.array(questions), np.stack([r10, np.full(r10.shape, 50.0)], axis=2))


def test_a_fall_is_that_of_the_mean_of_the_orders():
    one = make_part([[100, 0], [50, 0], [100, 100]], [0, 1])
    other = make_part([[100], [100], [100]], [1])
    assert fall([one, other]).tolist() == [[0.0, 0.0], [12.5, 0.0], [-25.0, 0.0]]


def test_a_fall_of_every_question_is_certain():
    parts = [make_part([[60.0] * 20, [50.0] * 20, [58.0] * 20], list(range(order, order + 20))) for order in range(4)]
    assert worst_drop_interval(parts).tolist() == [[10.0, 10.0], [0.0, 0.0]]


def test_a_fall_of_one_question_in_forty_may_be_chance():
    rows = [[100.0] * 40, [0.0, *[100.0] * 39], [100.0] * 40]
    [low, high], _ = worst_drop_interval([make_part(rows, list(range(40)))] * 5).tolist()
    assert low == 0.0
    assert 5.0 <= high <= 10.0  # of Poisson draws of one question: 2.5 in 100 have three or more


def test_the_interval_of_few_questions_is_as_wide_as_that_of_their_mean():
    draws = np.random.default_rng(3)
    changes = draws.choice([-100.0, 0.0, 100.0], size=200)
    part = make_part([[0.0] * 200, changes.tolist(), [-500.0] * 200], list(range(200)))
    part.figures[2] = 1e3  # the first mark is the worst
    [low, high], _ = worst_drop_interval([part]).tolist()
    deviation = changes.std() / np.sqrt(200)
    assert abs((high - low) / (2 * 1.96 * deviation) - 1) < 0.1
    assert low < -changes.mean() < high


def test_the_same_draws_give_the_same_interval():
    part = make_part([[100, 0, 100], [0, 0, 100], [100, 100, 100]], [0, 4, 7])
    assert (worst_drop_interval([part]) == worst_drop_interval([part])).all()
