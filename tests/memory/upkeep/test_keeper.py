"""The keeper at work: what is wrong at a start is right soon after, without anybody asking."""

import asyncio
import time
from contextlib import asynccontextmanager

import httpx
from tests.memory.conftest import opened, owner
from tests.memory.embedders.provider import Provider, serving
from tests.memory.test_remember import new, recalled
from tests.memory.upkeep.test_consolidate import GARDEN, TRAIN, synthesised
from tests.memory.upkeep.test_reconcile import SPOILT, behind_its_back
from tests.memory.upkeep.test_reembed import STALE_FOR_EVER

from soma.memory.embedders.choose import ModelChoice
from soma.memory.embedders.choose import make_embedder as chosen
from soma.memory.embedders.hashing import HashingEmbedder
from soma.memory.upkeep import keeper
from soma.memory.upkeep.keeper import Routine

QUICK = Routine(every_seconds=0.02, share=1.0, consolidate=False)


@asynccontextmanager
async def kept(memory, routine=QUICK):
    task = asyncio.create_task(memory.run_upkeep(routine))
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def until(condition, seconds=10.0):
    deadline = time.monotonic() + seconds
    while not await condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


async def test_deleted_vectors_are_made_anew_at_the_start(database, embedder, alice):
    async with opened(database, embedder) as memory:
        await memory.remember(alice, [new(text, key=f"k{n}") for n, text in enumerate(GARDEN)])
    behind_its_back(database, "DELETE FROM memory_embeddings")

    async def whole() -> bool:
        return len(database.query("SELECT 1 FROM memory_embeddings")) == len(GARDEN)

    async with opened(database, embedder) as memory, kept(memory):
        await until(whole)
        await until(lambda: _is_done(memory))


async def _is_done(memory) -> bool:
    return bool((await memory.embedding_progress(owner())).is_done)


async def test_dangling_links_are_gone_after_a_start(database, embedder, alice):
    async with opened(database, embedder) as memory:
        await memory.remember(alice, [new(text, key=f"k{n}") for n, text in enumerate(GARDEN)])
    behind_its_back(database, SPOILT["link_dangling"])

    async def gone() -> bool:
        return not database.query("SELECT 1 FROM memory_links")

    async with opened(database, embedder) as memory, kept(memory):
        await until(gone)


async def test_a_flipped_byte_is_found_by_the_regular_comparison(database, embedder, alice):
    async with opened(database, embedder) as memory:
        await memory.remember(alice, [new(text, key=f"k{n}") for n, text in enumerate(GARDEN)])
        before = sorted(database.query("SELECT seal FROM memory_embeddings"))
        behind_its_back(database, SPOILT["vector_damaged"], "UPDATE memory_embeddings SET seal = seal")

        async def said() -> bool:
            return bool(database.query("SELECT 1 FROM events WHERE event_type = 'memory.reconciled'"))

        async with kept(memory, Routine(every_seconds=0.02, share=1.0, consolidate=False, verify_hours=0)):
            await until(said)
        assert sorted(database.query("SELECT seal FROM memory_embeddings")) == before
        assert not (await memory.verify("acme")).problems


async def test_another_model_is_taken_up_while_people_work(database, alice):
    old, target = HashingEmbedder(64), HashingEmbedder(128)
    async with opened(database, old) as memory:
        await memory.remember(alice, [new(text) for text in (*GARDEN, *TRAIN)])
    async with opened(database, target, former=[old]) as memory, kept(memory):
        await until(lambda: _is_done(memory))
        assert (await recalled(memory, alice, "train Bern nine platform"))[0] == TRAIN[0]
        assert (await memory.embedding_progress(owner())).model == "hashing-128/2"


async def test_a_tenant_whose_vectors_cannot_be_made_good_holds_up_no_other(database, alice):
    old, zoe = HashingEmbedder(64), owner("zoe", tenant="zebra")
    async with opened(database, old) as memory:
        await memory.remember(alice, [new("The cat sleeps.")])
        await memory.remember(zoe, [new("The zebra runs.")])
    [(theirs,)] = database.query("SELECT id FROM memories WHERE tenant_id = 'acme'")
    only_acme = (trigger.replace("BEGIN", f"WHEN NEW.memory_id = '{theirs}' BEGIN") for trigger in STALE_FOR_EVER)
    behind_its_back(database, *only_acme)
    async with opened(database, HashingEmbedder(128), former=[old]) as memory, kept(memory):

        async def zebra_is_done() -> bool:
            return (await memory.embedding_progress(zoe)).is_done

        await until(zebra_is_done)
        assert not await _is_done(memory)


async def test_a_model_that_is_away_is_said_and_asked_again(database, alice):
    old = HashingEmbedder(64)
    async with opened(database, old) as memory:
        await memory.remember(alice, [new(text) for text in GARDEN])
    provider = Provider(script=[(503, {}, {"error": "overloaded"})] * 3)
    with serving(provider), httpx.Client() as http:
        choice = ModelChoice(kind="openai", model="embed", url=provider.url, dimension=32)
        target = chosen(choice, http, patience_seconds=0.05)
        async with opened(database, target, former=[old]) as memory, kept(memory):

            async def waits() -> bool:
                return "overloaded" in memory.waiting_reason("acme")

            await until(waits)
            assert len(await recalled(memory, alice, "tomatoes")) == len(GARDEN)
            await until(lambda: _is_done(memory))

            async def content() -> bool:
                return memory.waiting_reason("acme") == ""

            await until(content)


async def test_what_is_in_use_is_consolidated_while_it_is_quiet(database, embedder, alice):
    async with opened(database, embedder) as memory:
        await memory.remember(alice, [new(text) for text in (*GARDEN, *TRAIN)])
        await memory.remember(alice, [new(f"note number {n}") for n in range(15)])
        async with kept(memory, Routine(every_seconds=0.02, share=1.0)):
            await asyncio.sleep(0.2)
            assert not await synthesised(memory, alice)
            await recalled(memory, alice, "garden")

            async def distilled() -> bool:
                return len(await synthesised(memory, alice)) >= 2

            await until(distilled)


async def test_it_takes_its_share_of_the_time_and_no_more(database, alice, monkeypatch):
    class Clock:
        """A clock that moves by work and by rest alone."""

        worked = rested = 0.0

        def monotonic(self) -> float:
            return self.worked + self.rested

        async def sleep(self, seconds: float) -> None:
            self.rested += seconds
            await asyncio.sleep(0)

    clock = Clock()
    monkeypatch.setattr(keeper, "time", clock)
    monkeypatch.setattr(keeper, "asyncio", clock)

    class Slow(HashingEmbedder):
        def read_all(self, texts):
            clock.worked += 1.0
            return super().read_all(texts)

    old = HashingEmbedder(64)
    async with opened(database, old) as memory:
        await memory.remember(alice, [new(f"note {n}") for n in range(100)])
    async with opened(database, Slow(128), former=[old]) as memory:
        async with kept(memory, Routine(every_seconds=0.0, share=0.25, consolidate=False)):
            await until(lambda: _is_done(memory))
            await until(lambda: _has_rested(clock))
        assert clock.worked > 1.0
        assert clock.rested == 3 * clock.worked


async def _has_rested(clock) -> bool:
    """Whether the rest behind the last work has been taken."""
    return bool(clock.rested >= 3 * clock.worked)
