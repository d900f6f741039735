"""The model that answers and why, and the advice if a name cannot be used."""

import httpx
import pytest
from pydantic import ValidationError

from soma.agent.llm.base import ModelError, ModelMessage, ModelRequest, ModelUnauthorized, ModelUnavailable, TextPart
from soma.agent.llm.choose import Models
from soma.agent.llm.providers.litellm import LiteLLMMissing
from soma.agent.llm.selection import ANTHROPIC, check, select
from soma.agent.settings import Settings

from .providers.provider import JSON, Exchange, serving

ASK = ModelRequest(messages=(ModelMessage("user", (TextPart("hello"),)),))

KEYS = (
    "OPENAI_API_KEY",
    "OPENROUTER_API_KEY",
    "GROQ_API_KEY",
    "ANTHROPIC_API_KEY",
    "SOMA_OPENAI_BASE_URL",
    "OPENAI_BASE_URL",
)
PIP = r".venv/bin/uv pip install -e '.\[litellm\]'"
LOCAL = "http://localhost:9/v1"


@pytest.fixture
def settings(monkeypatch):
    """Settings of an environment that holds nothing but what is given."""

    def make(**environment: str) -> Settings:
        for name in (*KEYS, "SOMA_DEFAULT_MODEL"):
            monkeypatch.delenv(name, raising=False)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        return Settings()

    return make


@pytest.mark.parametrize(
    ("environment", "has_litellm", "name", "reason"),
    [
        ({}, False, "offline", "SOMA_DEFAULT_MODEL, OPENAI_API_KEY, OPENROUTER_API_KEY, GROQ_API_KEY"),
        ({"GROQ_API_KEY": "k"}, False, "groq/llama-3.3-70b-versatile", "GROQ_API_KEY is set"),
        ({"GROQ_API_KEY": "k", "OPENAI_API_KEY": "k\n"}, False, "openai/gpt-4o-mini", "OPENAI_API_KEY is set"),
        ({"OPENAI_API_KEY": "k", "SOMA_DEFAULT_MODEL": " offline"}, False, "offline", "set by SOMA_DEFAULT_MODEL"),
        ({"ANTHROPIC_API_KEY": "k"}, False, "offline", "no model is set"),
        ({"ANTHROPIC_API_KEY": "k"}, True, ANTHROPIC, "ANTHROPIC_API_KEY is set"),
        ({"SOMA_OPENAI_BASE_URL": LOCAL}, False, "offline", "no model is set"),
        ({"OPENAI_API_KEY": ""}, False, "offline", "no model is set"),
    ],
)
def test_the_model_that_answers_is_said_with_the_setting_that_chose_it(
    settings, environment, has_litellm, name, reason
):
    chosen = select(settings(**environment), has_litellm=has_litellm)
    assert chosen.name == name
    assert reason in chosen.reason


@pytest.mark.parametrize(
    ("environment", "unused"),
    [
        ({}, []),
        ({"OPENAI_API_KEY": "k"}, []),
        ({"OPENAI_API_KEY": "k", "SOMA_DEFAULT_MODEL": "openai/gpt-5", "SOMA_OPENAI_BASE_URL": LOCAL}, []),
        ({"ANTHROPIC_API_KEY": "k"}, ["ANTHROPIC_API_KEY is set but not used: .venv/bin/uv pip install -e"]),
        ({"GROQ_API_KEY": "k", "OPENAI_API_KEY": "k"}, ["GROQ_API_KEY is set but not used: set SOMA_DEFAULT_MODEL="]),
        ({"OPENAI_API_KEY": "k", "SOMA_DEFAULT_MODEL": "offline"}, ["OPENAI_API_KEY is set but not used"]),
        ({"SOMA_OPENAI_BASE_URL": LOCAL}, ["SOMA_OPENAI_BASE_URL or OPENAI_BASE_URL is set but not used: set"]),
        ({"SOMA_OPENAI_BASE_URL": "https://api.openai.com/v1/"}, []),
    ],
)  # fmt: skip
def test_a_setting_that_has_no_effect_is_named_with_what_would_give_it_one(settings, environment, unused):
    said = select(settings(**environment), has_litellm=False).unused
    assert [start for start, sentence in zip(unused, said, strict=True) if sentence.startswith(start)] == unused


