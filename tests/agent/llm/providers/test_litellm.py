"""LiteLLM is an extra that the development lock cannot hold: tests of what holds without it."""

import importlib.util

import pytest

from soma.agent.llm.base import ModelError, ModelMessage, ModelRequest, ModelUnavailable, TextPart
from soma.agent.llm.providers.litellm import LiteLLMMissing, LiteLLMModel

ASK = ModelRequest(messages=(ModelMessage("user", (TextPart("hello"),)),))

missing = pytest.mark.skipif(importlib.util.find_spec("litellm") is not None, reason="LiteLLM is installed")


@missing
async def test_without_the_extra_the_error_says_what_to_install() -> None:
    model = LiteLLMModel(model="anthropic/claude", api_key="sk-secret")
    with pytest.raises(LiteLLMMissing, match=r"uv pip install -e '.\[litellm\]'") as raised:
        await anext(model.stream(ASK))
    assert isinstance(raised.value, ModelError)
    assert not isinstance(raised.value, ModelUnavailable)


def test_the_key_is_not_in_the_representation() -> None:
    assert "sk-secret" not in repr(LiteLLMModel(model="anthropic/claude", api_key="sk-secret"))
