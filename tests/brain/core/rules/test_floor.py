"""The floors of what is shown: worked by hand, and which evidence moves them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from soma.brain.core.hyperparameters import Hyperparameters
from soma.brain.core.learn import learn
from soma.brain.core.observations import Evidence, EvidenceSource, ShownMemory
from soma.brain.core.rules.floor import HelpedQuestions, count_helped, floors_of
from soma.brain.core.serving.serve import serve
from soma.brain.core.state import LearnerState

pytestmark = pytest.mark.learning

PLAIN = Hyperparameters(
    held_out_memory=0.5,
    floor_questions=2.0,
    bearing_mean=0.5,
    bearing_spread=0.2,
    nearness_mean=0.6,
    nearness_spread=0.1,
)
SHOWN = tuple(ShownMemory(name, (value,)) for name, value in (("a", 60_000), ("b", 30_000), ("c", 1_000)))
bearings = st.floats(-0.3, 1.0)


def held_out(**fields: Any) -> Evidence:
    whole: dict[str, Any] = {"helpful": ("a",), "held_out": True, "bearings": (0.9, 0.4, 0.3), "nearness": 0.8} | fields
    return Evidence(views=("semantic",), shown=SHOWN, **whole)


def helped_after(*observations: Evidence) -> HelpedQuestions | None:
    state = LearnerState.initial(PLAIN)
    for observation in observations:
        state, _ = learn(state, observation, PLAIN)
    return state.retrieval.helped


def test_before_any_question_the_floors_are_so_many_deviations_below_the_expected_means() -> None:
    assert floors_of(None, PLAIN) == pytest.approx((0.5 - 2.5 * 0.2, 0.6 - 3.0 * 0.1))
    assert floors_of(None, PLAIN, held_out=True) == pytest.approx((0.5 - 3.0 * 0.2, 0.6 - 3.5 * 0.1))


def test_a_question_counts_by_the_mean_bearing_of_what_helped_and_older_ones_count_less() -> None:
    first = count_helped(None, [0.9, 0.7], 0.5, PLAIN)
    assert (first.questions, first.nearness, first.nearness_squares) == (1.0, 0.5, 0.25)
    assert (first.bearings, first.bearing_squares) == pytest.approx((0.8, 0.65))
    second = count_helped(first, [0.4], 0.7, PLAIN)
    assert (second.questions, second.bearings, second.nearness) == pytest.approx((1.5, 0.8, 0.95))


def test_learned_floors_worked_out_by_hand() -> None:
    # n = 2 + 1; mean (1 + 0.8) / 3 = 0.6; square (2 (0.04 + 0.25) + 0.64) / 3 = 0.40667; spread sqrt(0.04667) = 0.21602
    floors = floors_of(HelpedQuestions(1.0, 0.8, 0.64, 0.6, 0.36), PLAIN)
    assert floors.bearing == pytest.approx(0.6 - 2.5 * 0.21602, abs=1e-4)
    # nearness is where it was expected, so that only its spread narrows: sqrt(2 * 0.01 / 3)
    assert floors.nearness == pytest.approx(0.6 - 3.0 * (0.02 / 3) ** 0.5)


@given(st.lists(bearings, min_size=1, max_size=30))
def test_floors_are_finite_and_never_above_the_mean(found: list[float]) -> None:
    seen = None
    for bearing in found:
        seen = count_helped(seen, [bearing], bearing, PLAIN)
    floors = floors_of(seen, PLAIN)
    assert floors.bearing <= max(*found, PLAIN.bearing_mean)
    assert floors_of(seen, PLAIN, held_out=True).bearing <= floors.bearing


def test_what_helped_far_from_its_question_lowers_the_floor_and_what_helped_near_raises_it() -> None:
    start = floors_of(None, PLAIN)
    far = floors_of(helped_after(*[held_out(bearings=(0.1, 0.0, 0.0), nearness=0.2)] * 5), PLAIN)
    steady = Hyperparameters(floor_questions=2.0)
    near = floors_of(HelpedQuestions(20.0, 18.0, 16.2, 18.0, 16.2), steady)
    assert far.bearing < start.bearing < near.bearing
    assert far.nearness < floors_of(None, PLAIN).nearness < near.nearness


def test_only_held_out_questions_that_somebody_judged_move_the_floors() -> None:
    assert helped_after(held_out()) is not None
    assert helped_after(held_out(held_out=False)) is None, "below its floor nothing could be named"
    assert helped_after(held_out(source=EvidenceSource.MODEL)) is None
    assert helped_after(held_out(helpful=(), unhelpful=("a",))) is None
    assert helped_after(held_out(bearings=(), nearness=None)) is None, "few were judged one by one"


def test_a_memory_that_was_shown_for_another_reason_does_not_count() -> None:
    taught = helped_after(held_out(helpful=("a", "c"), bearings=(0.9, 0.4, None)))
    assert taught is not None
    assert taught.bearings == 0.9
    assert helped_after(held_out(helpful=("c",), bearings=(0.9, 0.4, None))) is None


def test_all_of_the_shown_may_have_helped() -> None:
    everything = helped_after(held_out(helpful=("a", "b", "c")))
    assert everything is not None
    assert everything.bearings == pytest.approx((0.9 + 0.4 + 0.3) / 3)


def test_a_memory_named_both_ways_did_not_help() -> None:
    both = helped_after(held_out(helpful=("a", "b"), unhelpful=("b",)))
    assert both is not None
    assert both.bearings == 0.9


def test_served_floors_are_those_of_the_state() -> None:
    state, _ = learn(LearnerState.initial(PLAIN), held_out(), PLAIN)
    served = serve(state, PLAIN)
    assert served.floors == floors_of(state.retrieval.helped, PLAIN)
    assert served.floors_held_out == floors_of(state.retrieval.helped, PLAIN, held_out=True)


def test_a_state_of_before_keeps_its_hash_and_learned_floors_survive_a_snapshot() -> None:
    fresh = LearnerState.initial(PLAIN)
    assert "helped" not in fresh.to_json()
    taught, _ = learn(fresh, held_out(), PLAIN)
    assert LearnerState.from_json(taught.to_json()) == taught
    assert taught.state_hash() != replace(taught, retrieval=replace(taught.retrieval, helped=None)).state_hash()


def test_a_bearing_is_told_of_each_shown_memory_or_of_none() -> None:
    with pytest.raises(ValueError, match="2 bearings for 3 shown memories"):
        held_out(bearings=(0.9, 0.4))
