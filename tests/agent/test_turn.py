"""The loop over a scripted model: what it does, in which order, and what it leaves behind."""

import pytest
from tests.agent.stage import call

from soma.agent.llm.scripted import calls, says

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_tool_runs_in_one_iteration_and_its_result_is_answered_from_in_the_next(ann):
    model = ann.hears(calls(call("calculator", expression="23*19+7")), says("It is 444."))
    record = await ann.asks("what is 23*19 + 7?")
    assert ann.kinds(record.turn.id) == [
        "turn_started",
        "bundle_built", "model_responded", "tool_requested", "tool_decided", "tool_finished",
        "iteration_judged", "iteration_completed",
        "bundle_built", "model_responded", "iteration_judged", "iteration_completed",
        "turn_complete",
    ]  # fmt: skip
    assert record.tool_uses[0].finished.content == "444"
    assert record.complete.content == "It is 444."
    assert record.complete.answer_iteration == 1
    shown = model.requests[1].messages[-1].parts[0]
    assert (shown.call_id, shown.content) == ("0.0", "444")
