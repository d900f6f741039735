import random

import pytest

from soma.brain.core.hyperparameters import Hyperparameters
from soma.brain.core.learn import learn
from soma.brain.core.observations import AnswerVerdict
from soma.brain.core.rules.calibration import EMPTY, Bin, add_label, calibrate, report
from soma.brain.core.state import LearnerState

pytestmark = pytest.mark.learning


def test_lessons_that_prove_worse_are_undone_by_themselves(hyperparameters: Hyperparameters, evidence) -> None:
    """A long good time, then somebody marks the wrong memories: the weights of the good time come back."""
    draws = random.Random(4)
    state = LearnerState.initial(hyperparameters)

    def shown() -> dict[str, dict[str, float]]:
        return {key: {"semantic": draws.random(), "temporal": index / 5} for index, key in enumerate("abcdef")}

    for _ in range(200):
        state, told = learn(state, evidence(shown(), "f"), hyperparameters)
        assert not told.guarded
    good = state.guard.good
    assert good is not None
    for _ in range(15):
        state, told = learn(state, evidence(shown(), "a"), hyperparameters)
        if told.guarded:
            break
    assert told.guarded
    assert state.retrieval == good.retrieval
    assert state.counts.guarded == 1


def test_a_fall_of_rewards_restores_the_last_good_lesson(hyperparameters: Hyperparameters) -> None:
    draws = random.Random(4)
    state = LearnerState.initial(hyperparameters)
    for _ in range(200):
        state, _ = learn(state, AnswerVerdict(reward=draws.uniform(0.2, 1.0), gain=1.0), hyperparameters)
    good = state.guard.good
    assert good is not None
    for _ in range(20):
        state, told = learn(state, AnswerVerdict(reward=draws.uniform(-1.0, -0.2), gain=1.0), hyperparameters)
        if told.guarded:
            break
    assert told.guarded
    assert state.utility == good.utility


def test_noise_alone_seldom_restores(hyperparameters: Hyperparameters) -> None:
    draws = random.Random(9)
    state = LearnerState.initial(hyperparameters)
    for _ in range(10_000):
        state, _ = learn(state, AnswerVerdict(reward=draws.uniform(-1.0, 1.0), gain=1.0), hyperparameters)
    assert state.counts.guarded <= 2


def test_without_labels_confidence_stays_as_it_is(hyperparameters: Hyperparameters) -> None:
    assert [calibrate(EMPTY, at / 7, hyperparameters) for at in range(8)] == [at / 7 for at in range(8)]
    assert report(EMPTY, hyperparameters) == (0, False, 0.0, 0.0)


def test_calibration_of_an_overconfident_model(hyperparameters: Hyperparameters) -> None:
    """It says .95 and is right 60 % of the time: ECE .35, Brier .6 * .05^2 + .4 * .95^2 = .3625."""
    labels = EMPTY
    for number in range(200):
        labels = add_label(labels, 0.95, good=number % 5 < 3)
    found = report(labels, hyperparameters)
    assert found.enough
    assert found.ece == pytest.approx(0.35)
    assert found.brier == pytest.approx(0.3625)
    # The bin of .95 falls below its neighbours, which share its level: (20 .75 + 20 .85 + 20 .95 + 120) / 260
    assert calibrate(labels, 0.95, hyperparameters) == pytest.approx(0.6577, abs=1e-4)
    assert calibrate(labels, 1.0, hyperparameters) < 0.75


def test_under_a_hundred_labels_is_not_enough(hyperparameters: Hyperparameters) -> None:
    labels = EMPTY
    for number in range(99):
        labels = add_label(labels, 0.5, good=number % 2 == 0)
    assert not report(labels, hyperparameters).enough
    assert report(add_label(labels, 0.5, good=True), hyperparameters).enough


def test_calibrated_confidence_never_falls_as_confidence_rises(hyperparameters: Hyperparameters) -> None:
    draws = random.Random(8)
    for _ in range(20):
        labels = EMPTY
        for _ in range(draws.randrange(400)):
            labels = add_label(labels, draws.random(), good=draws.random() < 0.5)
        curve = [calibrate(labels, at / 100, hyperparameters) for at in range(101)]
        assert curve == sorted(curve)
        assert 0.0 <= curve[0] <= curve[-1] <= 1.0


def test_verdicts_on_answers_are_the_labels(hyperparameters: Hyperparameters) -> None:
    state, _ = learn(LearnerState.initial(hyperparameters), AnswerVerdict(thumb=1, raw_confidence=0.8), hyperparameters)
    state, _ = learn(state, AnswerVerdict(thumb=-1, raw_confidence=0.8), hyperparameters)
    state, _ = learn(state, AnswerVerdict(rating=3, raw_confidence=0.8), hyperparameters)
    assert state.calibration.labels == 2
    assert state.calibration.bins[8] == Bin(2, 1.6, 1)
