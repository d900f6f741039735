"""Shapes of data: the one that foretells what helped comes to count, and the evidence rule goes on from it."""

import dataclasses

import msgspec
import pytest
from msgspec.structs import replace
from tests.brain.histories import HYPERPARAMETERS, MIXING, SHAPED

from soma.brain.core.learn import learn
from soma.brain.core.rules.mixture import LEAST, mix, shares
from soma.brain.core.serving.serve import serve
from soma.brain.core.shapes import STRANGER
from soma.brain.core.state import LearnerState

pytestmark = pytest.mark.learning

OLD_HELPS = {
    "old": {"semantic": 0.6, "temporal": 0.0, "old": 1.0},
    "mid": {"semantic": 0.7, "temporal": 0.5, "old": 0.4},
    "new": {"semantic": 0.9, "temporal": 1.0, "old": 0.0},
}


def taught(evidence, times: int, hyperparameters=SHAPED) -> LearnerState:
    state = LearnerState.initial(hyperparameters)
    for _ in range(times):
        state, _ = learn(state, evidence(OLD_HELPS, "old"), hyperparameters)
    return state


def test_the_shape_that_foretells_what_helped_comes_to_count(evidence) -> None:
    before, after = (shares(taught(evidence, times).retrieval.beliefs, MIXING) for times in (0, 20))
    assert before == pytest.approx({STRANGER: 0.9, "old texts": 0.05, "linked texts": 0.05})
    assert after["old texts"] > 0.9
    assert sum(after.values()) == pytest.approx(1.0)


def test_a_shape_brings_the_weights_there_sooner_than_evidence_alone(evidence) -> None:
    alone, shaped = taught(evidence, 5, HYPERPARAMETERS), taught(evidence, 5)
    assert shaped.weights["old"] > alone.weights["old"]
    assert serve(shaped, SHAPED).by_name()["old"] > serve(alone, HYPERPARAMETERS).by_name()["old"]


def test_a_stranger_is_served_the_prior_whatever_shapes_there_are(evidence) -> None:
    assert serve(LearnerState.initial(SHAPED), SHAPED).weights == SHAPED.views.priors


def test_without_shapes_the_mixture_is_the_prior() -> None:
    views = HYPERPARAMETERS.views
    assert mix(None, views, HYPERPARAMETERS.mixing) == views.priors


def test_beliefs_stay_once_enough_was_seen(evidence) -> None:
    mixing = msgspec.structs.replace(MIXING, most=3)
    hyperparameters = dataclasses.replace(SHAPED, mixing=mixing)
    three, ten = taught(evidence, 3, hyperparameters), taught(evidence, 10, hyperparameters)
    assert three.retrieval.beliefs == ten.retrieval.beliefs
    assert ten.weights["old"] > three.weights["old"], "the evidence rule goes on"


def test_a_held_out_question_and_a_dismissal_leave_beliefs_alone(evidence) -> None:
    state = taught(evidence, 3)
    for seen in (
        replace(evidence(OLD_HELPS, "old"), held_out=True),
        evidence(OLD_HELPS, unhelpful=tuple(OLD_HELPS)),
    ):
        assert learn(state, seen, SHAPED)[0].retrieval.beliefs == state.retrieval.beliefs


def test_a_shape_that_a_later_version_ships_begins_at_its_share(evidence) -> None:
    state = taught(evidence, 3)
    third = msgspec.structs.replace(MIXING.shapes[0], name="a third", weights=(("temporal", 1.0),))
    more = msgspec.structs.replace(MIXING, shapes=(*MIXING.shapes, third))
    known = shares(state.retrieval.beliefs, more)
    assert set(known) == {STRANGER, "old texts", "linked texts", "a third"}
    assert sum(known.values()) == pytest.approx(1.0)


def test_a_state_of_before_there_were_shapes_reads_and_keeps_its_hash() -> None:
    state = LearnerState.initial(HYPERPARAMETERS)
    text = state.to_json()
    assert not {"beliefs", "held_out"} & set(msgspec.json.decode(text)["retrieval"])
    assert LearnerState.from_json(text).state_hash() == state.state_hash()


def test_a_shape_that_fell_far_behind_is_not_weighed_any_more(evidence) -> None:
    for times in (60, 70):
        beliefs = taught(evidence, times).retrieval.beliefs
        assert beliefs is not None
        assert dict(beliefs.evidence)["linked texts"] == LEAST
        assert shares(beliefs, MIXING)["linked texts"] < 1e-5
