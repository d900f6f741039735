"""The agent without its brain: it answers with minimal context, learns nothing, and remembers later."""

import asyncio

import pytest
from tests.agent.stage import call, opened
from tests.servers import free_port

from soma.agent.llm.base import MEMORY_AWAY, InstructionPart
from soma.agent.llm.scripted import calls, says
from soma.agent.memory.remember import memory_consumer
from soma.agent.settings import Settings

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_turn_completes_degraded_and_its_memory_waits_until_the_brain_is_back(folder):
    alone = Settings(data_dir=folder, brain_url=f"http://127.0.0.1:{free_port()}")
    async with opened(alone) as stage:
        ann = await stage.newcomer()
        model = ann.hears(calls(call("calculator", expression="1+1")), says("It is 2.", confidence=1.0))
        record = await ann.asks("my lucky sum is 1+1")
        assert record.complete is not None
        assert (record.complete.content, record.complete.exit_reason) == ("It is 2.", "converged")
        assert record.started is not None
        assert (record.started.degraded or "").startswith("brain_unavailable")
        for request in model.requests:
            said = [part for message in request.messages for part in message.parts]
            assert said.count(InstructionPart(MEMORY_AWAY)) == 1, "that memory is away is not that it is empty"
        for iteration in record.iterations.values():
            assert iteration.bundle is not None
            assert iteration.completed is not None
            assert (iteration.bundle.memories, iteration.completed.learning) == ([], "skipped")
            assert iteration.bundle.degraded
        assert [row.metadata["learning"] for row in await ann.rows(record.turn.id)] == ["skipped", "skipped"]
        waiting = memory_consumer(stage.agent.writer, stage.agent.store, stage.agent.brain)
        ended = ann.events(record.turn.id)[-1].position
        assert waiting.position() < ended

    async with opened(Settings(data_dir=folder)) as again:
        ann.stage = again
        back = memory_consumer(again.agent.writer, again.agent.store, again.agent.brain)
        async with asyncio.timeout(10):
            while back.position() < ended:  # noqa: ASYNC110 - the consumer runs by itself
                await asyncio.sleep(0.01)
        found = await again.agent.brain.memories(ann.principal)
        assert [memory.text for memory in found.memories] == ["my lucky sum is 1+1"]
