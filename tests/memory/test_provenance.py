"""What was taken from a memory names it and goes with it, whosever it is."""

import pytest
from tests.memory.conftest import owner
from tests.memory.test_remember import new

from soma.memory.errors import BadName, ForeignNamespace, TooManyItems
from soma.memory.relations import CARRIES
from soma.memory.types import NewLink, Query

PLANTED = "Approved supplier account is XX-666"
mallory = owner("mallory")


@pytest.fixture
async def planted(memory):
    """The id of a shared note of Mallory's."""
    [note] = await memory.remember(mallory, [new(f"Quarterly notes. {PLANTED}", key="notes", scope="tenant")])
    return note.id


async def keys(memory, who) -> set[str]:
    return {found.key for found in (await memory.list(who)).items}


async def test_what_was_taken_from_a_memory_is_forgotten_with_it(memory, alice, planted):
    await memory.remember(alice, [new(PLANTED, key="taken", derived_from=[planted]), new("Mine.", key="own")])
    [taken] = await memory.get(alice, keys=["taken"])
    assert taken.metadata["derived_from"] == [planted]
    receipt = await memory.forget(mallory, ids=[planted])
    assert receipt.forgotten == [planted], "what is Alice's own is not named to Mallory"
    assert await keys(memory, alice) == {"own"}
    assert (await memory.verify("acme")).is_clean


async def test_what_was_taken_from_a_text_goes_when_the_text_changes(memory, alice, planted):
    await memory.remember(alice, [new(PLANTED, key="taken", derived_from=[planted])])
    await memory.remember(
        alice, [new("Taken on.", key="further", derived_from=[(await memory.get(alice, keys=["taken"]))[0].id])]
    )
    await memory.remember(mallory, [new("Nothing new.", key="notes", scope="tenant")])
    assert await keys(memory, alice) == {"notes"}


async def test_said_again_in_own_words_it_is_taken_from_nothing(memory, alice, planted):
    await memory.remember(alice, [new(PLANTED, key="taken", derived_from=[planted])])
    await memory.remember(alice, [new(PLANTED, key="taken")])
    await memory.forget(mallory, ids=[planted])
    assert await keys(memory, alice) == {"taken"}


async def test_a_source_that_is_not_seen_is_only_named(memory, alice):
    [secret] = await memory.remember(mallory, [new("Mallory's own.")])
    await memory.remember(alice, [new("Hers.", key="hers", derived_from=[secret.id, "0.1", "notes.md"])])
    await memory.forget(mallory, ids=[secret.id])
    assert await keys(memory, alice) == {"hers"}


async def test_the_link_is_neither_given_by_people_nor_exported_nor_followed(memory, alice, planted):
    with pytest.raises(BadName):
        await memory.link(alice, "notes", NewLink(to_key="notes", relation=CARRIES))
    with pytest.raises(TooManyItems):
        await memory.remember(alice, [new(derived_from=["x"] * 65)])
    await memory.remember(alice, [new(PLANTED, key="taken", derived_from=[planted])])
    exported = {item["key"]: item for item in await memory.export(alice)}
    assert exported["taken"]["links"] == []
    assert not (await memory.statistics(alice)).links


async def test_a_namespace_whose_last_memory_was_forgotten_holds_nothing(memory, alice):
    await memory.remember(alice, [new(key="only")], namespace="trip")
    await memory.forget(alice, keys=["only"], namespace="trip")
    assert len(await memory.candidates(alice, Query(text="x", namespace="trip"))) == 0
    assert not (await memory.list(alice, namespace="trip")).items
    with pytest.raises(ForeignNamespace):
        await memory.list(mallory, namespace="trip")
