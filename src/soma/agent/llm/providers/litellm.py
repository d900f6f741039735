"""Every other provider, through LiteLLM: an extra that is imported only when such a model is used.

Importing it takes seconds. Its own downloads are switched off when our package is imported (`soma.QUIET`). The key goes
with each call and never into the environment.
"""

import asyncio
import contextlib
import importlib
import logging
from collections.abc import AsyncGenerator
from types import ModuleType
from typing import Any

from soma.agent.llm.base import Delta, ModelError, ModelRequest, ModelUnavailable
from soma.agent.llm.providers.chat_completions import request_body
from soma.agent.llm.providers.chunks import ChunkReader
from soma.agent.llm.providers.errors import error_of, hide_key
from soma.agent.llm.providers.settling import read_until_settled

logger = logging.getLogger(__name__)

PIP = ".venv/bin/uv pip install -e '.[litellm]'"
INSTALL = f"this model needs LiteLLM, which is not installed: {PIP}"


class LiteLLMMissing(ModelError):
    """The extra is not installed: our own fault, not the provider's."""

    code = "litellm_missing"


class LiteLLMModel:
    """A model that LiteLLM asks. `model` is LiteLLM's word, provider first: anthropic/claude-sonnet-4-5."""

    def __init__(
        self, *, model: str, api_key: str, name: str = "", context_tokens: int = 8_192, timeout_seconds: float = 60.0
    ) -> None:
        self.name = name or model
        self.context_tokens = context_tokens
        self._model = model
        self._api_key = api_key
        self._timeout_seconds = timeout_seconds

    def __repr__(self) -> str:
        return f"LiteLLMModel({self._model!r})"

    async def stream(self, request: ModelRequest) -> AsyncGenerator[Delta, None]:
        with hide_key(self._api_key):
            async with contextlib.aclosing(self._stream(request)) as deltas:
                async for delta in deltas:
                    yield delta

    async def _stream(self, request: ModelRequest) -> AsyncGenerator[Delta, None]:
        litellm = await asyncio.to_thread(load)
        reader = ChunkReader.for_request(request)
        try:
            chunks = await litellm.acompletion(**self._arguments(request))
            try:
                async for delta in _deltas(chunks, reader):
                    yield delta
            finally:
                await chunks.aclose()
        except ModelError:
            raise
        except litellm.exceptions.openai.OpenAIError as error:  # the base of what LiteLLM raises on purpose
            raise _ours(error) from error
        except Exception as error:
            logger.exception("LiteLLM broke at model %s", self._model)
            raise ModelUnavailable(f"LiteLLM could not read the provider's answer ({type(error).__name__})") from error

    def _arguments(self, request: ModelRequest) -> dict[str, Any]:
        return {
            **request_body(request, model=self._model),
            "api_key": self._api_key,
            "timeout": self._timeout_seconds,
            "num_retries": 0,
            "drop_params": True,
        }


async def _deltas(chunks: Any, reader: ChunkReader) -> AsyncGenerator[Delta, None]:
    async with contextlib.aclosing(
        read_until_settled(aiter(chunks), lambda: reader.said_since_finished, Exception)
    ) as pieces:
        async for chunk in pieces:
            for delta in reader.take(chunk.model_dump(warnings=False)):
                yield delta
            if reader.is_over:
                break
    if not reader.is_finished:
        raise ModelUnavailable("the provider's stream was cut before its end")
    for delta in reader.finish():
        yield delta


def load() -> ModuleType:
    try:
        return importlib.import_module("litellm")
    except ModuleNotFoundError as error:
        raise LiteLLMMissing(INSTALL) from error


def _ours(error: Any) -> ModelError:
    status = getattr(error, "status_code", None)
    return error_of(str(error), status=status if isinstance(status, int) else 503)
