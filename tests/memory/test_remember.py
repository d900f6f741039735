"""What is remembered: once, whole, by content."""

import asyncio

import numpy as np
import pytest
from tests.memory.conftest import MODEL, opened, owner

from soma.events.chain import verify
from soma.events.facts.codec import fact_of
from soma.events.facts.memory import MemoryRemembered
from soma.events.log import Log
from soma.memory.errors import (
    BadMetadata,
    BadName,
    BadText,
    BadTime,
    EmptyText,
    ForeignNamespace,
    MemoryRefused,
    NotANumber,
    OutOfRange,
    TextTooLong,
    TooManyItems,
    UnknownKey,
    UnknownLinkTarget,
)
from soma.memory.types import NewLink, NewMemory, Query


def new(text="My cat is called Miso.", **fields) -> NewMemory:
    return NewMemory(text=text, **fields)


async def recalled(memory, owner, text, **fields) -> list[str]:
    """Texts by the plain sum of meaning and words."""
    found = list(await memory.candidates(owner, Query(text=text, **fields)))
    return [hit.text for hit in sorted(found, key=lambda hit: -hit.views["semantic"])]


async def test_what_was_remembered_is_recalled(memory, alice):
    texts = ["My cat is called Miso.", "I work as a nurse in Lyon.", "The bike needs new brakes."]
    await memory.remember(alice, [new(text) for text in texts])
    assert (await recalled(memory, alice, "what is my cat called?"))[0] == texts[0]
    assert (await recalled(memory, alice, "what is my profession?"))[0] == texts[1]


async def test_each_of_many_texts_gets_its_own_vector(memory, alice, database):
    """More than a thread embeds before others get their turn."""
    texts = [
        f"Note {number} is about the {subject}." for number, subject in enumerate(["cat", "tax", "sea", "train"] * 12)
    ]
    await memory.remember(alice, [new(text) for text in texts])
    stored = database.query(
        "SELECT m.text, e.vector FROM memories m JOIN memory_embeddings e ON e.memory_id = m.id ORDER BY m.position"
    )
    assert [text for text, _ in stored] == texts
    for text, vector in stored:
        assert np.array_equal(np.frombuffer(vector, "<f4"), MODEL.read(text).vector)


async def test_what_was_remembered_after_an_empty_recall_is_recalled(memory, alice):
    assert await recalled(memory, alice, "what is my cat called?") == []
    await memory.remember(alice, [new()])
    assert await recalled(memory, alice, "what is my cat called?") == ["My cat is called Miso."]


async def test_the_same_again_is_unchanged_and_is_not_embedded_again(memory, alice, embedder):
    [first] = await memory.remember(alice, [new()])
    [again] = await memory.remember(alice, [new()])
    assert (first.status, again.status, again.id) == ("created", "unchanged", first.id)
    assert len(embedder.texts) == 1
    assert len((await memory.list(alice)).items) == 1


async def test_an_update_replaces_text_words_and_vector(memory, alice):
    first, _ = await memory.remember(alice, [new("I live in Paris.", key="home"), new("I like tea.")])
    assert "I live in Paris." in await recalled(memory, alice, "Paris")
    [updated] = await memory.remember(alice, [new("I moved to Lisbon.", key="home")])
    assert (updated.id, updated.status) == (first.id, "updated")
    assert (await recalled(memory, alice, "where do I live now?"))[0] == "I moved to Lisbon."
    assert "I live in Paris." not in await recalled(memory, alice, "Paris")
    assert not (await memory.search(alice, "Paris")).items


async def test_of_two_items_with_one_key_the_last_one_stays(memory, alice):
    results = await memory.remember(alice, [new("one", key="k"), new("two", key="k"), new("two", key="k")])
    assert [result.status for result in results] == ["created", "updated", "unchanged"]
    [record] = await memory.get(alice, keys=["k"])
    assert record.text == "two"


async def test_each_change_is_one_event_in_a_chain(memory, alice, database):
    await memory.remember(alice, [new("one", key="k"), new("two")])
    await memory.remember(alice, [new("three", key="k")])
    events = Log(database).read_stream("acme", "memory")
    assert verify(events).seq == 3
    facts = [fact_of(event) for event in events]
    assert [fact.status for fact in facts if isinstance(fact, MemoryRemembered)] == ["created", "created", "updated"]
    [record] = await memory.get(alice, keys=["k"])
    assert (record.position, record.revision) == (events[0].position, events[2].position)


async def test_a_restart_embeds_nothing_again_and_recalls_the_same(database, embedder, alice):
    texts = [f"note number {number} about {subject}" for number, subject in enumerate(["cats", "tea", "rain"] * 10)]
    async with opened(database, embedder) as memory:
        await memory.remember(alice, [new(text, conversation_id="c") for text in texts])
        before = await memory.candidates(alice, Query(text="cats", at="2030-01-01"))
    embedder.texts.clear()
    async with opened(database, embedder) as memory:
        after = await memory.candidates(alice, Query(text="cats", at="2030-01-01"))
    assert embedder.texts == ["cats"]
    assert {hit.id: hit.views for hit in after} == {hit.id: hit.views for hit in before}


