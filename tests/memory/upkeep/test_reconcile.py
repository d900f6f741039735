"""Whatever is made from payloads is compared with them; what differs is found, said and made anew."""

import asyncio
import sqlite3
import threading

import numpy as np
import pytest
from tests.memory.conftest import MODEL, opened, owner
from tests.memory.test_remember import new, recalled

from soma.memory.erasing import apply_erasure
from soma.memory.errors import UnknownKey
from soma.memory.rows.memories import _first_checksum
from soma.memory.types import NewLink
from soma.memory.upkeep.compare import find_differing
from soma.memory.upkeep.reconcile import OF_NOBODY, find_unwell_tenants, reconcile
from soma.memory.upkeep.reembed import switch_model

TEXTS = ["My cat is called Miso.", "I work as a nurse in Lyon.", "The bike needs new brakes."]


@pytest.fixture
async def told(memory, alice):
    links = [NewLink(to_key="k1", relation="about", weight=0.5)]
    await memory.remember(alice, [new(text, key=f"k{n}") for n, text in enumerate(TEXTS)])
    await memory.remember(alice, [new("The clinic is near the river.", key="k3", links=links)])
    return memory


def behind_its_back(database, *statements) -> None:
    """As another program, or a bad disk, would write: without any of our checks."""
    with sqlite3.connect(database.url.removeprefix("sqlite:///")) as connection:
        connection.create_function("flipped", 1, lambda blob: bytes([blob[0] ^ 1]) + blob[1:])
        for statement in statements:
            connection.execute(statement)


async def compared(memory, *, repair=True):
    return await reconcile(memory._store, "acme", repair=repair)


async def test_a_sound_memory_has_no_problems(told, alice):
    await recalled(told, alice, "cat")
    report = await compared(told)
    assert (report.memories, report.links, report.partitions) == (4, 1, 3)
    assert (report.problems, report.is_clean) == ({}, True)


SPOILT = {
    "vector_damaged": "UPDATE memory_embeddings SET vector = flipped(vector) "
    "WHERE memory_id = (SELECT id FROM memories WHERE key = 'k0')",
    "vector_missing": "DELETE FROM memory_embeddings WHERE memory_id = (SELECT id FROM memories WHERE key = 'k0')",
    "vector_stale": "UPDATE memory_embeddings SET source = 'of another text', seal = '' "
    "WHERE memory_id = (SELECT id FROM memories WHERE key = 'k0')",
    "vector_stale, its seal good": "UPDATE memory_embeddings SET source = 'zzz' "
    "WHERE memory_id = (SELECT id FROM memories WHERE key = 'k0')",
    "vector_damaged, its length": "UPDATE memory_embeddings SET dimension = 9999 "
    "WHERE memory_id = (SELECT id FROM memories WHERE key = 'k0')",
    "vector_left": "INSERT INTO memory_embeddings (memory_id, model, dimension, vector, word_vectors, source, seal) "
    "SELECT 'gone', model, dimension, vector, word_vectors, source, seal "
    "FROM memory_embeddings LIMIT 1",
    "link_dangling": "INSERT INTO memory_links SELECT 'acme', id, 'gone', 'about', 1.0 FROM memories WHERE key = 'k0'",
}


@pytest.mark.parametrize("kind", SPOILT)
async def test_a_spoilt_projection_is_found_said_and_made_anew(told, alice, database, embedder, kind):
    before = sorted(database.query("SELECT memory_id, vector, word_vectors, seal FROM memory_embeddings"))
    behind_its_back(database, SPOILT[kind])
    kind = kind.partition(",")[0]
    async with opened(database, embedder) as restarted:
        looked = await compared(restarted, repair=False)
        assert (dict(looked.problems), looked.repaired, looked.is_clean) == ({kind: 1}, 0, False)
        assert looked.named[0][0] == kind
        repaired = await compared(restarted)
        assert (dict(repaired.problems), repaired.repaired, repaired.is_clean) == ({kind: 1}, 1, True)
        assert not (await compared(restarted)).problems
        assert (await recalled(restarted, alice, "what is my cat called?"))[0] == TEXTS[0]
    assert sorted(database.query("SELECT memory_id, vector, word_vectors, seal FROM memory_embeddings")) == before
    [(found,)] = database.query("SELECT payload FROM events WHERE event_type = 'memory.reconciled'")
    assert f'"{kind}":1' in found


