"""What the brain is told of an iteration beside its judgement."""

import pytest
from tests.agent.making import TURN, judged

from soma.agent.record import IterationRecord, TurnRecord
from soma.agent.steps.learn import progress


@pytest.mark.parametrize(
    ("scores", "expected"),
    [([0.5], None), ([None, 0.5], None), ([0.5, 0.75], 0.25), ([0.75, 0.5], -0.25), ([0.5, None], None)],
)
def test_progress_is_what_an_answer_adds_to_the_best_before_it(scores, expected):
    record = TurnRecord(TURN)
    for number, score in enumerate(scores):
        record.iterations[number] = IterationRecord(number, judged=judged(number, score=score))
    assert progress(record, record.iterations[len(scores) - 1]) == expected
