"""Embeddings of every other provider, through LiteLLM: an extra, imported only when such a model is asked.

Importing it takes seconds. What it would fetch by itself is switched off where our package begins (`soma.QUIET`). The
key goes with each call and never into the environment.
"""

import importlib
from collections.abc import Sequence
from types import ModuleType
from typing import Any

from soma.memory.embedders.remote import Trouble
from soma.memory.errors import EmbedderUnavailable

INSTALL = "this embedding model needs LiteLLM, which is not installed: .venv/bin/uv pip install -e '.[litellm]'"
FINAL = frozenset({400, 401, 403, 404, 422})


class LiteLLMEndpoint:
    """An endpoint; `model` is LiteLLM's name, provider first: cohere/embed-english-v3.0."""

    def __init__(self, *, model: str, key: str = "", url: str = "", dimension: int = 0, timeout_seconds: float) -> None:
        given = {"api_key": key, "api_base": url, "dimensions": dimension}
        self._arguments: dict[str, Any] = {
            "model": model,
            "timeout": timeout_seconds,
            "num_retries": 0,
            "encoding_format": "float",
            **{name: value for name, value in given.items() if value},
        }

    def __call__(self, texts: Sequence[str]) -> list[list[float]]:
        litellm = load()
        try:
            answer = litellm.embedding(input=list(texts), **self._arguments)
        except litellm.exceptions.openai.OpenAIError as error:  # the base of all that LiteLLM raises
            if getattr(error, "status_code", None) in FINAL:
                raise EmbedderUnavailable(f"{self._arguments['model']} refuses: {error}") from error
            raise Trouble(str(error)) from error
        return [list(map(float, row["embedding"])) for row in answer.data]


def load() -> ModuleType:
    try:
        return importlib.import_module("litellm")
    except ModuleNotFoundError as error:
        raise EmbedderUnavailable(INSTALL) from error
