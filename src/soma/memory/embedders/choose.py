"""The choice of an embedder by the settings.

It is stored without its key, so that a former model can still be asked.
"""

from typing import Literal

import httpx
import msgspec

from soma.memory.embedders.base import Embedder
from soma.memory.embedders.litellm import LiteLLMEndpoint
from soma.memory.embedders.minilm import MiniLM
from soma.memory.embedders.openai import OpenAIEndpoint
from soma.memory.embedders.remote import RemoteEmbedder
from soma.memory.errors import EmbedderUnavailable

Kind = Literal["minilm", "openai", "litellm"]

OPENAI_URL = "https://api.openai.com/v1"


class ModelChoice(msgspec.Struct, frozen=True, kw_only=True):
    """The chosen model; `url` is a base address (empty: the provider's own), `dimension` 0 that of the model."""

    kind: Kind = "minilm"
    model: str = ""
    url: str = ""
    dimension: int = 0


def make_embedder(choice: ModelChoice, http: httpx.Client, *, key: str = "", patience_seconds: float) -> Embedder:
    """Make the embedder; nothing is asked yet. Raises EmbedderUnavailable where the choice names no model."""
    if choice.kind == "minilm":
        return MiniLM()
    if not choice.model:
        raise EmbedderUnavailable(f"the embedder {choice.kind!r} needs the name of a model")
    if choice.kind == "litellm":
        model = LiteLLMEndpoint(
            model=choice.model,
            key=key,
            url=choice.url,
            dimension=choice.dimension,
            timeout_seconds=patience_seconds,
        )
        return RemoteEmbedder(
            model, name=f"litellm/{choice.model}", dimension=choice.dimension, patience_seconds=patience_seconds
        )
    endpoint = OpenAIEndpoint(
        http, url=choice.url or OPENAI_URL, model=choice.model, key=key, dimension=choice.dimension
    )
    return RemoteEmbedder(
        endpoint, name=f"openai/{choice.model}", dimension=choice.dimension, patience_seconds=patience_seconds
    )
