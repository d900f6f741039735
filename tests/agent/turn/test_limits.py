"""A turn that runs out of time ends with what it has."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from tests.agent.stage import Stage, call, opened
from tests.agent.turn.test_runner import endless

from soma.agent.llm.scripted import calls, says
from soma.agent.models import Receipt
from soma.agent.settings import Settings
from soma.agent.turn.factory import may_iterate


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(folder) -> AsyncIterator[Stage]:
    async with opened(Settings(data_dir=folder, turn_seconds=3, enable_single_shot=True)) as stage:
        yield stage


@pytest.mark.asyncio(loop_scope="module")
async def test_a_turn_that_takes_too_long_ends_as_a_timeout_with_what_was_said(ann):
    model = ann.hears(endless(), says("in time"))
    record = await ann.asks("go on")
    assert (record.complete.exit_reason, record.complete.content) == ("timeout", "this answer never")
    assert model.closed == 1
    assert (await ann.asks("quickly")).complete.content == "in time"


@pytest.mark.asyncio(loop_scope="module")
async def test_a_single_shot_is_one_model_call_without_tools(ann):
    model = ann.hears(says("a guess", confidence=0.1))
    record = await ann.asks("what is 1+1?")
    assert (record.complete.exit_reason, len(record.completions)) == ("final_answer", 1)
    assert model.requests[0].tools == ()
    assert record.started.limits["iterates"] is False
    receipt = await Receipt.objects.aget(turn_id=record.turn.id)
    assert (receipt.iterates, receipt.tool_k) == (False, 0)


@pytest.mark.asyncio(loop_scope="module")
async def test_a_single_shot_that_only_calls_a_tool_has_failed(ann):
    ann.hears(calls(call("clock")))
    error = (await ann.asks("what time is it?")).complete.error
    assert error == {"code": "model_failed", "message": "the model ended without an answer"}


@pytest.mark.parametrize(("percent", "share"), [(0, 0), (30, 30), (100, 100)])
def test_a_rollout_takes_its_share_of_conversations_and_each_stays_on_its_side(percent, share):
    settings = Settings(rlm_rollout_percent=percent)
    sides = [may_iterate(settings, f"conversation-{number}") for number in range(2_000)]
    assert sum(sides) / 20 == pytest.approx(share, abs=3)
    assert sides == [may_iterate(settings, f"conversation-{number}") for number in range(2_000)]
