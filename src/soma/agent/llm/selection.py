"""The selection of the model that answers: the setting behind it, and advice if it cannot be used. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from pydantic import SecretStr

from soma.agent.llm.base import ModelError, ModelUnauthorized
from soma.agent.llm.providers.litellm import INSTALL, PIP, LiteLLMMissing
from soma.agent.settings import OPENAI_URL, Settings

OFFLINE = "offline"
LITELLM = "litellm"
ANTHROPIC = "litellm/anthropic/claude-sonnet-4-5"
KEY_OF_ANTHROPIC = "ANTHROPIC_API_KEY"
URL_SETTINGS = "SOMA_OPENAI_BASE_URL or OPENAI_BASE_URL"
LOCAL_PORTS = {  # servers that speak OpenAI's protocol, and their default ports
    "ollama": 11434, "vllm": 8000, "hosted_vllm": 8000, "lmstudio": 1234, "lm_studio": 1234, "llamacpp": 8080,
    "llama.cpp": 8080, "llamafile": 8080, "localai": 8080, "local": 11434,
}  # fmt: skip
MAKERS = {"gpt": "openai", "o1": "openai", "o3": "openai", "o4": "openai", "claude": "litellm/anthropic"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """An OpenAI-compatible address. `default_model` answers if only the key is set."""

    base_url: str
    api_key: SecretStr
    key_setting: str
    default_model: str
    url_setting: str = ""

    @property
    def has_key(self) -> bool:
        return bool(self.api_key.get_secret_value())


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The selected model and why. `unused` names each provider's setting without effect, and how to use it."""

    name: str
    reason: str
    unused: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}"


def providers(settings: Settings) -> dict[str, Provider]:
    """Return the providers by the first part of a model's name; the first with a key is the default."""
    return {
        "openai": Provider(
            base_url=settings.openai_base_url,
            api_key=settings.openai_api_key,
            key_setting="OPENAI_API_KEY",
            default_model="gpt-4o-mini",
            url_setting="" if settings.openai_base_url == OPENAI_URL else URL_SETTINGS,
        ),
        "openrouter": Provider(
            base_url="https://openrouter.ai/api/v1",
            api_key=settings.openrouter_api_key,
            key_setting="OPENROUTER_API_KEY",
            default_model="openai/gpt-4o-mini",
        ),
        "groq": Provider(
            base_url="https://api.groq.com/openai/v1",
            api_key=settings.groq_api_key,
            key_setting="GROQ_API_KEY",
            default_model="llama-3.3-70b-versatile",
        ),
    }


def select(settings: Settings, *, has_litellm: bool) -> Selection:
    """Return the model that is set, else that of the first key, else the offline one."""
    known = providers(settings)
    by_key = {f"{name}/{one.default_model}": one.key_setting for name, one in known.items() if one.has_key}
    has_anthropic = bool(settings.anthropic_api_key.get_secret_value())
    if has_anthropic and has_litellm:
        by_key[ANTHROPIC] = KEY_OF_ANTHROPIC
    if settings.default_model:
        name, reason = settings.default_model, "set by SOMA_DEFAULT_MODEL"
    elif by_key:
        name = next(iter(by_key))
        reason = f"{by_key[name]} is set"
    else:
        keys = ", ".join(one.key_setting for one in known.values())
        name, reason = OFFLINE, f"no model is set and no key that names one (SOMA_DEFAULT_MODEL, {keys})"
    unused = [
        f"{setting} is set but not used: set SOMA_DEFAULT_MODEL={other}"
        for other, setting in by_key.items()
        if not _uses(name, other)
    ]
    if has_anthropic and not has_litellm:
        unused.append(f"{KEY_OF_ANTHROPIC} is set but not used: {PIP}, then set SOMA_DEFAULT_MODEL={ANTHROPIC}")
    if known["openai"].url_setting and not name.startswith("openai/"):
        unused.append(f"{known['openai'].url_setting} is set but not used: set SOMA_DEFAULT_MODEL=openai/<model>")
    return Selection(name=name, reason=reason, unused=tuple(unused))


