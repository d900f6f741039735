"""From a model's name to a model: `offline`, or `<provider>/<name>` for a provider whose key or address is set."""

from dataclasses import dataclass

import httpx
from pydantic import SecretStr

from soma.agent.llm.base import Model, ModelError
from soma.agent.llm.litellm import LiteLLMModel
from soma.agent.llm.offline import OfflineModel
from soma.agent.llm.openai import OpenAIModel
from soma.agent.settings import Settings

OFFLINE = "offline"
LITELLM = "litellm"


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """An OpenAI-compatible address; `default_model` is what its key alone switches on."""

    base_url: str
    api_key: SecretStr
    default_model: str


class Models:
    """The models of this process; one connection pool for all providers."""

    def __init__(self, settings: Settings, http: httpx.AsyncClient) -> None:
        self._http = http
        self._timeout_seconds = settings.model_timeout_seconds
        self._context_tokens = settings.context_tokens
        self._offline = OfflineModel()
        self._anthropic = settings.anthropic_api_key
        self._default = settings.default_model
        self._providers = {
            "openai": Provider(
                base_url=settings.openai_base_url, api_key=settings.openai_api_key, default_model="gpt-4o-mini"
            ),
            "openrouter": Provider(
                base_url="https://openrouter.ai/api/v1",
                api_key=settings.openrouter_api_key,
                default_model="openai/gpt-4o-mini",
            ),
            "groq": Provider(
                base_url="https://api.groq.com/openai/v1",
                api_key=settings.groq_api_key,
                default_model="llama-3.3-70b-versatile",
            ),
        }

    @property
    def default(self) -> str:
        """The set model, else that of the first provider with a key, else the offline one."""
        if self._default:
            return self._default
        for name, provider in self._providers.items():
            if provider.api_key.get_secret_value():
                return f"{name}/{provider.default_model}"
        return OFFLINE

    def get(self, name: str = "") -> Model:
        """Raises ModelError for a name that no provider answers to."""
        name = name or self.default
        if name in {OFFLINE, self._offline.name}:
            return self._offline
        provider, _, model = name.partition("/")
        if model and provider in self._providers:
            return self._compatible(self._providers[provider], name, model)
        if model and provider == LITELLM:
            return self._through_litellm(name, model)
        known = ", ".join([OFFLINE, *(f"{known}/<model>" for known in (*self._providers, LITELLM))])
        raise ModelError(f"no model is called {name!r}; there are {known}")

    def _through_litellm(self, name: str, model: str) -> Model:
        """LiteLLM's own word for a model begins with its provider: litellm/anthropic/claude-..."""
        keys = {name: provider.api_key for name, provider in self._providers.items()} | {"anthropic": self._anthropic}
        key = keys.get(model.partition("/")[0], SecretStr(""))
        return LiteLLMModel(
            model=model,
            api_key=key.get_secret_value(),
            name=name,
            context_tokens=self._context_tokens,
            timeout_seconds=self._timeout_seconds,
        )

    def _compatible(self, provider: Provider, name: str, model: str) -> Model:
        return OpenAIModel(
            self._http,
            base_url=provider.base_url,
            model=model,
            api_key=provider.api_key.get_secret_value(),
            name=name,
            context_tokens=self._context_tokens,
            timeout=httpx.Timeout(self._timeout_seconds),
        )
