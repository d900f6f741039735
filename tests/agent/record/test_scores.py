"""The evidence that an answer rests on, and what it adds to the answers before it."""

import pytest
from tests.agent.making import TURN, bundle, judged, memory, response, started, used

from soma.agent.record.convergence import evidence_of, progress
from soma.agent.record.turn import IterationRecord, TurnRecord, fold


def test_an_answer_rests_on_what_it_cites_and_on_tools_that_did_not_fail():
    shown = bundle(0, memory(1, "Miso is a cat"), memory(2, "Rex is a dog"))
    found, failed = used(0, "rest", content="found"), used(0, "rest", status="failed", content="it broke", index=1)
    answer = response(1, "a cat [1]", cited=["m1"])
    record = fold(TURN, [started(), shown, response(0, "", "rest", "rest"), *found, *failed, answer])
    assert evidence_of(record, record.iterations[1]) == ["Miso is a cat", "found"]


@pytest.mark.parametrize(
    ("scores", "expected"),
    [([0.5], None), ([None, 0.5], None), ([0.5, 0.75], 0.25), ([0.75, 0.5], -0.25), ([0.5, None], None)],
)
def test_progress_is_what_an_answer_adds_to_the_best_before_it(scores, expected):
    record = TurnRecord(TURN)
    for number, score in enumerate(scores):
        record.iterations[number] = IterationRecord(number, judged=judged(number, score=score))
    assert progress(record, record.iterations[len(scores) - 1]) == expected
