"""The scripted model streams its script, and keeps the requests that it saw."""

import asyncio
from contextlib import aclosing

import pytest

from soma.agent.llm.base import (
    ModelError,
    ModelMessage,
    ModelRequest,
    ModelUnavailable,
    TextDelta,
    TextPart,
    ToolCall,
    gather,
)
from soma.agent.llm.scripted import Response, ScriptedModel, calls, says

ASK = ModelRequest(messages=(ModelMessage("user", (TextPart("hello"),)),))


async def test_it_plays_its_responses_in_order() -> None:
    call = ToolCall(call_id="c1", name="calculator", arguments={"expression": "1 + 1"})
    model = ScriptedModel([calls(call), says("two it is", confidence=0.8)])
    first = gather([delta async for delta in model.stream(ASK)])
    second = gather([delta async for delta in model.stream(ASK)])
    assert [(asked.call_id, asked.name, asked.arguments) for asked in first.tool_calls] == [
        ("c1", "calculator", {"expression": "1 + 1"})
    ]
    assert (first.finish_reason, second.finish_reason) == ("tool_calls", "stop")
    assert (second.text, second.confidence) == ("two it is", 0.8)
    assert model.requests == [ASK, ASK]


async def test_it_waits_at_its_gates_and_notes_who_leaves_early() -> None:
    gate = asyncio.Event()
    model = ScriptedModel([Response(chunks=("a", "b"), gates={1: gate})])
    async with aclosing(model.stream(ASK)) as stream:
        assert await anext(stream) == TextDelta("a")
        waiting = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0)
        assert not waiting.done()
        gate.set()
        assert await waiting == TextDelta("b")
    assert model.closed == 1


async def test_it_fails_where_the_script_says_and_after_its_end() -> None:
    model = ScriptedModel([Response(chunks=("half",), failure=ModelUnavailable("cut", retry_after=2))])
    stream = model.stream(ASK)
    assert await anext(stream) == TextDelta("half")
    with pytest.raises(ModelUnavailable, match="cut"):
        await anext(stream)
    with pytest.raises(ModelError, match="ends after 1"):
        await anext(model.stream(ASK))
