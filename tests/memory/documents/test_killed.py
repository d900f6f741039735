"""A process that is killed while it forgets or imports documents: nothing is half there, and the same again ends it."""

import asyncio
import subprocess
import sys

import pytest
from tests.memory.conftest import opened
from tests.memory.documents.change_until_killed import ALICE, CHUNKING

from soma.events.database import Database
from soma.memory.documents.importing import NewDocument
from soma.memory.embedders.hashing import HashingEmbedder
from soma.memory.rows.documents import read_documents

FOLDER = "aaaaaaaa/bbbbbbbb"
FISH, FROGS, TEA = "The heron eats fish.", "The heron eats frogs.", "Tea is at four."


def document(name, text, collection="default", origin=""):
    return NewDocument(name=name, text=text, format="markdown", collection=collection, origin=origin)


async def shelf(memory, database):
    """What each document says: its texts, by its name."""
    documents = read_documents(database, ("acme", "default", ALICE.scope_owner("user")))
    chunks = (await memory.list(ALICE, limit=1_000)).items
    said = {one.name: sorted(m.text for m in chunks if m.conversation_id == one.thread) for one in documents}
    assert {chunk.conversation_id for chunk in chunks} <= {one.thread for one in documents}, "a chunk of no document"
    assert {chunk.metadata["document"] for chunk in chunks} <= set(said), "a chunk that bears no document's name"
    assert all(said[one.name] for one in documents if one.digest), "a whole document that holds nothing"
    return said


async def forget_again(memory, *names):
    left = [one.id for one in await memory.documents(ALICE) if one.name in names]
    assert len(left) in {0, len(names)}, "all of them or none"
    if left:
        await memory.forget_documents(ALICE, left)


async def import_again(memory, name, collection, origin, text):
    await memory.import_document(ALICE, document(name, text, collection, origin), CHUNKING)


@pytest.mark.parametrize(
    ("there", "words", "after"),
    [
        (
            [document("secret.md", FISH), document("open.md", FISH, "b"), document("tea.md", TEA)],
            ("forget", "secret.md", "tea.md"),
            {"open.md": [FISH]},
        ),
        (
            [document("a.md", FISH), document("b.md", TEA)],
            ("import", "a.md", "default", "", TEA),
            {"a.md": [TEA], "b.md": [TEA]},
        ),
        (
            [document("a.md", FISH), document("copy.md", FISH)],
            ("import", "a.md", "default", "", FROGS),
            {"a.md": [FROGS], "copy.md": [FISH]},
        ),
        (
            [
                document("here.md", FISH, "notes-bbbbbbbb", f"{FOLDER}/dddddddd"),
                document("new.md", TEA, "notes-bbbbbbbb"),
            ],
            ("import", "new.md", "notes-bbbbbbbb", f"{FOLDER}/dddddddd", FROGS),
            {"new.md": [FROGS]},
        ),
    ],
    ids=["forget", "take_up_what_another_says", "part_from_a_copy", "absorb"],
)
async def test_after_a_kill_no_document_is_half_there_and_the_same_again_ends_it(
    tmp_path, database, there, words, after
):
    async with opened(database, HashingEmbedder(64)) as memory:
        for one in there:
            await memory.import_document(ALICE, one, CHUNKING)
    folder = tmp_path / "copies"
    folder.mkdir()
    file = database.url.removeprefix("sqlite:///")
    command = [sys.executable, "-m", "tests.memory.documents.change_until_killed", file, str(folder), *words]
    await asyncio.to_thread(subprocess.run, command, check=True)
    copies = sorted(path for path in folder.iterdir() if path.name.isdigit())
    assert len(copies) > 1, "it died once at least"
    for copy in copies:
        left = Database(f"sqlite:///{copy}")
        async with opened(left, HashingEmbedder(64)) as memory:
            found = await shelf(memory, left)
            await (forget_again if words[0] == "forget" else import_again)(memory, *words[1:])
            assert await shelf(memory, left) == after, (copy.name, found)
