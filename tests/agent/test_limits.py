"""A turn that runs out of time ends with what it has."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from tests.agent.stage import Stage, opened
from tests.agent.test_turns import endless

from soma.agent.llm.scripted import says
from soma.agent.settings import Settings

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(folder) -> AsyncIterator[Stage]:
    async with opened(Settings(data_dir=folder, turn_seconds=3, enable_single_shot=True)) as stage:
        yield stage


async def test_a_turn_that_takes_too_long_ends_as_a_timeout_with_what_was_said(ann):
    model = ann.hears(endless(), says("in time"))
    record = await ann.asks("go on")
    assert (record.complete.exit_reason, record.complete.content) == ("timeout", "this answer never")
    assert model.closed == 1
    assert (await ann.asks("quickly")).complete.content == "in time"


async def test_a_single_shot_is_one_model_call_without_tools(ann):
    model = ann.hears(says("a guess", confidence=0.1))
    record = await ann.asks("what is 1+1?")
    assert (record.complete.exit_reason, len(record.completed)) == ("final_answer", 1)
    assert model.requests[0].tools == ()
