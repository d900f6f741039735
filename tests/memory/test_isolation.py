"""Nothing crosses between tenants, nor between users of a tenant: no text, no word count, no error."""

import pytest
from tests.memory.conftest import opened, owner
from tests.memory.test_remember import new, recalled

from soma.memory.errors import BadCursor, UnknownKey, UnknownLinkTarget
from soma.memory.types import NewLink, Query

BOB = owner("bob")
CAROL = owner("carol", agent="other")
MALLORY = owner("alice", tenant="rival")


async def test_scopes_are_seen_by_whom_they_are_for(memory, alice):
    items = [new(f"{scope} note", key=scope, scope=scope) for scope in ("user", "agent", "tenant")]
    await memory.remember(alice, items)
    for who, sees in (
        (alice, {"user note", "agent note", "tenant note"}),
        (BOB, {"agent note", "tenant note"}),
        (CAROL, {"tenant note"}),
        (MALLORY, set()),
    ):
        assert set(await recalled(memory, who, "note")) == sees
        assert {record.text for record in (await memory.list(who)).items} == sees
        assert {record.text for record in (await memory.search(who, "note")).items} == sees
        assert {item["text"] for item in await memory.export(who)} == sees
        assert (await memory.statistics(who)).memories == len(sees)


async def test_the_same_keys_of_two_tenants_and_users_are_different_memories(memory, alice):
    for who in (alice, BOB, MALLORY):
        await memory.remember(who, [new(f"I am {who.user_id} of {who.tenant_id}", key="me")])
    for who in (alice, BOB, MALLORY):
        [record] = await memory.get(who, keys=["me"])
        assert record.text == f"I am {who.user_id} of {who.tenant_id}"
    await memory.forget(BOB, keys=["me"])
    assert await recalled(memory, alice, "who am I") == ["I am alice of acme"]


async def test_others_can_neither_forget_nor_link_nor_read_what_is_private(memory, alice):
    [mine] = await memory.remember(alice, [new("private", key="p")])
    for who in (BOB, MALLORY):
        await memory.remember(who, [new("own", key="own")])
        errors = []
        for name in (mine.id, "never existed"):
            with pytest.raises(UnknownKey) as caught:
                await memory.forget(who, ids=[name])
            errors.append(str(caught.value).replace(name, "*"))
            with pytest.raises(UnknownKey):
                await memory.get(who, ids=[name])
        assert errors[0] == errors[1]
        with pytest.raises(UnknownLinkTarget):
            await memory.link(who, "own", NewLink(to_key="p", relation="r"))
    assert await memory.set_values(MALLORY.tenant_id, {mine.id: 1.0}) == []


async def test_words_of_others_do_not_move_document_frequencies(database, embedder, alice):
    mine = ["the quokka sleeps", "the heron fishes", "the otter swims"]
    query = Query(text="quokka or heron", at="2030-01-01T00:00:00Z")

    async def views(memory):
        return [(hit.text, dict(hit.views)) for hit in await memory.candidates(alice, query)]

    async with opened(database, embedder) as memory:
        await memory.remember(alice, [new(text, occurred_at="2029-01-01") for text in mine])
        before, statistics = await views(memory), await memory.statistics(alice)
        for who in (BOB, MALLORY):
            await memory.remember(who, [new(f"quokka quokka {number}") for number in range(50)])
        assert await views(memory) == before
        assert await memory.statistics(alice) == statistics


async def test_a_link_from_a_shared_memory_shows_nobody_a_private_one(memory, alice):
    await memory.remember(alice, [new("my private thought", key="thought")])
    links = [NewLink(to_key="thought", relation="about")]
    await memory.remember(alice, [new("our shared plan", key="plan", scope="tenant", links=links)])
    assert set(await recalled(memory, BOB, "plan")) == {"our shared plan"}
    assert (await memory.statistics(BOB)).links == 0
    assert [item["links"] for item in await memory.export(BOB)] == [[]]
    assert (await memory.statistics(alice)).links == 1


async def test_what_is_in_use_is_not_evicted_for_its_own_size(database, embedder, alice):
    async with opened(database, embedder, bound_bytes=1) as memory:
        await memory.remember(alice, [new("larger than the bound")])
        for _ in range(3):
            assert len(await memory.candidates(alice, Query(text="larger"))) == 1
        assert (memory._store.partitions.loads, memory._store.partitions.evictions) == (3, 0)


async def test_eviction_loses_and_crosses_nothing(database, embedder):
    async with opened(database, embedder, bound_bytes=1) as memory:
        people = [owner(f"user{number}", tenant=f"tenant{number % 3}") for number in range(6)]
        for who in people:
            await memory.remember(who, [new(f"I am {who.user_id}", key="me")])
        for who in people * 2:
            assert await recalled(memory, who, "who am I") == [f"I am {who.user_id}"]
        assert memory._store.partitions.evictions > 10
        loaded = [memory._store.partitions.loaded_addresses(f"tenant{number}") for number in range(3)]
        assert sum(map(len, loaded)) == 3  # those of who asked last


async def test_pages_hold_everything_once_and_go_on_after_what_was_forgotten(memory, alice):
    await memory.remember(alice, [new(f"note {number}", key=str(number)) for number in range(25)])
    await memory.remember(BOB, [new("note of bob", key="b")])
    for ask in (memory.list, lambda who, **paging: memory.search(who, "note", **paging)):
        page = await ask(alice, limit=10)
        seen = [record.key for record in page.items]
        assert not (page.after or "").isdecimal()
        await memory.remember(alice, [new("a note in between")])
        while page.after:
            page = await ask(alice, limit=10, after=page.after)
            seen += [record.key for record in page.items]
        assert [key for key in seen if key.isdecimal()] == [str(number) for number in reversed(range(25))]
        with pytest.raises(BadCursor):
            await ask(BOB, after=(await memory.list(alice)).items[0].id)
    page = await memory.list(alice, limit=5)
    await memory.forget(alice, ids=[record.id for record in page.items])
    assert len((await memory.list(alice, limit=50, after=page.after)).items) == 26 - 5
