"""A first answer comes again as it was, from less than all of it."""

import pytest

from soma.brain.feedback.single import restore_answer, shorten_answer
from soma.brain.learners.presentation import difference
from soma.brain.types import FeedbackAnswer

BEFORE = {"alpha": 1.0, "beta": 0.2, "tau": 0.7}


@pytest.mark.parametrize(
    "after",
    [
        BEFORE,
        BEFORE | {"alpha": 1.25},
        BEFORE | {"alpha": 1.25, "tau": 0.1 + 0.2},
        BEFORE | {"seen first now": 0.0},
        BEFORE | {"seen first now": 0.5, "beta": -0.0},
    ],
)
def test_an_answer_is_worked_out_again_to_the_bit(after):
    answer = FeedbackAnswer(
        accepted=True,
        adaptation_applied=True,
        weights_before=BEFORE,
        weights_after=after,
        weight_deltas=difference(BEFORE, after),
        feedback_id="key",
        version=3,
    )
    assert restore_answer(shorten_answer(answer)) == answer
