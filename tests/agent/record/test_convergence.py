"""The end of a turn and its reason: every exit reason, the three factors, the limits."""

from math import log
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some
from tests.agent.making import TURN, used

from soma.agent.record.convergence import (
    Assessment,
    TurnLimits,
    calibrate,
    exit_reason,
    may_refine,
    must_answer,
    raw_confidence,
    success_factor,
    tool_utility,
)
from soma.agent.record.turn import ToolUse, fold


def limits(**fields) -> TurnLimits:
    given: dict[str, Any] = {
        "iterates": True, "max_iterations": 10, "min_iterations": 1, "convergence_threshold": 0.9, "refine": "evidence",
        "turn_tokens": 200_000, "turn_seconds": 300.0,
    }  # fmt: skip
    return TurnLimits(**given | fields)


def outcome(number=0, **fields) -> Assessment:
    given: dict[str, Any] = {"asked_for_tools": False, "score": 0.5, "evidence_changed": False, "must_answer": None}
    return Assessment(number=number, **given | fields)


def uses(*calls: tuple[str, str], number=0, arguments=None) -> list[ToolUse]:
    facts = [
        fact
        for index, (tool, status) in enumerate(calls)
        for fact in used(number, tool, status=status, index=index, arguments=arguments)
    ]
    return fold(TURN, facts).tool_uses


# Exit reasons


def test_an_answer_at_the_threshold_has_converged():
    assert exit_reason(outcome(score=0.9), limits()) == "converged"
    assert exit_reason(outcome(score=0.89), limits()) == "final_answer"


def test_an_iteration_that_asked_for_tools_never_ends_a_turn():
    assert exit_reason(outcome(asked_for_tools=True, score=None), limits()) is None


def test_new_evidence_is_a_reason_to_go_on_and_its_absence_to_stop():
    assert exit_reason(outcome(evidence_changed=True), limits()) is None
    assert exit_reason(outcome(evidence_changed=False), limits()) == "final_answer"


@pytest.mark.parametrize("reason", ["max_iterations", "budget", "no_progress"])
def test_a_forced_answer_ends_the_turn_with_its_reason_unless_it_converged(reason):
    assert exit_reason(outcome(9, must_answer=reason), limits()) == reason
    assert exit_reason(outcome(9, must_answer=reason, score=1.0), limits()) == "converged"
    assert exit_reason(outcome(9, must_answer=reason, asked_for_tools=True, score=None), limits()) == reason


def test_a_single_shot_ends_as_the_models_final_answer():
    once = limits(iterates=False, max_iterations=1)
    reason = must_answer([], number=0, spent_tokens=0, limits=once)
    assert reason == "max_iterations"
    assert exit_reason(outcome(must_answer=reason), once) == "final_answer"


def test_a_loop_of_one_iteration_ends_for_want_of_another():
    once = limits(max_iterations=1)
    assert exit_reason(outcome(must_answer="max_iterations"), once) == "max_iterations"


def test_no_turn_converges_before_its_least_number_of_iterations():
    five = limits(min_iterations=5)
    assert [exit_reason(outcome(number, score=1.0), five) for number in range(5)] == [None] * 4 + ["converged"]
    assert exit_reason(outcome(2, score=0.1, must_answer="budget"), five) == "budget"


# Forced answers


def test_the_last_allowed_iteration_must_answer():
    three = limits(max_iterations=3)
    assert [must_answer([], number=n, spent_tokens=0, limits=three) for n in range(3)] == [None, None, "max_iterations"]


def test_a_spent_budget_must_answer():
    assert must_answer([], number=1, spent_tokens=199_999, limits=limits()) is None
    assert must_answer([], number=1, spent_tokens=200_000, limits=limits()) == "budget"


def test_asking_for_the_same_calls_twice_running_is_no_progress():
    same = [uses(("clock", "ok"), ("recall", "ok")), uses(("recall", "ok"), ("clock", "ok"))]
    assert must_answer(same, number=2, spent_tokens=0, limits=limits()) == "no_progress"
    other = [uses(("clock", "ok"), arguments={"timezone": "UTC"}), uses(("clock", "ok"))]
    assert must_answer(other, number=2, spent_tokens=0, limits=limits()) is None
    assert must_answer([[], []], number=2, spent_tokens=0, limits=limits()) is None


def test_the_order_of_argument_names_makes_no_difference_to_progress():
    asked = [uses(("f", "ok"), arguments={"a": 1, "b": 2}), uses(("f", "ok"), arguments={"b": 2, "a": 1})]
    assert must_answer(asked, number=2, spent_tokens=0, limits=limits()) == "no_progress"


# The factors


def test_success_is_the_share_of_tools_whose_last_call_succeeded():
    assert success_factor([]) == 1.0
    assert success_factor(uses(("a", "failed"), ("a", "ok"))) == 1.0
    assert success_factor(uses(("a", "ok"), ("a", "failed"))) == 0.0
    assert success_factor(uses(("a", "ok"), ("b", "denied"), ("c", "unknown"), ("d", "ok"))) == 0.5


def test_utility_is_the_mean_learned_usefulness_and_an_unknown_tool_counts_as_useful():
    assert tool_utility([], {}) == 1.0
    assert tool_utility(uses(("a", "ok"), ("a", "ok"), ("b", "ok")), {"a": 0.25}) == (0.25 + 1.0) / 2


def test_confidence_is_the_models_own_then_its_probabilities_then_support():
    assert raw_confidence(own=0.3, logprobs=[0.0], support=1.0) == 0.3
    assert raw_confidence(own=7.0, logprobs=[], support=0.0) == 1.0
    assert round(raw_confidence(own=None, logprobs=[-0.1, -0.5, -2, -0.05], support=1.0), 4) == 0.5156
    assert raw_confidence(own=None, logprobs=[], support=0.4) == 0.4


def test_confidence_does_not_depend_on_length():
    short = raw_confidence(own=None, logprobs=[log(0.5)], support=0.0)
    assert raw_confidence(own=None, logprobs=[log(0.5)] * 1_000, support=0.0) == pytest.approx(short)


def test_calibration_follows_the_learners_curve_and_is_the_identity_without_one():
    assert calibrate(0.7, []) == 0.7
    curve = [[0.0, 0.1], [0.5, 0.3], [1.0, 0.9]]
    assert calibrate(0.0, curve) == 0.1
    assert calibrate(0.25, curve) == pytest.approx(0.2)
    assert calibrate(0.75, curve) == pytest.approx(0.6)
    assert calibrate(1.0, curve) == 0.9


@given(some.lists(some.tuples(some.floats(0, 1), some.floats(0, 1)), max_size=8), some.floats(0, 1))
def test_calibrated_confidence_stays_in_its_bounds(points, raw):
    assert 0 <= calibrate(raw, sorted(points)) <= 1


# Refinement


def refines(refinements=0, score: float | None = 0.5, *, has_no_answer=False, must_answer=None, **fields) -> bool:
    return may_refine(
        refinements=refinements,
        score=score,
        has_no_answer=has_no_answer,
        must_answer=must_answer,
        limits=limits(**fields),
    )


def test_a_draft_is_revised_at_most_once():
    assert refines()
    assert not refines(1)


def test_what_converged_or_must_answer_or_may_not_is_not_revised():
    assert not refines(score=0.95)
    assert not refines(must_answer="budget")
    assert not refines(refine="off")
    assert refines(refine="always")


def test_an_honest_lack_of_an_answer_is_not_revised():
    assert not refines(score=0.0, has_no_answer=True)
    assert not refines(score=0.0, has_no_answer=True, refine="always")
    assert refines(score=0.0)