@pytest.mark.parametrize(
    ("name", "error", "advice"),
    [
        ("ollama/llama3", ModelError, r"SOMA_OPENAI_BASE_URL=http://localhost:11434/v1 .* 'openai/llama3'"),
        ("Ollama/llama3:8b", ModelError, r"localhost:11434/v1 .* 'openai/llama3:8b'"),
        ("ollama", ModelError, r"localhost:11434/v1 .* 'openai/<model>'"),
        ("vllm/meta/llama", ModelError, r"SOMA_OPENAI_BASE_URL=http://localhost:8000/v1 .* 'openai/meta/llama'"),
        ("lmstudio/x", ModelError, r"SOMA_OPENAI_BASE_URL=http://localhost:1234/v1"),
        ("gpt-4o", ModelError, "did you mean 'openai/gpt-4o'"),
        ("claude-sonnet-4-5", ModelError, "did you mean 'litellm/anthropic/claude-sonnet-4-5'"),
        ("OpenAI/gpt-4o", ModelError, "did you mean 'openai/gpt-4o'"),
        ("opneai/gpt-4o", ModelError, "did you mean 'openai/gpt-4o'"),
        ("openai", ModelError, "did you mean 'openai/gpt-4o-mini'"),
        ("Offline", ModelError, "did you mean 'offline'"),
        ("anthropic/claude-x", ModelError, f"litellm/anthropic/claude-x \\({PIP}"),
        ("gemini/pro", ModelError, "litellm/gemini/pro"),
        ("llama3", ModelError, "openai/<model> and set SOMA_OPENAI_BASE_URL"),
        ("openai/", ModelError, "did you mean 'openai/gpt-4o-mini'"),
        ("/", ModelError, "SOMA_OPENAI_BASE_URL"),
        ("openai/gpt-4o", ModelUnauthorized, r"needs the key OPENAI_API_KEY \(or SOMA_OPENAI_BASE_URL"),
        ("groq/llama", ModelUnauthorized, "needs the key GROQ_API_KEY"),
        ("openrouter/a/b", ModelUnauthorized, "needs the key OPENROUTER_API_KEY"),
        ("litellm/anthropic/claude-x", LiteLLMMissing, PIP),
    ],
)
def test_a_name_that_cannot_be_had_is_refused_with_the_setting_that_would_do(settings, name, error, advice):
    with pytest.raises(ModelError, match=advice) as refused:
        check(name, settings(), has_litellm=False)
    assert type(refused.value) is error


def test_with_litellm_a_key_that_we_have_a_setting_for_is_asked_for_and_others_are_its_own(settings):
    for name, key in (("anthropic/claude-x", "ANTHROPIC_API_KEY"), ("groq/llama", "GROQ_API_KEY")):
        with pytest.raises(ModelUnauthorized, match=key):
            check(f"litellm/{name}", settings(), has_litellm=True)
        check(f"litellm/{name}", settings(**{key: "k"}), has_litellm=True)
    check("litellm/mistral/mistral-large", settings(), has_litellm=True)


def test_a_server_of_ones_own_needs_no_key(settings):
    check("openai/llama3", settings(SOMA_OPENAI_BASE_URL=LOCAL), has_litellm=False)


def test_a_key_that_no_header_can_carry_is_refused_at_once(settings):
    with pytest.raises(ValidationError, match="printable ASCII"):
        settings(OPENAI_API_KEY="sk-\nx")


