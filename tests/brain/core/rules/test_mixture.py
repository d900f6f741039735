"""Shapes of data: the one that foretells what helped comes to count, and the evidence rule goes on from it."""

import dataclasses

import msgspec
import pytest
from msgspec.structs import replace
from tests.brain.histories import HYPERPARAMETERS, MIXING, SHAPED

from soma.brain.core.learn import learn
from soma.brain.core.observations import VIEW_SCALE, EvidenceSource
from soma.brain.core.rules.mixture import LEAST, Beliefs, Seen, mix, shares, weigh
from soma.brain.core.serving.serve import serve
from soma.brain.core.shapes import STRANGER, Mixing, Shape
from soma.brain.core.state import LearnerState
from soma.brain.core.weights import Views

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


def test_one_belief_worked_out_by_hand() -> None:
    views = Views.of({"semantic": 1.0})
    mixing = Mixing((Shape("sure", 0.1, (("semantic", 0.5),)),), stranger_temperature=0.5, rate=2.0)
    beliefs = weigh(None, views, Seen([(0.0,), (VIEW_SCALE,)], (1.0, 0.0), credit=0.5, doubt=0.2), mixing)
    # What helped lacks what the other has. The stranger at its temperature: e^-L = 1 / (1 + e^(1 / 0.5)) = 0.11920;
    # the shape at its own: 1 / (1 + e^(0.5 / 0.1)) = 0.00669. Either is doubted: 0.8 e^-L + 0.2 / 2 = 0.19536, 0.10535.
    # b = 2 0.5 log(...) = -1.63290, -2.25045, less the best
    assert dict(beliefs.evidence) == pytest.approx({STRANGER: 0.0, "sure": -0.61755}, abs=1e-4)
    assert beliefs.weighed == 1


def test_no_evidence_brings_a_shape_back_that_fell_far_behind() -> None:
    views = Views.of({"semantic": 1.0, "old": 0.0})
    mixing = Mixing((Shape("old texts", 0.1, (("old", 1.0),)),))
    beliefs = Beliefs(((STRANGER, 0.0), ("old texts", LEAST)), 9)
    assert views.names == ("old", "semantic")
    for_it = Seen([(VIEW_SCALE, 0.0), (0.0, VIEW_SCALE)], (1.0, 0.0), credit=1.0, doubt=0.2)
    assert dict(weigh(beliefs, views, for_it, mixing).evidence) == {STRANGER: 0.0, "old texts": LEAST}


def test_a_shape_brings_the_weights_there_sooner_than_evidence_alone(evidence) -> None:
    alone, shaped = taught(evidence, 5, HYPERPARAMETERS), taught(evidence, 5)
    assert shaped.weights["old"] > alone.weights["old"]
    assert serve(shaped, SHAPED).by_name()["old"] > serve(alone, HYPERPARAMETERS).by_name()["old"]


def test_weights_move_as_far_as_the_mixture_moves(evidence) -> None:
    hyperparameters = dataclasses.replace(SHAPED, evidence_step=0.0)
    before, after = (taught(evidence, times, hyperparameters).retrieval for times in (1, 2))
    mixed = [mix(one.beliefs, one.views, MIXING) for one in (before, after)]
    assert mixed[0] != mixed[1]
    moves = [moved - weight for weight, moved in zip(before.weights, after.weights, strict=True)]
    assert moves == pytest.approx([moved - origin for origin, moved in zip(*mixed, strict=True)])


def test_weights_are_pulled_to_the_mixture_and_not_to_the_prior(evidence) -> None:
    hyperparameters = dataclasses.replace(SHAPED, evidence_step=0.0)
    state, said = taught(evidence, 20, hyperparameters), evidence(OLD_HELPS, "old")
    after, _ = learn(state, said, hyperparameters)
    home = mix(after.retrieval.beliefs, after.retrieval.views, MIXING)
    free, pulled = (
        learn(state, said, dataclasses.replace(hyperparameters, prior_pull=pull))[1].gradient for pull in (0.0, 1.0)
    )
    for name, weight, place, one, other in zip(
        after.retrieval.views.names, after.retrieval.weights, home, pulled, free, strict=True
    ):
        if name in said.views:
            assert one - other == pytest.approx(place - weight)


def test_credit_that_nobody_gave_moves_beliefs_less_than_a_person(evidence) -> None:
    state, said = LearnerState.initial(SHAPED), evidence(OLD_HELPS, "old")
    person, credited = (
        shares(learn(state, replace(said, source=source), SHAPED)[0].retrieval.beliefs, MIXING)["old texts"]
        for source in (EvidenceSource.PERSON, EvidenceSource.COPIED)
    )
    assert 0.05 < credited < person


def test_a_stranger_is_served_the_prior_whatever_shapes_there_are(evidence) -> None:
    assert serve(LearnerState.initial(SHAPED), SHAPED).weights == SHAPED.views.priors


def test_no_shape_brings_a_weight_out_of_its_box() -> None:
    views = Views.of({"semantic": 1.0})
    mixing = Mixing((Shape("wild", 0.1, (("semantic", 99.0),)),), stranger_share=0.5)
    [low], [high] = views.lows, views.highs
    [mixed] = mix(None, views, mixing)
    assert low <= mixed == pytest.approx(0.5 * 1.0 + 0.5 * high)


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


def test_where_other_shapes_are_shipped_weights_move_as_their_mixture_does_and_not_to_it(evidence) -> None:
    state = taught(evidence, 5)
    shapes = tuple(replace(shape, weights=(("old", 0.2), ("semantic", 0.8))) for shape in MIXING.shapes)
    other = dataclasses.replace(SHAPED, mixing=replace(MIXING, shapes=shapes), evidence_step=0.0)
    after, _ = learn(state, evidence(OLD_HELPS, "old"), other)
    before, now = (mix(one.retrieval.beliefs, one.retrieval.views, other.mixing) for one in (state, after))
    assert mix(state.retrieval.beliefs, state.retrieval.views, MIXING) != pytest.approx(before)
    moves = [new - old for new, old in zip(after.retrieval.weights, state.retrieval.weights, strict=True)]
    assert moves == pytest.approx([new - old for new, old in zip(now, before, strict=True)])
