"""The recipe of a tool: the model is offered it, and what it says comes back."""

import pytest
from tests.agent.stage import call

from soma.agent.llm.scripted import calls, says

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_new_tool_is_offered_and_called(ann):
    model = ann.hears(calls(call("word_count", text="one two three")), says("Three words.", confidence=1.0))
    record = await ann.asks("count the words of this text: one two three")
    assert "word_count" in {tool.name for tool in model.requests[0].tools}
    [use] = record.tool_uses
    assert use.finished.content == "3 words"
