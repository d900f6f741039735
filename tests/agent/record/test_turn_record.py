"""The fold of a turn's facts: what is known, what is missing, which answer is the best."""

from typing import Any

import pytest
from tests.agent.making import TURN, bundle, completed, judged, response, started, used

from soma.agent.record.turn import TurnRecord, fold
from soma.events.facts.turn import DraftReplaced, TurnComplete

WHOLE: list[Any] = [
    started(weights={"alpha": 1.0}),
    bundle(0),
    response(0, "", "clock"),
    *used(0, "clock"),
    judged(0),
    completed(0),
    bundle(1),
    response(1, "a draft"),
    bundle(2),
    judged(1, score=0.4),
    completed(1, score=0.4),
    DraftReplaced(iteration_number=2, reason="refined"),
    response(2, "better"),
    judged(2, score=0.6, exit_reason="final_answer"),
    completed(2, score=0.6, exit_reason="final_answer"),
]


@pytest.mark.parametrize("length", range(len(WHOLE) + 1))
def test_the_fold_of_a_log_is_the_record_that_was_built_live(length):
    live = TurnRecord(TURN)
    for fact in WHOLE[:length]:
        live.apply(fact)
    read = fold(TURN, WHOLE[:length])
    assert (read.started, read.iterations, read.complete) == (live.started, live.iterations, live.complete)
    assert read.current == live.current


def test_the_turn_goes_on_in_the_first_iteration_that_is_not_completed():
    assert fold(TURN, []).current.number == 0
    assert fold(TURN, WHOLE[:7]).current.number == 0
    assert fold(TURN, WHOLE[:8]).current.number == 1
    assert fold(TURN, WHOLE[:10]).current.number == 1


def test_a_turn_ends_for_the_reason_of_its_last_iteration():
    assert fold(TURN, WHOLE[:8]).exit_reason is None
    assert fold(TURN, WHOLE).exit_reason == "final_answer"


def test_the_best_answer_has_the_best_score_and_the_earlier_of_equals_wins():
    def best(*scores: float | None) -> int | None:
        facts = [fact for n, score in enumerate(scores) for fact in (response(n, "x"), judged(n, score=score))]
        found = fold(TURN, facts).best
        return None if found is None else found.number

    assert best(0.9, 0.4) == 0
    assert best(0.4, 0.9) == 1
    assert best(0.5, 0.5) == 0
    assert best() is None


def test_an_iteration_that_asked_for_tools_is_no_answer():
    assert fold(TURN, [response(0, "let me see", "clock"), judged(0)]).best is None


def test_a_turn_keeps_what_it_began_with_and_an_older_one_does_without():
    once = fold(TURN, [started(limits={"iterates": False}, tool_k=3)])
    assert (once.iterates, once.tool_k) == (False, 3)
    older = fold(TURN, [started()])
    assert (older.iterates, older.tool_k) == (True, None)


def test_an_erased_fact_is_passed_over():
    assert fold(TURN, [None, *WHOLE[:2], None]).current.bundle == WHOLE[1]


# What a crash may have lost


def test_an_allowed_call_without_a_result_was_interrupted():
    assert fold(TURN, [response(0, "", "a"), *used(0, "a")[:2]]).interrupted == {"0.0"}
    assert fold(TURN, [response(0, "", "a"), *used(0, "a")[:1]]).interrupted == set()
    assert fold(TURN, [response(0, "", "a"), *used(0, "a")]).interrupted == set()


def test_a_denied_call_never_ran():
    assert fold(TURN, [response(0, "", "a"), *used(0, "a", status="denied")[:2]]).interrupted == set()


def test_no_call_has_run_while_another_of_its_iteration_was_not_judged_yet():
    facts = [response(0, "", "a", "b"), used(0, "a")[0], used(0, "b", index=1)[0], used(0, "a")[1]]
    assert fold(TURN, facts).interrupted == set()
    assert fold(TURN, [*facts, used(0, "b", index=1)[1]]).interrupted == {"0.0", "0.1"}


def test_only_the_iteration_whose_model_was_speaking_starts_again():
    assert fold(TURN, WHOLE[:1]).restarted is None
    assert fold(TURN, WHOLE[:2]).restarted == 0
    assert fold(TURN, WHOLE[:3]).restarted is None
    assert fold(TURN, WHOLE[:9]).restarted == 1
    assert fold(TURN, WHOLE[:10]).restarted is None


def test_messages_of_a_turn_have_ids_of_their_own():
    assert (TURN.question_id, TURN.answer_id) == ("turn-1.q", "turn-1.a")
    assert TurnComplete.event_type == "chat.turn_complete"
