"""From a model's name to a model: `offline`, or `<provider>/<name>` for a provider whose key or address is set."""

import importlib.util
from collections.abc import AsyncGenerator
from contextlib import aclosing

import httpx

from soma.agent.llm.base import Delta, Model, ModelError, ModelRequest, ModelUnauthorized
from soma.agent.llm.offline import OfflineModel
from soma.agent.llm.providers.litellm import LiteLLMModel
from soma.agent.llm.providers.openai import OpenAIModel
from soma.agent.llm.selection import LITELLM, OFFLINE, Provider, Selection, check, litellm_keys, providers, select
from soma.agent.settings import Settings
from soma.agent.windows import window_of, windows_of


def has_litellm() -> bool:
    """Whether the extra is installed; finding out loads nothing of it."""
    return importlib.util.find_spec("litellm") is not None


def selected(settings: Settings) -> Selection:
    """The model that answers where a capsule names none. Raises ModelError where it cannot be had."""
    chosen = select(settings, has_litellm=has_litellm())
    try:
        check(chosen.name, settings, has_litellm=has_litellm())
    except ModelError as error:
        error.args = (f"SOMA_DEFAULT_MODEL: {error}",)
        raise
    return chosen


class Models:
    """The models of this process; one connection pool for all providers."""

    def __init__(self, settings: Settings, http: httpx.AsyncClient) -> None:
        """Raises ModelError where the model that is set cannot be had."""
        self.default = selected(settings)
        self._settings = settings
        self._http = http
        self._offline = OfflineModel()
        self._providers = providers(settings)
        self._windows = windows_of(settings.model_windows)

    def get(self, name: str = "") -> Model:
        """The default model where no name is given. Raises ModelError, with what to set, for one that cannot be had."""
        name = name or self.default.name
        if name == self._offline.name:
            return self._offline
        check(name, self._settings, has_litellm=has_litellm())
        if name == OFFLINE:
            return self._offline
        provider, _, model = name.partition("/")
        if provider == LITELLM:
            return self._through_litellm(name, model)
        return self._compatible(self._providers[provider], name, model)

    def _window(self, name: str) -> int:
        """What is known of it; of others we take that they hold what a prompt may have."""
        return window_of(name, self._windows) or self._settings.context_tokens

    def _through_litellm(self, name: str, model: str) -> Model:
        """LiteLLM's own word for a model begins with its provider: litellm/anthropic/claude-..."""
        key = litellm_keys(self._settings).get(model.partition("/")[0])
        return LiteLLMModel(
            model=model,
            api_key=key.get_secret_value() if key else "",
            name=name,
            context_tokens=self._window(name),
            timeout_seconds=self._settings.model_timeout_seconds,
        )

    def _compatible(self, provider: Provider, name: str, model: str) -> Model:
        asked = OpenAIModel(
            self._http,
            base_url=provider.base_url,
            model=model,
            api_key=provider.api_key.get_secret_value(),
            name=name,
            context_tokens=self._window(name),
            timeout=httpx.Timeout(self._settings.model_timeout_seconds),
        )
        return ExplainedModel(asked, provider)


class ExplainedModel:
    """A provider's model whose errors name the settings that it was asked by."""

    def __init__(self, model: Model, provider: Provider) -> None:
        self.name = model.name
        self.context_tokens = model.context_tokens
        self._model = model
        self._provider = provider

    async def stream(self, request: ModelRequest) -> AsyncGenerator[Delta, None]:
        try:
            async with aclosing(self._model.stream(request)) as deltas:
                async for delta in deltas:
                    yield delta
        except ModelError as error:
            error.args = (f"{error}{self._hint(error)}",)
            raise

    def _hint(self, error: ModelError) -> str:
        if isinstance(error, ModelUnauthorized):
            was = "as it is set" if self._provider.has_key else "which is not set"
            return f"; check {self._provider.key_setting}, {was}"
        address = shown(self._provider.base_url)
        if not self._provider.url_setting:
            return f"; asked at {address}"
        usual = "" if "/" in address.partition("://")[2] else "; most such addresses end in /v1"
        return f"; asked at {address}, as {self._provider.url_setting} says{usual}"


def shown(address: str) -> str:
    """An address without what may be a password in it."""
    try:
        url = httpx.URL(address)
    except httpx.InvalidURL:
        return "an address that is none"
    return f"{url.scheme}://{url.netloc.decode('ascii')}{url.path}".rstrip("/")