def check(name: str, settings: Settings, *, has_litellm: bool) -> None:
    """Raise ModelError, with advice on what to set, if the settings do not allow the named model."""
    if name == OFFLINE:
        return
    known = providers(settings)
    first, _, model = name.partition("/")
    if not model or first not in (*known, LITELLM):
        raise ModelError(f"unknown model {name!r}: {_advice(name, known)}")
    if first == LITELLM:
        _check_litellm(name, model, settings, has_litellm=has_litellm)
    elif not known[first].has_key and not known[first].url_setting:
        own = f" (or {URL_SETTINGS}, for a server of your own)" if first == "openai" else ""
        raise ModelUnauthorized(f"{name} needs the key {known[first].key_setting}{own}, which is not set")


def fault_of(name: str, settings: Settings, *, has_litellm: bool) -> str:
    """Return the message that `check` would raise; empty if none."""
    try:
        check(name, settings, has_litellm=has_litellm)
    except ModelError as error:
        return str(error)
    return ""


def _check_litellm(name: str, model: str, settings: Settings, *, has_litellm: bool) -> None:
    """Raise ModelError if LiteLLM or its key is missing. Keys that have no setting here are LiteLLM's to find."""
    if not has_litellm:
        raise LiteLLMMissing(f"{name}: {INSTALL}")
    provider = model.partition("/")[0]
    missing = not litellm_keys(settings).get(provider, SecretStr("elsewhere")).get_secret_value()
    if missing:
        setting = KEY_OF_ANTHROPIC if provider == "anthropic" else providers(settings)[provider].key_setting
        raise ModelUnauthorized(f"{name} needs the key {setting}, which is not set")


def litellm_keys(settings: Settings) -> dict[str, SecretStr]:
    """Return the keys that have a setting here, by LiteLLM's word for their provider."""
    return {name: one.api_key for name, one in providers(settings).items()} | {"anthropic": settings.anthropic_api_key}


def _uses(name: str, other: str) -> bool:
    """Return whether the model called `name` is asked with the key that would switch on `other`."""
    provider = other.removeprefix(f"{LITELLM}/").partition("/")[0]
    return name.removeprefix(f"{LITELLM}/").startswith(f"{provider}/")


def _advice(name: str, known: Mapping[str, Provider]) -> str:
    """Guess which model is meant, and name the setting that it needs."""
    first, slash, model = name.partition("/")
    folded = first.casefold().strip()
    if not slash and (near := next(iter(get_close_matches(folded, [OFFLINE], cutoff=0.75)), None)):
        return f"did you mean {near!r}?"
    if near := next(iter(get_close_matches(folded, [*known, LITELLM], cutoff=0.75)), None):
        example = known[near].default_model if near in known else ANTHROPIC.removeprefix(f"{LITELLM}/")
        return f"did you mean '{near}/{model or example}'?"
    if folded in LOCAL_PORTS:
        url = f"http://localhost:{LOCAL_PORTS[folded]}/v1"
        return f"set SOMA_OPENAI_BASE_URL={url} (where it listens) and name the model 'openai/{model or '<model>'}'"
    if maker := next((maker for start, maker in MAKERS.items() if folded.startswith(start)), None):
        return f"did you mean '{maker}/{name}'?"
    return "; ".join(_ways(name, model, known))


def _ways(name: str, model: str, known: Mapping[str, Provider]) -> Iterator[str]:
    through = f"{LITELLM}/{name if model else '<provider>/<model>'}"
    with_keys = ", ".join(f"{one}/<model> with {provider.key_setting}" for one, provider in known.items())
    ways = [
        f"through LiteLLM use {through} ({PIP})",
        "for a server that speaks OpenAI's protocol use openai/<model> and set SOMA_OPENAI_BASE_URL",
    ]
    yield from ways if model else reversed(ways)
    yield f"without either, use {OFFLINE}, {with_keys}"
