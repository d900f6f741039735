"""Trust: what is counted of held-out questions, and the lower bound of the share that was won."""

import pytest

from soma.brain.core.hyperparameters import Hyperparameters
from soma.brain.core.rules.trust import HeldOut, TrackRecord, count_question, lower_bound, trust

pytestmark = pytest.mark.learning


def test_a_held_out_question_is_counted_for_who_won_it_and_older_ones_count_less() -> None:
    hyperparameters = Hyperparameters(held_out_memory=0.5)
    assert count_question(HeldOut(4.0, 2.0), hyperparameters, won=True) == HeldOut(3.0, 1.0)
    assert count_question(HeldOut(4.0, 2.0), hyperparameters, won=False) == HeldOut(2.0, 2.0)


def test_the_lower_bound_of_a_share_worked_out_by_hand() -> None:
    # p = 0.8, n = 10, z = 1: (0.8 + 1 / 20 - sqrt(0.16 / 10 + 1 / 400)) / (1 + 1 / 10)
    assert lower_bound(8.0, 2.0, 1.0) == pytest.approx(0.64908, abs=1e-5)
    assert lower_bound(80.0, 20.0, 1.0) > lower_bound(8.0, 2.0, 1.0), "more of the same is surer"


def test_trust_is_a_share_however_much_was_won_or_lost() -> None:
    for wins, losses, expected in ((1_000.0, 0.0, 1.0), (0.0, 1_000.0, 0.0)):
        assert trust(TrackRecord(0.0, HeldOut(wins, losses)), Hyperparameters()) == expected
