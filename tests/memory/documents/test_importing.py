"""A document is imported once, whatever its name is imported as again: only what changed changes."""

import pytest
from tests.memory.conftest import owner

from soma.memory.documents.importing import LARGEST_BYTES, Chunking, NewDocument
from soma.memory.errors import BadName, BadText, EmptyText, OutOfRange, TextTooLong
from soma.memory.types import Query

CHUNKING = Chunking(budget=30, count=lambda text: len(text.split()))
NOTES = """# Travel

## Lisbon

We stayed near the Alfama and took tram 28.

## Porto

The boat on the Douro was cheap.

# Work

The review is on Friday.
"""


def notes(text: str = NOTES, **fields) -> NewDocument:
    return NewDocument(**{"name": "notes.md", "text": text, "format": "markdown", **fields})


def counts(whole) -> tuple[int, int, int, int]:
    imported = whole.chunks
    return imported.created, imported.updated, imported.unchanged, imported.forgotten


async def test_a_chunk_is_recalled_with_its_place_in_the_document(memory, alice):
    assert counts(await memory.import_document(alice, notes(), CHUNKING)) == (3, 0, 0, 0)
    found = list(await memory.candidates(alice, Query(text="where did we stay in Lisbon?")))
    best = max(found, key=lambda hit: hit.views["semantic"])
    assert best.metadata["source"] == 'notes.md, "Travel > Lisbon", line 5'
    assert best.text == "Travel > Lisbon\nWe stayed near the Alfama and took tram 28."
    first, last = best.metadata["characters"]
    assert NOTES[first:last] == "We stayed near the Alfama and took tram 28."
    assert best.kind == "semantic"


async def test_each_chunk_has_the_day_of_its_own_section(memory, alice):
    text = (
        "# Decisions\n\nWhat we decided.\n\n## 2026-01-12\n\nThe door is blue.\n\n## 2026-09-07\n\nThe door is red.\n"
    )
    await memory.import_document(alice, notes(text, written_at="2026-11-30"), CHUNKING)
    stored = {record.text.split("\n")[-1]: record for record in (await memory.list(alice)).items}
    assert {text: (one.metadata.get("dated"), one.occurred_at[:10]) for text, one in stored.items()} == {
        "What we decided.": (None, "2026-11-30"),
        "The door is blue.": ("2026-01-12", "2026-01-12"),
        "The door is red.": ("2026-09-07", "2026-09-07"),
    }


async def test_the_same_again_writes_nothing(memory, alice, embedder, database):
    await memory.import_document(alice, notes(), CHUNKING)
    before = len(embedder.texts), database.query("SELECT COUNT(*) FROM events")
    assert counts(await memory.import_document(alice, notes(written_at="2031-01-01"), CHUNKING)) == (0, 0, 3, 0)
    assert (len(embedder.texts), database.query("SELECT COUNT(*) FROM events")) == before


async def test_a_changed_document_changes_what_changed(memory, alice, embedder):
    await memory.import_document(alice, notes(), CHUNKING)
    ids = {record.text: record.id for record in (await memory.list(alice)).items}
    read = len(embedder.texts)
    changed = NOTES.replace("cheap", "slow").replace("# Work\n\nThe review is on Friday.\n", "")
    changed = changed.replace("# Travel", "A new first line.\n\n# Travel", 1)
    assert counts(await memory.import_document(alice, notes(changed), CHUNKING)) == (1, 1, 1, 1)
    after = {record.text: record for record in (await memory.list(alice)).items}
    assert after.keys() == {
        "A new first line.",
        "Travel > Lisbon\nWe stayed near the Alfama and took tram 28.",
        "Travel > Porto\nThe boat on the Douro was slow.",
    }
    moved = after["Travel > Lisbon\nWe stayed near the Alfama and took tram 28."]
    assert (moved.metadata["lines"], moved.id) == ([7, 7], ids[moved.text])
    assert after["Travel > Porto\nThe boat on the Douro was slow."].id in ids.values()
    assert len(embedder.texts) == read + 2  # what only moved is not read again
    assert not (await memory.search(alice, "review")).items


async def test_equal_paragraphs_are_two_memories_and_a_book_is_many(memory, alice):
    text = "\n\n".join(
        ["The same words stand here again."] * 3 + [f"Chapter {n} of the book. " * 5 for n in range(120)]
    )
    document = notes(text, format="text", scope="tenant")
    imported = await memory.import_document(alice, document, Chunking(budget=25, count=CHUNKING.count))
    assert imported.chunks.created > 100
    assert counts(await memory.import_document(owner("bob"), document, Chunking(25, CHUNKING.count)))[::2] == (
        0,
        imported.chunks.created,
    )


async def test_two_owners_have_documents_of_their_own(memory, alice):
    await memory.import_document(alice, notes(), CHUNKING)
    assert (await memory.import_document(owner("bob"), notes(), CHUNKING)).chunks.created == 3
    await memory.import_document(owner("bob"), notes("# Nothing\n\nelse"), CHUNKING)
    assert len((await memory.list(alice)).items) == 3


@pytest.mark.parametrize(
    ("document", "budget", "error"),
    [
        (notes(" \n"), 30, EmptyText),
        (notes(name=""), 30, BadName),
        (notes(name="a\nb"), 30, BadName),
        (notes("a\0b"), 30, BadText),
        (notes(format="pdf"), 30, BadName),
        (notes("x" * (LARGEST_BYTES + 1)), 30, TextTooLong),
        (notes(), 3, OutOfRange),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
async def test_what_cannot_be_imported_changes_nothing(memory, alice, document, budget, error):
    with pytest.raises(error):
        await memory.import_document(alice, document, Chunking(budget, CHUNKING.count))
    assert not (await memory.list(alice)).items
