"""An embedding model behind HTTP: asked in batches, patiently, and not believed blindly."""

import importlib.util
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx
import numpy as np
import pytest
from tests.memory.conftest import opened
from tests.memory.embedders.provider import Provider, serving
from tests.memory.test_remember import new, recalled

from soma.memory import embedding_models
from soma.memory.embedders import remote
from soma.memory.embedders.choose import ModelChoice, make_embedder
from soma.memory.embedders.hashing import HashingEmbedder
from soma.memory.embedders.remote import PAUSE_SECONDS
from soma.memory.errors import EmbedderUnavailable

KEY = "sk-secret"


@dataclass
class Clock:
    """A clock that moves where somebody waits, and by nothing else."""

    waits: list[float] = field(default_factory=list)

    def monotonic(self) -> float:
        return sum(self.waits)

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)


@pytest.fixture
def clock(monkeypatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(remote, "time", clock)
    return clock


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=1.0) as client:
        yield client


@pytest.fixture
def provider() -> Iterator[Provider]:
    with serving(Provider()) as provider:
        yield provider


def chosen(provider, http, *, dimension=0, patience_seconds=2.0):
    choice = ModelChoice(kind="openai", model="embed-small", url=provider.url, dimension=dimension)
    return make_embedder(choice, http, key=KEY, patience_seconds=patience_seconds)


def test_vectors_come_in_order_with_length_one(provider, http):
    model = chosen(provider, http)
    texts = [f"text {number}" for number in range(150)]
    readings = model.read_all(texts)
    assert len(provider.bodies) == 3
    assert (model.name, model.dimension, model.late_dimension) == ("openai/embed-small", 32, 0)
    for text, reading in zip(texts, readings, strict=True):
        assert np.allclose(reading.vector, HashingEmbedder(32).read(text).vector, atol=1e-6)
        assert reading.vector.dtype == np.float32
    assert provider.bodies[0]["model"] == "embed-small"
    assert provider.keys[0] == f"Bearer {KEY}"


def test_a_dimension_is_asked_for_and_part_of_the_name(provider, http):
    model = chosen(provider, http, dimension=16)
    assert len(model.read("text").vector) == model.dimension == 16
    assert provider.bodies[0]["dimensions"] == 16
    assert model.name == "openai/embed-small@16"


@pytest.mark.parametrize("trouble", [(429, {"Retry-After": "1"}, {}), (500, {}, b"oops"), (503, {}, {"error": "busy"})])
def test_what_passes_is_tried_again(provider, http, clock, trouble):
    provider.script = [trouble]
    assert len(chosen(provider, http).read("text").vector) == 32
    assert len(provider.bodies) == 2
    assert clock.waits == [1.0 if trouble[0] == 429 else PAUSE_SECONDS]


def test_a_server_that_is_away_is_given_up_in_time_and_found_again(http, clock):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    provider = Provider(url=f"http://127.0.0.1:{port}/v1")
    model = chosen(provider, http, patience_seconds=0.6)
    with pytest.raises(EmbedderUnavailable, match="does not answer"):
        model.read("text")
    assert clock.waits == [PAUSE_SECONDS]  # twice as long would be beyond its patience
    with serving(provider, port):
        assert len(model.read("text").vector) == 32


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((401, {}, {"error": {"message": "bad key"}}), "401 bad key"),
        ((400, {}, {"message": "too long"}), "400 too long"),
        ((200, {}, b"<html>"), "not OpenAI's"),
        ((200, {}, {"data": []}), "0 vectors for 1 texts"),
        ((200, {}, {"data": [{"index": 0, "embedding": []}]}), "no vector"),
        ((200, {}, {"data": [{"index": 0, "embedding": [0.0, 0.0]}]}), "no vector"),
        ((200, {}, b'{"data": [{"index": 0, "embedding": [NaN, 1]}]}'), "no vector"),
        ((200, {}, {"data": [{"index": 0, "embedding": ["x"]}]}), "not OpenAI's"),
    ],
)
def test_what_will_not_get_better_is_said_at_once_and_without_the_key(provider, http, answer, said):
    provider.script = [answer]
    with pytest.raises(EmbedderUnavailable, match=said) as caught:
        chosen(provider, http).read("text")
    assert KEY not in str(caught.value)
    assert len(provider.bodies) == 1


def test_a_model_that_changes_its_dimension_is_not_believed(provider, http):
    model = chosen(provider, http)
    model.read("text")
    provider.dimension = 48
    with pytest.raises(EmbedderUnavailable, match="48 numbers, not 32"):
        model.read("text")


def test_a_choice_without_a_model_is_refused(http):
    with pytest.raises(EmbedderUnavailable, match="name of a model"):
        make_embedder(ModelChoice(kind="openai"), http, patience_seconds=1)


@pytest.mark.skipif(importlib.util.find_spec("litellm") is not None, reason="LiteLLM is installed")
def test_without_the_extra_the_error_says_what_to_install(http):
    model = make_embedder(ModelChoice(kind="litellm", model="cohere/embed"), http, key=KEY, patience_seconds=1)
    with pytest.raises(EmbedderUnavailable, match=r"uv pip install -e '.\[litellm\]'"):
        model.read("text")


async def test_while_the_model_is_away_nothing_is_half_remembered(provider, http, database, alice):
    async with opened(database, chosen(provider, http, patience_seconds=0.1)) as memory:
        await memory.remember(alice, [new()])
        provider.script = [(503, {}, {})] * 9
        with pytest.raises(EmbedderUnavailable):
            await memory.remember(alice, [new("lost"), new("also lost")])
        provider.script = []
        assert await recalled(memory, alice, "what is my cat called?") == ["My cat is called Miso."]
        assert len((await memory.list(alice)).items) == 1


async def test_a_former_model_is_made_again_from_what_was_kept_of_it(provider, http, database, alice, caplog):
    choice = ModelChoice(kind="openai", model="embed-small", url=provider.url)
    async with opened(database, chosen(provider, http)) as memory:
        await embedding_models.write_choice_of(memory._store.writer, choice, chosen(provider, http))
        await memory.remember(alice, [new()])
    [(text,)] = database.query("SELECT choice FROM memory_models")
    assert KEY not in text

    def make(other: ModelChoice):
        return make_embedder(other, http, key=KEY, patience_seconds=0.1)

    assert [model.name for model in embedding_models.find_former(database, ModelChoice(), make)] == [
        "openai/embed-small"
    ]
    assert embedding_models.find_former(database, choice, make) == []  # no vector of the bundled one is there
    provider.script = [(500, {}, {})] * 9
    assert embedding_models.find_former(database, ModelChoice(), make) == []
    assert "recall goes by words" in caplog.text
