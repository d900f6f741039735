import random

import pytest

from soma.brain.core.hyperparameters import Hyperparameters, Rule
from soma.brain.core.learn import learn
from soma.brain.core.observations import AnswerVerdict
from soma.brain.core.serving.serve import serve
from soma.brain.core.state import LearnerState
from soma.brain.core.weights import SEVEN

pytestmark = pytest.mark.learning

LITERAL = Hyperparameters(learning_rule=Rule.LITERAL)


def test_twenty_praises_raise_alpha_by_seven_tenths() -> None:
    state = LearnerState.initial(LITERAL)
    for _ in range(20):
        state, _ = learn(state, AnswerVerdict(reward=1.0), LITERAL)
    assert state.weights["alpha"] >= 1.7


def test_praise_never_lowers_alpha_or_lambda() -> None:
    draws = random.Random(3)
    state = LearnerState.initial(LITERAL)
    for _ in range(500):
        reward = draws.uniform(-1.0, 1.0)
        after, _ = learn(state, AnswerVerdict(reward=reward), LITERAL)
        if reward > 0:
            assert after.weights["alpha"] >= state.weights["alpha"]
            assert after.weights["lambda"] >= state.weights["lambda"]
        state = after


def test_every_kind_of_feedback_gives_the_one_signal(evidence) -> None:
    seen = evidence({"a": {"semantic": 1.0}, "b": {"semantic": 0.0}}, "b")
    after, told = learn(LearnerState.initial(LITERAL), seen, LITERAL)
    assert told.signal == 1.0
    assert after.weights["alpha"] == pytest.approx(1.045)


def test_it_knows_no_trust_and_stays_in_its_boxes() -> None:
    state = LearnerState.initial(LITERAL)
    for _ in range(1000):
        state, _ = learn(state, AnswerVerdict(reward=1.0), LITERAL)
    for weight in SEVEN:
        assert weight.low <= state.weights[weight.name] <= weight.high
    assert serve(state, LITERAL).weights == state.retrieval.weights