@pytest.mark.parametrize("kind", ["vector_missing", "vector_stale", "vector_left", "link_dangling"])
async def test_a_quick_look_at_the_start_finds_it_without_reading_a_vector(told, database, kind):
    assert await find_unwell_tenants(told._store) == set()
    behind_its_back(database, SPOILT[kind])
    assert await find_unwell_tenants(told._store) == ({OF_NOBODY} if kind == "vector_left" else {"acme"})


async def test_a_damaged_vector_is_never_served(told, alice, database, embedder):
    behind_its_back(database, SPOILT["vector_damaged"])
    async with opened(database, embedder) as restarted:
        assert TEXTS[0] in await recalled(restarted, alice, "cat called Miso")
        with restarted._store.partitions.open("acme", "default", alice.visible()) as (private, *_):
            assert not private.vectors.rows(np.array([0])).any()


async def test_all_vectors_deleted_are_all_made_anew(told, alice, database, embedder):
    behind_its_back(database, "DELETE FROM memory_embeddings")
    async with opened(database, embedder) as restarted:
        assert (await recalled(restarted, alice, "cat called Miso"))[0] == TEXTS[0]
        assert (await compared(restarted)).repaired == 4
        assert (await recalled(restarted, alice, "what is my profession?"))[0] == TEXTS[1]


def drop_words(partition, slot):
    partition.postings.replace(slot, ())


def flip_a_number(partition, slot):
    partition.vectors.set(slot, -1.0)


def lose_a_link(partition, slot):
    partition.links.drop(partition.ids[slot])


def keep_what_is_gone(partition, slot):
    partition.slots["nobody"] = slot


@pytest.mark.parametrize("spoil", [drop_words, flip_a_number, lose_a_link, keep_what_is_gone])
async def test_an_index_in_memory_that_differs_from_its_rows_is_loaded_anew(told, alice, spoil):
    with told._store.partitions.open("acme", "default", alice.visible()) as (private, *_):
        spoil(private, 1)
    report = await compared(told)
    assert set(report.problems) == {"index_differs"}
    assert report.is_clean
    assert not (await compared(told)).problems
    assert [record.key for record in (await told.search(alice, "nurse")).items] == ["k1"]


async def test_what_was_committed_a_moment_ago_is_no_difference(told, alice, monkeypatch):
    """Between a commit and its way into memory, the rows are ahead."""
    gate, looked = threading.Event(), 0

    def late(store, erased):
        gate.wait(10)
        apply_erasure(store, erased)

    def seen(kept, fresh):
        nonlocal looked
        looked += 1
        if looked == 3:
            gate.set()
        return find_differing(kept, fresh)

    monkeypatch.setattr("soma.memory.forget.apply_erasure", late)
    monkeypatch.setattr("soma.memory.upkeep.reconcile.find_differing", seen)
    await told.search(alice, "nurse")
    forgetting = asyncio.create_task(told.forget(alice, keys=["k1"]))
    while told._store.database.query("SELECT 1 FROM memories WHERE key = 'k1'"):  # noqa: ASYNC110 - the commit comes by itself
        await asyncio.sleep(0.001)
    report = await compared(told)
    await forgetting
    assert looked >= 3
    assert not report.problems


async def test_a_changed_payload_is_said_and_left_alone(told, database, alice):
    behind_its_back(database, "UPDATE memories SET text = 'My cat is called Mallory.' WHERE key = 'k0'")
    for _ in range(2):
        report = await compared(told)
        assert report.problems["payload_damaged"] == 1
        assert not report.is_clean
    with pytest.raises(UnknownKey):
        await told.get(alice, keys=["k0"])
    assert database.query("SELECT text FROM memories WHERE key = 'k0'") == [("My cat is called Mallory.",)]


DAMAGED = {
    "metadata": "UPDATE memories SET metadata = 'not json' WHERE key = 'k0'",
    "metadata of another kind": "UPDATE memories SET metadata = '[1]' WHERE key = 'k0'",
    "bytes for a text": "UPDATE memories SET text = x'ff' WHERE key = 'k0'",
    "a moment that is none": "UPDATE memories SET occurred_at = 'soon' WHERE key = 'k0'",
}


MOVED = {
    "whose it is": "UPDATE memories SET scope_owner = 'user:mallory' WHERE key = 'k0'",
    "whose it is, of all": "UPDATE memories SET scope = 'tenant', scope_owner = 'tenant' WHERE key = 'k0'",
    "where it is": "UPDATE memories SET namespace = 'elsewhere' WHERE key = 'k0'",
}