async def test_remembering_the_same_at_once_from_many_callers_makes_one_memory(memory, alice):
    results = await asyncio.gather(*(memory.remember(alice, [new("shared", key="k")]) for _ in range(50)))
    assert len({result.id for [result] in results}) == 1
    assert sorted(result.status for [result] in results).count("created") == 1
    assert len(await recalled(memory, alice, "shared")) == 1


async def test_a_caller_that_goes_away_leaves_index_and_rows_equal(memory, alice):
    await memory.remember(alice, [new("first")])
    task = asyncio.create_task(memory.remember(alice, [new("the zebra crossed the street")]))
    await asyncio.sleep(0.001)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    for _ in range(100):
        if (await memory.list(alice)).items[0].text != "first":
            break
        await asyncio.sleep(0.01)
    assert "the zebra crossed the street" in await recalled(memory, alice, "zebra")


@pytest.mark.parametrize(
    ("item", "error", "field"),
    [
        (new("  \n"), EmptyText, "items[1].text"),
        (new("\n\u200b"), EmptyText, "items[1].text"),
        (new("\u3164 \ufeff\x07\u2800"), EmptyText, "items[1].text"),
        (new("x" * 1_000_000), TextTooLong, "items[1].text"),
        (new("a\0b"), BadText, "items[1].text"),
        (new("a\ud800"), BadText, "items[1].text"),
        (new(importance=float("nan")), NotANumber, "items[1].importance"),
        (new(importance=2), OutOfRange, "items[1].importance"),
        (new(occurred_at="yesterday"), BadTime, "items[1].occurred_at"),
        (new("\ufffe\U0001ffff\ufdd0"), EmptyText, "items[1].text"),
        (new(key=""), BadName, "items[1].key"),
        (new(key="\n"), BadName, "items[1].key"),
        (new(key=" \u200b"), BadName, "items[1].key"),
        (new(key="a\nb"), BadName, "items[1].key"),
        (new(key="a\x1bb"), BadName, "items[1].key"),
        (new(kind="dream"), BadName, "items[1].kind"),
        (new(scope="world"), BadName, "items[1].scope"),
        (new(metadata={"a": float("inf")}), NotANumber, "items[1].metadata"),
        (new(metadata={"a": object()}), BadMetadata, "items[1].metadata"),
        (new(metadata={"a": "x" * 20_000}), BadMetadata, "items[1].metadata"),
        (new(links=[NewLink(to_key="nowhere", relation="r")]), UnknownLinkTarget, "items[1].links[0].to_key"),
        (new(links=[NewLink(to_key="a", relation="r", weight=float("nan"))]), NotANumber, "items[1].links[0].weight"),
        (new(links=[NewLink(to_key="a", relation="r", weight=0)]), OutOfRange, "items[1].links[0].weight"),
        (new(links=[NewLink(to_key="a", relation="r")] * 65), TooManyItems, "items[1].links"),
    ],
)
async def test_bad_input_names_its_field_and_changes_nothing(memory, alice, database, *, item, error, field):
    with pytest.raises(error) as caught:
        await memory.remember(alice, [new("good"), item])
    assert caught.value.field == field
    assert not (await memory.list(alice)).items
    assert not Log(database).read_after(0)
    assert not await recalled(memory, alice, "good")


async def test_bad_calls_have_one_clear_error_each(memory, alice):
    await memory.remember(owner(tenant="other"), [new()], namespace="theirs")
    await memory.remember(owner("bob"), [new()], namespace="bobs")
    calls = {
        memory.remember(alice, [new()] * 1_001): TooManyItems,
        memory.remember(alice, [new()], namespace="no/such"): BadName,
        memory.candidates(alice, Query(text=" ")): EmptyText,
        memory.candidates(alice, Query(text="x", namespace="theirs")): ForeignNamespace,
        memory.candidates(alice, Query(text="x", namespace="bobs")): ForeignNamespace,
        memory.search(alice, "x", namespace="theirs"): ForeignNamespace,
        memory.export(alice, namespace="theirs"): ForeignNamespace,
        memory.forget(alice, keys=["nothing"]): UnknownKey,
        memory.link(alice, "nothing", NewLink(to_key="x", relation="r")): UnknownKey,
        memory.get(alice, ids=["nothing"]): UnknownKey,
        memory.set_values("acme", {"x": float("nan")}): NotANumber,
        memory.list(alice, after="x"): MemoryRefused,
    }
    for call, error in calls.items():
        with pytest.raises(error):
            await call
