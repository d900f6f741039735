"""Forgotten is forgotten: a search for the text finds nothing anywhere."""

import json

import pytest
from tests.memory.conftest import opened, owner
from tests.memory.test_remember import new, recalled

from soma.events.log import Log
from soma.memory.errors import AlreadyForgotten, UnknownKey
from soma.memory.types import NewLink, Query

SECRET = "The vault code is plumeria seventeen."


async def everything_seen(memory, owner) -> str:
    """Every text that any verb shows."""
    hits = await memory.candidates(owner, Query(text="what is the vault code? plumeria"))
    seen = [
        [(hit.text, hit.key, dict(hit.metadata)) for hit in hits],
        [record.text for record in (await memory.search(owner, "plumeria")).items],
        [record.text for record in (await memory.search(owner, "plum")).items],
        [record.text for record in (await memory.list(owner)).items],
        list(await memory.export(owner)),
    ]
    return json.dumps(seen)


@pytest.fixture
async def told(memory, alice):
    links = [NewLink(to_key="secret", relation="about")]
    await memory.remember(
        alice,
        [
            new("I have something to tell you.", key="before", conversation_id="c", links=links),
            new(SECRET, key="secret", conversation_id="c", metadata={"speaker": "Alice"}),
            new("Keep it to yourself.", key="after", conversation_id="c"),
        ],
    )
    return memory


@pytest.mark.parametrize("by", ["ids", "keys"])
async def test_a_forgotten_text_is_found_by_no_verb(told, alice, database, embedder, by):
    assert "plumeria" in await everything_seen(told, alice)
    [record] = await told.get(alice, keys=["secret"])
    receipt = await told.forget(alice, **{by: [record.id if by == "ids" else record.key]})
    assert receipt.forgotten == [record.id]
    assert "plumeria" not in await everything_seen(told, alice)
    async with opened(database, embedder) as restarted:
        assert "plumeria" not in await everything_seen(restarted, alice)
        assert len(await recalled(restarted, alice, "vault")) == 2
    columns = database.query("SELECT * FROM memories WHERE id = ?", [record.id])
    assert "plumeria" not in str(columns)
    assert "secret" not in str(columns)
    assert not database.query("SELECT 1 FROM memory_embeddings WHERE memory_id = ?", [record.id])
    assert not database.query("SELECT 1 FROM memory_links")
    last = Log(database).read_after(0)[-1]
    assert (last.event_type, receipt.receipt_id in (last.payload or "")) == ("memory.forgotten", True)


async def test_forgetting_twice_says_so_and_remembering_again_makes_a_new_memory(told, alice):
    receipt = await told.forget(alice, keys=["secret"])
    for retried in ({"ids": receipt.forgotten}, {"keys": ["secret"]}, {"ids": receipt.forgotten, "keys": ["secret"]}):
        with pytest.raises(AlreadyForgotten):
            await told.forget(alice, **retried)
    [again] = await told.remember(alice, [new(SECRET, key="secret")])
    assert again.status == "created"
    assert again.id not in receipt.forgotten
    assert "plumeria" in await everything_seen(told, alice)


async def test_a_retry_tells_what_is_done_from_what_never_was_and_does_the_rest(told, alice):
    await told.forget(alice, keys=["secret"])
    with pytest.raises(UnknownKey) as caught:
        await told.forget(alice, keys=["secret", "never"])
    assert caught.value.field == "keys[1]"
    with pytest.raises(UnknownKey):
        await told.forget(owner("bob"), keys=["secret"])  # what another user has forgotten never was
    receipt = await told.forget(alice, keys=["secret", "after"])
    assert len(receipt.forgotten) == 1
    with pytest.raises(AlreadyForgotten):
        await told.forget(alice, keys=["secret", "after"])


async def test_one_unknown_key_forgets_nothing(told, alice):
    with pytest.raises(UnknownKey) as caught:
        await told.forget(alice, keys=["secret", "nothing"])
    assert caught.value.field == "keys[1]"
    assert "plumeria" in await everything_seen(told, alice)


async def test_many_forgotten_memories_are_cleared_away(memory, alice):
    await memory.remember(alice, [new(f"note {number}", key=f"k{number}") for number in range(600)])
    await recalled(memory, alice, "note 7")
    await memory.forget(alice, keys=[f"k{number}" for number in range(500)])
    assert sorted(await recalled(memory, alice, "note", top_k=200)) == sorted(f"note {n}" for n in range(500, 600))
    assert (await memory.statistics(alice)).memories == 100