@pytest.mark.parametrize("what", [*DAMAGED, *MOVED])
@pytest.mark.parametrize("without_vectors", [False, True])
@pytest.mark.usefixtures("told")
async def test_a_damaged_row_is_left_out_and_the_others_are_served(alice, database, what, without_vectors):
    behind_its_back(database, (DAMAGED | MOVED)[what], *["DELETE FROM memory_embeddings"] * without_vectors)
    async with opened(database, MODEL) as restarted:
        async with asyncio.timeout(10):
            async for _ in switch_model(restarted._store, "acme"):
                pass
        for _ in range(2):
            assert (await compared(restarted)).problems == {"payload_damaged": 1}
        assert len(await recalled(restarted, alice, "what is my cat called?")) == 3
        assert {item["key"] for item in await restarted.export(alice)} == {"k1", "k2", "k3"}
        first = await restarted.list(alice, limit=3)
        assert ([record.key for record in first.items], first.after) == (["k3", "k2", "k1"], None)
        assert not (await restarted.search(alice, "Miso")).items


@pytest.mark.parametrize("what", DAMAGED)
async def test_a_damaged_row_is_replaced_or_forgotten(told, alice, database, embedder, what):
    async with opened(database, embedder) as restarted:
        behind_its_back(database, DAMAGED[what])
        [written] = await restarted.remember(alice, [new(TEXTS[0], key="k0")])
        assert written.status == "updated"
        assert not (await compared(restarted)).problems
        assert (await recalled(restarted, alice, "what is my cat called?"))[0] == TEXTS[0]
        behind_its_back(database, DAMAGED[what])
        await restarted.forget(alice, keys=["k0"])
        assert not (await compared(restarted)).problems


async def test_what_was_moved_to_others_is_said_and_not_shown_to_them(told, alice, database, embedder):
    mallory, other = owner("mallory"), owner(tenant="rival")
    for who in (mallory, other):
        assert not await recalled(told, who, "cat")
    behind_its_back(
        database,
        "UPDATE memories SET scope_owner = 'user:mallory' WHERE key = 'k0'",
        "UPDATE memories SET tenant_id = 'rival' WHERE key = 'k1'",
    )
    [moved] = database.query("SELECT id FROM memories WHERE key = 'k0'")
    async with opened(database, embedder) as restarted:
        for memory in (told, restarted):
            assert (await compared(memory)).problems["payload_damaged"] == 1
            assert (await reconcile(memory._store, "rival", repair=True)).problems["payload_damaged"] == 1
            for who in (mallory, other):
                assert not await recalled(memory, who, "cat")
                assert not (await memory.list(who)).items
                assert not list(await memory.export(who))
                assert not (await memory.statistics(who)).memories
            with pytest.raises(UnknownKey):
                await memory.get(mallory, ids=moved)
            assert TEXTS[0] not in await recalled(memory, alice, "cat")


async def test_rows_with_a_checksum_of_before_are_served_and_unchanged(told, alice, database, embedder):
    of_before = {record.id: _first_checksum(record) for record in (await told.list(alice)).items}
    for memory_id, checksum in of_before.items():
        behind_its_back(database, f"UPDATE memories SET checksum = '{checksum}' WHERE id = '{memory_id}'")
    async with opened(database, embedder) as restarted:
        assert (await compared(restarted)).problems == {"vector_stale": 4}
        assert not (await compared(restarted)).problems
        assert (await recalled(restarted, alice, "what is my cat called?"))[0] == TEXTS[0]
        occurred_at = (await restarted.get(alice, keys=["k0"]))[0].occurred_at
        [again] = await restarted.remember(alice, [new(TEXTS[0], key="k0", occurred_at=occurred_at)])
        assert again.status == "unchanged"


async def test_metadata_and_importance_are_intact_as_they_were_given(told, alice):
    await told.remember(alice, [new("odd", key="odd", importance=-0.0, metadata={2: "two", 10: "ten"})])
    assert not (await compared(told)).problems


async def test_tenants_are_compared_apart(told, database):
    behind_its_back(database, SPOILT["vector_missing"])
    assert not (await reconcile(told._store, "rival", repair=True)).problems
    assert (await compared(told, repair=False)).problems == {"vector_missing": 1}
