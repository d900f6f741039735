"""Upkeep says and mends the same on both databases."""

from tests.memory.conftest import opened
from tests.memory.test_remember import new, recalled

from soma.memory.documents.importing import Chunking, NewDocument
from soma.memory.embedders.hashing import HashingEmbedder
from soma.memory.upkeep.reconcile import OF_NOBODY, find_unwell_tenants
from soma.memory.upkeep.reembed import count_progress, switch_model

TALK = [f"{name} grows tomatoes in the garden {when}." for name in ("Ann", "Ben") for when in ("now", "again", "too")]


async def test_another_model_is_taken_up(database, alice):
    old, target = HashingEmbedder(64), HashingEmbedder(128)
    async with opened(database, old) as memory:
        await memory.remember(alice, [new(text) for text in TALK])
    async with opened(database, target, former=[old]) as memory:
        async for _ in switch_model(memory._store, "acme"):
            pass
        assert count_progress(memory._store, "acme").is_done
        assert (await recalled(memory, alice, "Ann tomatoes again"))[0] == TALK[1]
    assert database.query("SELECT DISTINCT model FROM memory_embeddings") == [("hashing-128/2",)]


async def test_what_was_spoilt_is_found_and_mended(database, alice):
    async with opened(database, HashingEmbedder(64)) as memory:
        await memory.remember(alice, [new(text, key=f"k{n}") for n, text in enumerate(TALK)])
        connection = database.connect()
        connection.execute("UPDATE memory_embeddings SET seal = 'x'")
        connection.execute(
            "UPDATE memory_embeddings SET source = 'x' WHERE memory_id IN (SELECT id FROM memories WHERE key = 'k0')"
        )
        connection.close()
        assert await find_unwell_tenants(memory._store) == {"acme"} != {OF_NOBODY}
        report = await memory.verify("acme", repair=True)
        assert report.problems == {"vector_damaged": 5, "vector_stale": 1}
        assert report.is_clean
        assert not (await memory.verify("acme")).problems
        assert await find_unwell_tenants(memory._store) == set()


async def test_a_consolidation_is_made_and_undone(database, alice):
    async with opened(database, HashingEmbedder(64)) as memory:
        await memory.remember(alice, [new(text, conversation_id=text) for text in TALK])
        done = await memory.consolidate(alice)
        assert done
        assert len(await memory.consolidations(alice)) == len(done)
        for one in reversed(done):
            assert (await memory.undo(alice, one.id)).removed == one.made
        assert not database.query("SELECT 1 FROM memory_links")
        assert {record.text for record in (await memory.list(alice)).items} == set(TALK)


async def test_a_document_is_imported_and_changed(database, alice):
    chunking = Chunking(budget=20, count=lambda text: len(text.split()))
    async with opened(database, HashingEmbedder(64)) as memory:
        document = NewDocument(name="a.md", text="# A\n\none two\n\n# B\n\nthree", format="markdown")
        assert (await memory.import_document(alice, document, chunking)).chunks.created == 2
        changed = NewDocument(name="a.md", text="# A\n\none two three", format="markdown")
        imported = await memory.import_document(alice, changed, chunking)
        assert (imported.chunks.updated, imported.chunks.forgotten) == (1, 1)
