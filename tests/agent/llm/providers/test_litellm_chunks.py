"""Answers through LiteLLM are read like a provider's own. LiteLLM is an extra: a stand-in plays it here."""

import sys
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest

from soma.agent.llm.base import (
    ModelError,
    ModelMessage,
    ModelRequest,
    ModelResponse,
    ModelUnavailable,
    TextPart,
    gather,
)
from soma.agent.llm.providers import settling
from soma.agent.llm.providers.litellm import LiteLLMModel

from .provider import chunk
from .reading import STOP, piece

ASK = ModelRequest(messages=(ModelMessage("user", (TextPart("hello"),)),), seed=7)


class Refused(Exception):
    """Stands for OpenAI's error class, which LiteLLM's own are made of."""

    status_code = 400


async def answer(monkeypatch: pytest.MonkeyPatch, *played: Any) -> ModelResponse:
    """The answer where LiteLLM yields these chunks, or raises the error among them."""

    async def stream() -> AsyncIterator[Any]:
        for one in played:
            if isinstance(one, Exception):
                raise one
            yield SimpleNamespace(model_dump=lambda warnings, one=one: one)

    async def acompletion(**_: Any) -> AsyncIterator[Any]:
        return stream()

    errors = SimpleNamespace(openai=SimpleNamespace(OpenAIError=Refused))
    monkeypatch.setitem(sys.modules, "litellm", SimpleNamespace(acompletion=acompletion, exceptions=errors))
    monkeypatch.setattr(settling, "SETTLING_SECONDS", 0.05)
    model = LiteLLMModel(model="anthropic/claude", api_key="sk-secret")
    return gather([delta async for delta in model.stream(ASK)])


async def test_chunks_are_read_by_type(monkeypatch: pytest.MonkeyPatch) -> None:
    odd = [chunk({"content": 5, "tool_calls": True}), {"usage": {"prompt_tokens": -1, "completion_tokens": 2}}]
    halves = [chunk({"content": half}) for half in ("\ud83d", "\ude00")]
    response = await answer(monkeypatch, *odd, chunk({"content": "<think>a</think>"}), *halves, chunk({}, "length"))
    assert (response.text, response.finish_reason, response.usage) == ("😀", "length", None)


async def test_calls_in_odd_pieces_are_put_together(monkeypatch: pytest.MonkeyPatch) -> None:
    response = await answer(monkeypatch, piece("add", '{"x":1}'), piece("add", '{"x":2}'), chunk({}, "tool_calls"))
    assert [call.arguments for call in response.tool_calls] == [{"x": 1}, {"x": 2}]


async def test_what_breaks_behind_the_end_takes_nothing_from_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (await answer(monkeypatch, chunk({"content": "whole"}), STOP, ValueError("late"))).text == "whole"


@pytest.mark.parametrize(
    ("error", "kind"),
    [(ValueError("'str' object has no attribute"), ModelUnavailable), (Refused("bad request"), ModelError)],
)
async def test_whatever_it_raises_is_an_error_of_the_model(
    monkeypatch: pytest.MonkeyPatch, error: Exception, kind: type[ModelError]
) -> None:
    with pytest.raises(ModelError) as raised:
        await answer(monkeypatch, chunk({"content": "half"}), error)
    assert type(raised.value) is kind
