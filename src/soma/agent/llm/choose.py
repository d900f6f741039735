"""The choice of an adapter by the model's name: `offline`, or `<provider>/<name>` for a provider that is set up."""

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
    """Return whether the extra is installed, without loading it."""
    return importlib.util.find_spec("litellm") is not None


def select_default(settings: Settings) -> Selection:
    """Return the model that answers if a capsule names none. Raises ModelError if it cannot be used."""
    chosen = select(settings, has_litellm=has_litellm())
    try:
        check(chosen.name, settings, has_litellm=has_litellm())
    except ModelError as error:
        error.args = (f"SOMA_DEFAULT_MODEL: {error}",)
        raise
    return chosen


class Models:
    """The models of this process, with one connection pool for all providers."""

    def __init__(self, settings: Settings, http: httpx.AsyncClient) -> None:
        """Raise ModelError if the default model cannot be used."""
        self.default = select_default(settings)
        self._settings = settings
        self._http = http
        self._offline = OfflineModel()
        self._providers = providers(settings)
        self._windows = windows_of(settings.model_windows)

    def get(self, name: str = "") -> Model:
        """Return the named model, or the default one. Raises ModelError, with what to set, if it cannot be used."""
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
        """Return the model's window in tokens; if unknown, assume that it holds the longest prompt."""
        return window_of(name, self._windows) or self._settings.context_tokens

    def _through_litellm(self, name: str, model: str) -> Model:
        """Build a LiteLLM model. `model` is LiteLLM's word, provider first: anthropic/claude-..."""
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
    """A provider's model whose errors name the settings behind the request."""

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
            missing = "" if self._provider.has_key else ", which is not set"
            return f"; check {self._provider.key_setting}{missing}"
        address = mask_address(self._provider.base_url)
        if not self._provider.url_setting:
            return f"; asked at {address}"
        usual = "" if "/" in address.partition("://")[2] else "; most such addresses end in /v1"
        return f"; asked at {address}, set by {self._provider.url_setting}{usual}"


def mask_address(address: str) -> str:
    """Return an address without its user and password."""
    try:
        url = httpx.URL(address)
    except httpx.InvalidURL:
        return "an invalid address"
    return f"{url.scheme}://{url.netloc.decode('ascii')}{url.path}".rstrip("/")
