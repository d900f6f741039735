"""Nobody but who asks for it waits while a partition loads."""

import asyncio
import threading

from tests.memory.conftest import opened, owner
from tests.memory.test_remember import new

from soma.memory.types import Query


async def test_others_are_answered_while_a_partition_loads(database, embedder, alice, monkeypatch):
    bob = owner("bob")
    async with opened(database, embedder) as memory:
        await memory.remember(alice, [new("I drink tea.", key="tea")])
        await memory.remember(bob, [new("I drink coffee.")])
    async with opened(database, embedder) as memory:
        gate, load = threading.Event(), memory._store.partitions._load

        def slow(address):
            loaded = load(address)
            if address[2] == "user:alice":
                assert gate.wait(20)
            return loaded

        monkeypatch.setattr(memory._store.partitions, "_load", slow)
        question = Query(text="what do I drink?")
        waiting = [asyncio.create_task(memory.candidates(alice, question)) for _ in range(20)]
        searching = asyncio.create_task(memory.search(alice, "tea"))
        assert [hit.text for hit in await memory.candidates(bob, question)] == ["I drink coffee."]
        await memory.remember(alice, [new("I drink cocoa.", key="cocoa")])
        await memory.forget(alice, keys=["tea"])
        assert not any(one.done() for one in (*waiting, searching))
        gate.set()
        found = await asyncio.gather(*waiting)
        assert {tuple(hit.text for hit in candidates) for candidates in found} == {("I drink cocoa.",)}
        assert (await searching).items == []
        assert memory._store.partitions.loads == 4  # hers, his, those of their agent and tenant
