"""Promises of the model port, checked on every adapter."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing

import httpx
import pytest

from soma.agent.llm.base import Delta, Finished, Model, ModelMessage, ModelRequest, TextPart, gather
from soma.agent.llm.offline import OfflineModel
from soma.agent.llm.providers.openai import OpenAIModel
from soma.agent.llm.scripted import ScriptedModel, says

from .providers.provider import Exchange, chunk, events, serving

ASK = ModelRequest(messages=(ModelMessage("user", (TextPart("hello"),)),), seed=7)


@pytest.fixture(params=["scripted", "offline", "openai"])
async def model(request: pytest.FixtureRequest) -> AsyncIterator[Model]:
    async with AsyncExitStack() as stack:
        match request.param:
            case "scripted":
                yield ScriptedModel([says("hello to you")] * 2)
            case "offline":
                yield OfflineModel()
            case _:
                body = events(chunk({"content": "hello "}), chunk({"content": "to you"}), chunk(finish_reason="stop"))
                provider = await stack.enter_async_context(serving(*[Exchange([body])] * 2))
                client = await stack.enter_async_context(httpx.AsyncClient())
                yield OpenAIModel(client, base_url=provider.url, model="test-1")


async def collect(model: Model) -> list[Delta]:
    return [delta async for delta in model.stream(ASK)]


async def test_the_last_delta_and_only_it_is_finished(model: Model) -> None:
    deltas = await collect(model)
    assert [isinstance(delta, Finished) for delta in deltas] == [False] * (len(deltas) - 1) + [True]


async def test_an_answer_folds_to_text_and_a_reason(model: Model) -> None:
    response = gather(await collect(model))
    assert response.text
    assert response.finish_reason == "stop"
    assert response.confidence is None or 0 <= response.confidence <= 1


async def test_equal_requests_give_equal_answers(model: Model) -> None:
    assert await collect(model) == await collect(model)


async def test_a_stream_can_be_left_early(model: Model) -> None:
    async with aclosing(model.stream(ASK)) as stream:
        await anext(stream)
    with pytest.raises(StopAsyncIteration):
        await anext(stream)


def test_models_name_themselves_and_their_window(model: Model) -> None:
    assert model.name
    assert model.context_tokens > 0