def test_a_set_model_that_cannot_be_had_ends_the_start_by_its_setting(settings):
    with pytest.raises(ModelError, match=r"SOMA_DEFAULT_MODEL: unknown model 'ollama/llama3'"):
        Models(settings(SOMA_DEFAULT_MODEL="ollama/llama3"), httpx.AsyncClient())


REFUSED = Exchange([b'{"error": {"message": "Incorrect API key"}}'], status=401, headers=JSON)
NOT_FOUND = Exchange([b"404 page not found"], status=404, headers={"content-type": "text/plain"})


@pytest.mark.parametrize(
    ("exchange", "key", "error", "hint"),
    [
        (REFUSED, "k", ModelUnauthorized, "Incorrect API key .*; check OPENAI_API_KEY$"),
        (REFUSED, "", ModelUnauthorized, "Incorrect API key .*; check OPENAI_API_KEY, which is not set"),
        (
            NOT_FOUND,
            "k",
            ModelError,
            r"404 .*; asked at http://127\.0\.0\.1:\d+/v1, set by SOMA_OPENAI_BASE_URL or OPENAI_BASE_URL",
        ),
    ],
)
async def test_what_a_provider_refuses_names_the_setting_that_it_was_asked_by(settings, exchange, key, error, hint):
    async with serving(exchange) as provider, httpx.AsyncClient() as http:
        chosen = settings(SOMA_OPENAI_BASE_URL=provider.url, SOMA_DEFAULT_MODEL="openai/x", OPENAI_API_KEY=key)
        with pytest.raises(error, match=hint):
            [delta async for delta in Models(chosen, http).get().stream(ASK)]


@pytest.mark.parametrize(
    ("environment", "address"),
    [
        ({"OPENAI_BASE_URL": LOCAL}, LOCAL),
        ({"OPENAI_BASE_URL": LOCAL, "SOMA_OPENAI_BASE_URL": f"{LOCAL}/ours"}, f"{LOCAL}/ours"),
        ({"OPENAI_BASE_URL": ""}, "https://api.openai.com/v1"),
    ],
)
def test_the_address_that_others_read_beside_the_key_is_read_too(settings, environment, address):
    """Or what is meant for a server of one's own would go to OpenAI."""
    assert settings(OPENAI_API_KEY="k", **environment).openai_base_url == address


async def test_an_address_that_nobody_set_is_named_where_it_does_not_answer(settings):
    refuse = httpx.MockTransport(lambda request: (_ for _ in ()).throw(httpx.ConnectError("no such name")))
    async with httpx.AsyncClient(transport=refuse) as http:
        with pytest.raises(ModelUnavailable, match=r"no such name; asked at https://api\.groq\.com/openai/v1$"):
            [delta async for delta in Models(settings(GROQ_API_KEY="k"), http).get().stream(ASK)]


async def test_an_address_without_a_path_is_told_what_most_have(settings):
    async with serving() as provider, httpx.AsyncClient() as http:
        bare = provider.url.removesuffix("/v1")
        chosen = settings(SOMA_OPENAI_BASE_URL=f"{bare}/", SOMA_DEFAULT_MODEL="openai/x")
        with pytest.raises(
            ModelError, match=f"asked at {bare}, set by SOMA_OPENAI_BASE_URL or OPENAI_BASE_URL; .* end in /v1"
        ):
            [delta async for delta in Models(chosen, http).get().stream(ASK)]


async def test_an_address_where_nobody_listens_is_named_without_its_password(settings):
    chosen = settings(SOMA_OPENAI_BASE_URL="http://me:hidden@127.0.0.1:1/v1", SOMA_DEFAULT_MODEL="openai/x")
    async with httpx.AsyncClient() as http:
        with pytest.raises(
            ModelUnavailable, match=r"asked at http://127.0.0.1:1/v1, set by SOMA_OPENAI_BASE_URL"
        ) as told:
            [delta async for delta in Models(chosen, http).get().stream(ASK)]
    assert "hidden" not in str(told.value)
