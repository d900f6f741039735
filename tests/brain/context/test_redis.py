"""Working memory and residuals: one suite in process and in Redis; while Redis is away, the process alone."""

import asyncio

import pytest
from pydantic import SecretStr
from tests.brain.conftest import ALICE, metrics_of, remembered
from tests.brain.requests import new_query, new_report
from tests.servers import redis

from soma.brain.context.redis import FallbackScratchpads, RedisScratchpads
from soma.brain.context.residual import LocalResiduals
from soma.brain.context.working_memory import Item, LocalWorkingMemory, novelty
from soma.brain.root import RedisUnavailable, open_brain
from soma.brain.settings import BrainSettings
from soma.memory.embedders.hashing import HashingEmbedder

KEY = ("acme", "alice", "helper", "c:1")
OTHER = ("acme", "bob", "helper", "c:1")


def item(text: str, *axes: float, salience: float = 0.8) -> Item:
    return Item(text=text, embedding=[*axes, *[0.0] * (4 - len(axes))], salience=salience, at="2026-01-01")


@pytest.fixture
def server():
    with redis() as server:
        yield server


@pytest.fixture(params=["in process", pytest.param("in redis", marks=pytest.mark.integration)])
async def pad(request):
    limits = {"items": 3, "conversations": 10}
    if request.param == "in process":
        yield LocalWorkingMemory(**limits)
        return
    from redis.asyncio import Redis

    client = Redis.from_url(request.getfixturevalue("server").url)
    yield RedisScratchpads(client, **limits)
    await client.aclose()


async def test_a_ring_is_bounded_and_a_conversations_own(pad):
    for number in range(4):
        axes = [0.0] * 4
        axes[number] = 1.0
        await pad.admit(KEY, item(str(number), *axes))
    assert [held.text for held in await pad.items(KEY)] == ["1", "2", "3"]
    assert list(await pad.items(OTHER)) == []
    assert pad.count() == 3


async def test_a_user_or_a_whole_tenant_is_cleared_and_nobody_else(pad):
    starred, elsewhere = ("acme", "al*", "helper", "c:1"), ("acme2", "alice", "helper", "c:1")
    for key in (KEY, OTHER, starred, elsewhere):
        await pad.admit(key, item("cat", 1.0))
    await pad.clear("acme", "al*")
    assert [len(await pad.items(key)) for key in (KEY, OTHER, starred, elsewhere)] == [1, 1, 0, 1]
    await pad.clear("acme", None)
    assert [len(await pad.items(key)) for key in (KEY, OTHER, starred, elsewhere)] == [0, 0, 0, 1]


async def test_what_says_the_same_is_merged_and_keeps_the_greater_salience(pad):
    await pad.admit(KEY, item("cat", 1.0, salience=0.9))
    await pad.admit(KEY, item("dog", 0.0, 1.0))
    await pad.admit(KEY, item("the cat", 1.0, salience=0.8))
    held = await pad.items(KEY)
    assert [(each.text, each.salience) for each in held] == [("dog", 0.8), ("the cat", 0.9)]
    assert novelty(held, [1.0, 0.0, 0.0, 0.0]) == 0.0
    assert novelty(held, [0.0, 0.0, 1.0, 0.0]) == 1.0


@pytest.mark.integration
async def test_two_writers_of_one_ring_lose_nothing(server):
    from redis.asyncio import Redis

    clients = [Redis.from_url(server.url) for _ in range(2)]
    pads = [RedisScratchpads(client, items=32, conversations=10) for client in clients]
    axes = [[1.0 if place == number else 0.0 for place in range(16)] for number in range(16)]
    items = [Item(text=str(n), embedding=axes[n], salience=0.8, at="") for n in range(16)]
    await asyncio.gather(*(pads[n % 2].admit(KEY, items[n]) for n in range(16)))
    assert len(await pads[0].items(KEY)) == 16
    for client in clients:
        await client.aclose()


@pytest.mark.integration
async def test_residuals_survive_a_restart_of_the_brain_to_the_bit(server):
    from redis.asyncio import Redis

    client = Redis.from_url(server.url)
    pad = RedisScratchpads(client, items=3, conversations=10)
    assert list(await pad.of(KEY)) == []
    await pad.keep(KEY, [0.1, -1 / 3, 1e-300])
    assert await pad.of(KEY) == [0.1, -1 / 3, 1e-300]
    await client.aclose()


@pytest.mark.integration
async def test_while_redis_is_away_the_process_keeps_its_own_and_says_so(server, monkeypatch):
    from redis.asyncio import Redis
    from redis.exceptions import RedisError

    monkeypatch.setattr("soma.brain.context.redis.RETRY_SECONDS", 0.0)
    client = Redis.from_url(server.url)
    shared = RedisScratchpads(client, items=3, conversations=10)
    local = LocalWorkingMemory(items=3, conversations=10)
    pad = FallbackScratchpads(shared, local, LocalResiduals(conversations=10), RedisError)
    await pad.admit(KEY, item("before", 1.0))
    server.stop()
    await pad.admit(KEY, item("meanwhile", 0.0, 1.0))
    assert "redis" in str(pad.degraded)
    assert [held.text for held in await pad.items(KEY)] == ["meanwhile"]
    server.start()
    await pad.admit(KEY, item("after", 0.0, 0.0, 1.0))
    assert not pad.degraded
    await client.aclose()


@pytest.mark.integration
async def test_a_brain_shares_its_working_memory_through_redis(settings, server):
    settings = settings.model_copy(update={"redis_url": SecretStr(server.url)})
    async with (
        open_brain(settings, embedder=HashingEmbedder()) as one,
        open_brain(settings, embedder=HashingEmbedder()) as two,
    ):
        await remembered(one.client)
        bundle = await one.client.evaluate(ALICE, new_query(conversation_id="c1", query="What is the cat called?"))
        await one.client.publish_turn_metrics(
            ALICE, new_report(**metrics_of(bundle_id=bundle.bundle_id, confidence=1.0))
        )
        seen = await two.client.evaluate(ALICE, new_query(conversation_id="c1", query="What is the cat called?"))
        assert [held["text"] for held in seen.working_memory] == ["What is the cat called?"]
        assert seen.degraded is None
        server.stop()
        alone = await two.client.evaluate(ALICE, new_query(conversation_id="c1", query="What is the cat called?"))
        assert alone.memories == seen.memories
        assert alone.working_memory == []
        assert "redis" in (alone.degraded or "")
        assert "redis" in str((await two.client.ready())["degraded"])


@pytest.mark.parametrize("name", ["SOMA_REDIS_URL", "SOMABRAIN_REDIS_URL"])
async def test_a_redis_that_is_configured_and_not_there_is_an_error_at_the_start(settings, monkeypatch, name):
    monkeypatch.setenv(name, "redis://127.0.0.1:1/0")
    settings = settings.model_copy(update={"redis_url": BrainSettings(data_dir=settings.data_dir).redis_url})
    with pytest.raises(RedisUnavailable, match="SOMA_REDIS_URL"):
        async with open_brain(settings, embedder=HashingEmbedder()):
            pass
