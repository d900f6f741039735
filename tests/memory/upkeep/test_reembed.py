"""Another model is taken up in the background: the old one answers until every vector is there."""

import asyncio

import pytest
from tests.memory.conftest import Counting, opened, owner
from tests.memory.test_remember import new, recalled
from tests.memory.upkeep.test_reconcile import behind_its_back

from soma.memory.embedders.hashing import HashingEmbedder
from soma.memory.errors import EmbedderUnavailable
from soma.memory.types import Query
from soma.memory.upkeep.reembed import count_progress, switch_model

TEXTS = ["My cat is called Miso.", "I work as a nurse in Lyon.", "The bike needs new brakes."]
OLD, NEW = HashingEmbedder(64), HashingEmbedder(128)


async def told(database, alice, number: int = 40) -> None:
    async with opened(database, OLD) as memory:
        await memory.remember(alice, [new(text) for text in TEXTS])
        await memory.remember(alice, [new(f"note {n}", key=f"n{n}") for n in range(number)])
        await memory.remember(owner("bob"), [new("Bob likes tea.", scope="tenant")])


def models(database) -> set[str]:
    return {model for (model,) in database.query("SELECT DISTINCT model FROM memory_embeddings")}


async def dimension(memory, who) -> int:
    return len((await memory.candidates(who, Query(text="cat"))).query_embedding)


async def test_the_old_model_answers_until_every_vector_is_made_then_the_new_one(database, alice):
    await told(database, alice)
    async with opened(database, NEW, former=[OLD]) as memory:
        store = memory._store
        assert await dimension(memory, alice) == 64
        steps = switch_model(store, "acme")
        assert [await anext(steps), await anext(steps)] == [1, 16]
        half = count_progress(store, "acme")
        assert (half.embedded, half.memories, half.is_done) == (17, 44, False)
        assert half.model != half.target
        assert await dimension(memory, alice) == 64
        assert (await recalled(memory, alice, "cat called"))[0] == TEXTS[0]
        async for _ in steps:
            pass
        assert count_progress(store, "acme").is_done
        assert await dimension(memory, alice) == 128
        assert (await recalled(memory, alice, "cat called"))[0] == TEXTS[0]
    assert models(database) == {"hashing-128/2"}
    [(before, after)] = database.query(
        "SELECT json_extract(payload, '$.model_before'), json_extract(payload, '$.model_after') "
        "FROM events WHERE event_type = 'memory.reembedded'"
    )
    assert (before, after) == ("hashing-64/2", "hashing-128/2")


async def test_after_a_kill_it_goes_on_where_it_was(database, alice):
    await told(database, alice)
    async with opened(database, NEW, former=[OLD]) as memory:
        steps = switch_model(memory._store, "acme")
        await anext(steps)
        await anext(steps)
        await steps.aclose()
    counting = Counting(NEW)
    async with opened(database, counting, former=[OLD]) as memory:
        assert await dimension(memory, alice) == 64
        async for _ in switch_model(memory._store, "acme"):
            pass
        assert len(counting.texts) == 44 - 17
        assert await dimension(memory, alice) == 128


async def test_what_is_remembered_changed_and_forgotten_meanwhile_is_right_afterwards(database, alice):
    await told(database, alice)
    async with opened(database, NEW, former=[OLD]) as memory:
        steps = switch_model(memory._store, "acme")
        await anext(steps)
        await memory.remember(alice, [new("The otter swims at night."), new("note changed", key="n0")])
        await memory.forget(alice, keys=["n1"])
        async for _ in steps:
            await asyncio.sleep(0)
        assert count_progress(memory._store, "acme").is_done
        assert (await recalled(memory, alice, "otter swims"))[0] == "The otter swims at night."
        assert (await recalled(memory, alice, "changed"))[0] == "note changed"
        assert "note 1" not in await recalled(memory, alice, "note 1")
    living = database.query("SELECT COUNT(*) FROM memories WHERE forgotten_at IS NULL")
    assert living == database.query("SELECT COUNT(*) FROM memory_embeddings")


async def test_recalls_and_remembers_at_the_moment_of_the_switch_find_what_is_there(database, alice):
    await told(database, alice)
    async with opened(database, NEW, former=[OLD]) as memory:

        async def ask() -> None:
            for number in range(40):
                await memory.remember(alice, [new(f"late {number}", key=f"late{number}")])
                assert TEXTS[0] in await recalled(memory, alice, "cat called Miso")

        async def move() -> None:
            async for _ in switch_model(memory._store, "acme"):
                await asyncio.sleep(0)

        await asyncio.gather(ask(), move())
        async for _ in switch_model(memory._store, "acme"):
            pass
        assert count_progress(memory._store, "acme").is_done
        assert (await recalled(memory, alice, "late 39"))[0] == "late 39"


async def test_a_former_model_that_cannot_be_asked_leaves_the_words(database, alice):
    await told(database, alice)
    async with opened(database, NEW) as memory:
        assert (await recalled(memory, alice, "nurse Lyon"))[0] == TEXTS[1]
        async for _ in switch_model(memory._store, "acme"):
            pass
        assert count_progress(memory._store, "acme").is_done
    assert models(database) == {"hashing-128/2"}


async def test_a_vector_of_another_source_is_made_anew(database, alice):
    await told(database, alice)
    behind_its_back(
        database, "UPDATE memory_embeddings SET source = 'zzz' WHERE memory_id = (SELECT MIN(id) FROM memories)"
    )
    async with opened(database, OLD) as memory:
        assert not count_progress(memory._store, "acme").is_done
        async with asyncio.timeout(10):
            assert sum([made async for made in switch_model(memory._store, "acme")]) == 1
        assert count_progress(memory._store, "acme").is_done


STALE_FOR_EVER = [
    f"CREATE TRIGGER forever_{number} AFTER {event} ON memory_embeddings BEGIN "
    "UPDATE memory_embeddings SET source = 'zzz' WHERE memory_id = NEW.memory_id; END"
    for number, event in enumerate(("INSERT", "UPDATE OF vector"))
]


async def test_rounds_that_get_nowhere_end_and_say_so(database, alice, caplog):
    await told(database, alice, 3)
    behind_its_back(database, *STALE_FOR_EVER)
    async with opened(database, NEW, former=[OLD]) as memory:
        async with asyncio.timeout(10):
            async for _ in switch_model(memory._store, "acme"):
                pass
        assert "7 vectors are still missing" in caplog.text
        assert await dimension(memory, alice) == 64


class Away(HashingEmbedder):
    """A model whose server is down."""

    def read_all(self, texts):
        raise EmbedderUnavailable("no answer")


async def test_while_the_new_model_is_away_the_old_one_answers(database, alice):
    await told(database, alice)
    async with opened(database, Away(128), former=[OLD]) as memory:
        with pytest.raises(EmbedderUnavailable):
            await anext(switch_model(memory._store, "acme"))
        assert (await recalled(memory, alice, "cat called"))[0] == TEXTS[0]
        await memory.remember(alice, [new("Still written down.")])
        assert (await recalled(memory, alice, "written down"))[0] == "Still written down."
