"""An import never takes what it did not bring, and never makes twice what is there."""

from dataclasses import replace

import pytest
from tests.memory.conftest import Counting, opened, owner, prepared

from soma.events.database import Database
from soma.memory.catalogue.identity import Delivery, IncomingDocument
from soma.memory.documents.importing import Chunking, NewDocument, digest_of
from soma.memory.errors import BadName, EmbedderUnavailable, NotTheAuthor, UnknownDocument
from soma.memory.jsonl import to_lines
from soma.memory.memory import migrate
from soma.memory.types import NewMemory

CHUNKING = Chunking(budget=30, count=lambda text: len(text.split()))
FOLDER = "aaaaaaaa/bbbbbbbb"


def document(text, name="README.md", **fields):
    return NewDocument(**{"name": name, "text": text, "format": "markdown", **fields})


async def shelf(memory, who):
    return [(one.collection, one.name, one.chunks) for one in await memory.documents(who)]


async def texts(memory, who):
    return sorted(memory.text for memory in (await memory.list(who, limit=1_000)).items)


async def test_two_files_of_one_name_from_two_folders_are_two_documents(memory, alice):
    """As `a/README.md` and `b/README.md`."""
    first = await memory.import_document(alice, document("The heron eats fish.", collection="a"), CHUNKING)
    second = await memory.import_document(alice, document("The lathe runs at 400.", collection="b"), CHUNKING)
    assert (first.step.action, second.step.action) == ("created", "created")
    assert await texts(memory, alice) == ["The heron eats fish.", "The lathe runs at 400."]
    assert await shelf(memory, alice) == [("a", "README.md", 1), ("b", "README.md", 1)]


async def test_a_file_is_one_document_from_whichever_folder_it_is_imported(memory, alice, embedder):
    inside = document("The heron eats fish.", "a.md", collection="faq-bbbbbbbb", origin=f"{FOLDER}/dddddddd")
    outside = document("The heron eats fish.", "faq/a.md", collection="notes-aaaaaaaa", origin=inside.origin)
    await memory.import_document(alice, inside, CHUNKING)
    read = len(embedder.texts)
    moved = await memory.import_document(alice, outside, CHUNKING)
    assert (moved.step.action, moved.step.document.name) == ("moved", "faq/a.md")
    assert (await memory.import_document(alice, inside, CHUNKING)).step.action == "unchanged"
    assert await shelf(memory, alice) == [("notes-aaaaaaaa", "faq/a.md", 1)]
    [chunk] = (await memory.list(alice)).items
    assert chunk.metadata["source"] == "faq/a.md, line 1"
    assert len(embedder.texts) == read


async def test_what_is_there_under_another_name_is_shared_until_it_differs(memory, alice):
    """As a copy, or the same repository on two machines."""
    one = document("The heron eats fish.", "LICENSE.md", collection="a")
    two = document("The heron eats fish.", "COPYING.md", collection="b")
    await memory.import_document(alice, one, CHUNKING)
    shared = await memory.import_document(alice, two, CHUNKING)
    assert (shared.step.action, shared.chunks.created, shared.chunks.unchanged) == ("shared", 0, 1)
    assert len((await memory.list(alice)).items) == 1
    edited = document("The heron eats frogs.", "COPYING.md", collection="b")
    assert (await memory.import_document(alice, edited, CHUNKING)).step.action == "replaced"
    assert await texts(memory, alice) == ["The heron eats fish.", "The heron eats frogs."]
    back = await memory.import_document(alice, two, CHUNKING)
    assert (back.step.action, back.chunks.forgotten) == ("replaced", 1)
    assert await texts(memory, alice) == ["The heron eats fish."]


async def test_a_chunk_that_was_forgotten_stays_so_while_its_file_is_as_it_was(memory, alice):
    said = document("# Heron\n\nIt eats fish.\n\n# Safe\n\nThe code is 7531.", collection="a")
    await memory.import_document(alice, said, CHUNKING)
    secret = next(one for one in (await memory.list(alice)).items if "7531" in one.text)
    await memory.forget(alice, ids=[secret.id])
    again = await memory.import_document(alice, said, CHUNKING)
    assert (again.step.action, again.chunks.created, again.chunks.unchanged) == ("unchanged", 0, 1)
    assert again.chunks.left_out == 1


async def forget_text(memory, who, text):
    await memory.forget(who, ids=[one.id for one in (await memory.list(who)).items if text in one.text])


@pytest.mark.parametrize(
    "text",
    ["The code is 7531.", "# Safe\n\nThe code is 7531.", "# Safe\n\nThe code is 7531.\n\n# Heron\n\nIt eats fish."],
)
async def test_an_import_never_brings_back_a_chunk_that_a_person_forgot(memory, alice, text):
    """Neither from the same file, be it its only chunk, nor from one that was edited, renamed or copied since."""
    said = document(text, "safe.md", collection="a")
    await memory.import_document(alice, said, CHUNKING)
    await forget_text(memory, alice, "7531")
    again = await memory.import_document(alice, said, CHUNKING)
    assert (again.step.action, again.chunks.created, again.chunks.left_out) == ("unchanged", 0, 1)
    for change in (
        {"text": f"{text}\n\n# News\n\nThe lathe runs at 400."},
        {"name": "renamed.md"},
        {"text": f"{text}\n\n# Other\n\nOf a copy.", "name": "copy.md", "collection": "b"},
    ):
        changed = await memory.import_document(alice, replace(said, **change), CHUNKING)
        assert "7531" not in "".join(await texts(memory, alice))
        assert changed.chunks.left_out == (0 if changed.step.action == "shared" else 1)
    [listed] = [one for one in await memory.documents(alice) if one.name == "safe.md"]
    await memory.forget_documents(alice, [listed.id])
    await memory.import_document(alice, said, CHUNKING)
    assert "7531" not in "".join(await texts(memory, alice))


async def test_a_forgotten_chunk_comes_back_with_what_its_author_changed_of_it(memory, alice):
    said = document("The code is 7531.", collection="a")
    await memory.import_document(alice, said, CHUNKING)
    await forget_text(memory, alice, "7531")
    await memory.import_document(alice, replace(said, text="The code is 8642."), CHUNKING)
    assert await texts(memory, alice) == ["The code is 8642."]
    await memory.import_document(alice, said, CHUNKING)
    assert await texts(memory, alice) == []


async def test_a_forgotten_chunk_comes_back_for_who_asks_for_it(memory, alice):
    said = document("# Heron\n\nIt eats fish.\n\n# Safe\n\nThe code is 7531.", collection="a")
    await memory.import_document(alice, said, CHUNKING)
    await forget_text(memory, alice, "7531")
    asked = await memory.import_document(alice, replace(said, with_forgotten=True), CHUNKING)
    assert (asked.chunks.created, asked.chunks.unchanged, asked.chunks.left_out) == (1, 1, 0)
    again = await memory.import_document(alice, said, CHUNKING)
    assert (again.chunks.unchanged, again.chunks.left_out) == (2, 0)


async def test_what_one_user_forgot_is_imported_for_another(memory, alice):
    await memory.import_document(alice, document("The heron eats fish."), CHUNKING)
    await forget_text(memory, alice, "fish")
    await memory.import_document(owner("bob"), document("The heron eats fish."), CHUNKING)
    assert await texts(memory, owner("bob")) == ["The heron eats fish."]


async def test_text_that_left_a_file_comes_back_with_it(memory, alice):
    """What an import replaced, nobody forgot; nor what went because its file was away."""
    said = document("The heron eats fish.", collection="a")
    for text in ("The lathe runs at 400.", said.text):
        await memory.import_document(alice, replace(said, text=text), CHUNKING)
    assert await texts(memory, alice) == ["The heron eats fish."]
    await memory.forget_documents(alice, [(await memory.documents(alice))[0].id])
    await memory.import_document(alice, said, CHUNKING)
    assert await texts(memory, alice) == ["The heron eats fish."]


async def test_of_equal_chunks_those_that_were_not_forgotten_stay(memory, alice):
    said = document("# A\n\nThe heron eats fish.\n\n# A\n\nThe heron eats fish.", collection="a")
    await memory.import_document(alice, said, CHUNKING)
    [one, _] = (await memory.list(alice)).items
    await memory.forget(alice, ids=[one.id])
    again = await memory.import_document(alice, said, CHUNKING)
    assert (again.chunks.unchanged, again.chunks.left_out) == (1, 1)


@pytest.mark.parametrize("budgets", [(400, 30), (30, 400), (60, 30)])
async def test_a_document_that_is_cut_in_another_way_loses_none_of_its_text(memory, alice, budgets):
    """As with another model of embeddings, or a newer version: what was one chunk is several."""
    herons = [f"Heron {number} eats fish of the lake." for number in range(12)]
    said = document("\n\n".join(["# Herons", *herons, "# Lathe", "The lathe runs at 400."]), collection="a")
    for budget in budgets:
        imported = await memory.import_document(alice, said, replace(CHUNKING, budget=budget))
        held = "\n".join(await texts(memory, alice))
        assert [heron for heron in herons if heron not in held] == []
    assert imported.step.action == "unchanged"


async def test_a_document_that_is_forgotten_leaves_what_another_shares(memory, alice):
    await memory.import_document(alice, document("The heron eats fish.", "secret.md", collection="a"), CHUNKING)
    await memory.import_document(alice, document("The heron eats fish.", "open.md", collection="b"), CHUNKING)
    first, second = await memory.documents(alice)
    gone = await memory.forget_documents(alice, [first.id])
    assert (gone.documents, gone.chunks, gone.receipt) == (1, 0, None)
    [chunk] = (await memory.list(alice)).items
    assert chunk.metadata["source"] == "open.md, line 1"
    gone = await memory.forget_documents(alice, [second.id])
    assert (gone.documents, gone.chunks) == (1, 1)
    assert gone.receipt
    assert not await memory.documents(alice)
    with pytest.raises(UnknownDocument):
        await memory.forget_documents(alice, [second.id])


async def test_a_document_whose_chunks_were_all_forgotten_is_known_until_it_is_forgotten_itself(memory, alice):
    await memory.import_document(alice, document("The heron eats fish."), CHUNKING)
    await forget_text(memory, alice, "fish")
    [one] = await memory.documents(alice)
    assert one.chunks == 0
    gone = await memory.forget_documents(alice, [one.id])
    assert (gone.documents, gone.chunks, gone.receipt) == (1, 0, None)
    assert not await memory.documents(alice)


async def test_nobody_sees_plans_or_forgets_what_is_anothers(memory, alice):
    await memory.import_document(alice, document("The heron eats fish."), CHUNKING)
    [mine] = await memory.documents(alice)
    bob = owner("bob")
    assert not await memory.documents(bob)
    with pytest.raises(UnknownDocument):
        await memory.forget_documents(bob, [mine.id])
    coming = IncomingDocument(collection="x", name="a.md", format="markdown", digest=digest_of("The heron eats fish."))
    planned = await memory.plan_documents(bob, Delivery(documents=[coming], format="markdown"))
    assert [step.action for step in planned.steps] == ["created"]
    theirs = await memory.import_document(bob, document("Mine.", continues=mine.id), CHUNKING)
    assert theirs.step.action == "created"
    assert await shelf(memory, alice) == [("default", "README.md", 1)]


async def test_two_members_bring_the_same_handbook_once(memory, alice):
    bob = owner("bob")
    for who, collection in ((alice, "a"), (bob, "b")):
        await memory.import_document(who, document("Desks are free.", collection=collection, scope="tenant"), CHUNKING)
    assert await texts(memory, bob) == ["Desks are free."]
    [first, second] = await memory.documents(bob)
    with pytest.raises(NotTheAuthor):
        await memory.forget_documents(bob, [first.id])
    for place in ("a", second.collection):  # another's place is not his to change, his own is
        coming = IncomingDocument(collection=place, name="README.md", format="markdown", digest=digest_of("Else."))
        delivery = Delivery(documents=[coming], format="markdown", collection="a", mirror=True)
        [step] = (await memory.plan_documents(bob, delivery, scope="tenant")).steps
        assert step.action == ("refused" if place == "a" else "replaced")
    with pytest.raises(NotTheAuthor):
        await memory.import_document(bob, document("Else.", collection="a", scope="tenant"), CHUNKING)
    newer = document("Desks are booked.", collection="b", scope="tenant")
    await memory.import_document(bob, newer, CHUNKING)
    assert await texts(memory, alice) == ["Desks are booked.", "Desks are free."]
    assert (await memory.forget_documents(replace(bob, is_tenant_owner=True), [first.id])).chunks == 1
    assert await texts(memory, alice) == ["Desks are booked."]


async def test_who_wrote_the_chunks_of_anothers_document_does_not_change_it(memory, alice):
    bob = owner("bob")
    for who, collection in ((bob, "b"), (alice, "a")):
        await memory.import_document(who, document("Desks are free.", collection=collection, scope="tenant"), CHUNKING)
    with pytest.raises(NotTheAuthor):
        await memory.import_document(bob, document("Else.", collection="a", scope="tenant"), CHUNKING)
    assert await texts(memory, alice) == ["Desks are free."]
    assert await shelf(memory, alice) == [("b", "README.md", 1), ("a", "README.md", 1)]


async def test_what_another_shares_stays_its_writers_when_the_sharer_leaves(memory, alice):
    bob = owner("bob")
    for who, name in ((alice, "a.md"), (bob, "b.md")):
        await memory.import_document(who, document("Desks are free.", name, scope="tenant"), CHUNKING)
    [first, second] = await memory.documents(alice)
    await memory.forget_documents(alice, [first.id])
    await memory.forget_documents(bob, [second.id])
    [left] = await memory.documents(alice)
    assert (left.name, left.user_id, left.chunks) == ("b.md", "alice", 1)
    assert (await memory.forget_documents(alice, [left.id])).chunks == 1
    assert not await texts(memory, alice)


async def test_a_plan_is_what_an_import_does(memory, alice):
    comings = [("a.md", "One."), ("b.md", "Two."), ("copy.md", "One.")]
    delivery = Delivery(
        documents=[
            IncomingDocument(collection="x", name=name, format="markdown", digest=digest_of(text))
            for name, text in comings
        ],
        format="markdown",
        collection="x",
    )
    await memory.import_document(alice, document("Old.", "a.md", collection="x"), CHUNKING)
    await memory.import_document(alice, document("Gone.", "z.md", collection="x"), CHUNKING)
    planned = (await memory.plan_documents(alice, delivery)).steps
    assert [(step.action, step.document.name) for step in planned] == [
        ("replaced", "a.md"),
        ("created", "b.md"),
        ("shared", "copy.md"),
        ("kept", "z.md"),
    ]
    assert await texts(memory, alice) == ["Gone.", "Old."]
    for name, text in comings:
        done = await memory.import_document(alice, document(text, name, collection="x"), CHUNKING)
        assert done.step.action == next(step.action for step in planned if step.document.name == name)


class Failing(Counting):
    """A model that goes away in the middle of a document."""

    left = 1000

    def read(self, text):
        self.left -= 1
        if self.left < 0:
            raise EmbedderUnavailable
        return super().read(text)


async def test_an_import_that_breaks_off_is_told_and_ended_by_the_next(database, alice):
    embedder = Failing()
    book = "\n\n".join(f"Chapter {number} tells of the heron, the stork and the crane." for number in range(120))
    async with opened(database, embedder) as memory:
        await memory.import_document(alice, document("The heron eats fish.", "a.md"), CHUNKING)
        embedder.left = 0
        with pytest.raises(EmbedderUnavailable):
            await memory.import_document(alice, document("The heron eats frogs.", "a.md"), CHUNKING)
        with pytest.raises(EmbedderUnavailable):
            await memory.import_document(alice, document("Nothing of it is there.", "b.md"), CHUNKING)
        assert await shelf(memory, alice) == [("default", "a.md", 1)]
        embedder.left = 50
        with pytest.raises(EmbedderUnavailable):
            await memory.import_document(alice, document(book, "c.md"), CHUNKING)
        begun = next(one for one in await memory.documents(alice) if one.name == "c.md")
        assert (begun.digest, 0 < begun.chunks < 120) == ("", True)
        embedder.left = 1000
        await memory.import_document(alice, document(book, "c.md"), CHUNKING)
        ended = next(one for one in await memory.documents(alice) if one.name == "c.md")
        assert (ended.id, ended.digest, len(set(await texts(memory, alice)))) == (
            begun.id,
            digest_of(book),
            ended.chunks + 1,
        )
        assert "The heron eats fish." in await texts(memory, alice)


@pytest.mark.parametrize(
    "fields", [{"collection": ""}, {"collection": "a\nb"}, {"collection": "x" * 101}, {"origin": "/home/ann"}]
)
async def test_a_place_that_is_none_is_refused(memory, alice, fields):
    with pytest.raises(BadName):
        await memory.import_document(alice, document("Text.", **fields), CHUNKING)


OLD = {
    "README.md": ["Birds\nThe heron eats fish and stands on one leg.", "Birds\nThe stork brings nothing at all."],
    "faq/a.md": ["Where is the key? Under the green mat by the door."],
    "b.md": ["Tea is at four, and nobody may be late for it."],
}
TEXTS = {
    "README.md": "# Birds\n\nThe heron eats fish and stands on one leg.\n\nThe stork brings nothing at all.",
    "faq/a.md": "Where is the key? Under the green mat by the door.",
    "b.md": "Tea is at four, and nobody may be late for it.",
}


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.integration)])
async def older(request, tmp_path, embedder, alice):
    """A database that an earlier version has filled, brought up to date: chunks in a thread by the name alone."""
    sqlite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path}/older.sqlite3" if sqlite else request.getfixturevalue("postgresql").database()
    database = prepared(Database(url))
    items = [
        NewMemory(
            text=text,
            key=f"{name}#{number}",
            conversation_id=f"document:{name}",
            metadata={"source": f"{name}, line 1", "document": name, "headings": ["Birds"] * (name == "README.md")},
        )
        for name, chunks in OLD.items()
        for number, text in enumerate(chunks)
    ]
    async with opened(database, embedder) as memory:
        await memory.remember(alice, items)
    connection = database.connect()
    connection.execute("DROP TABLE memory_documents")
    connection.execute("DELETE FROM schema_migrations WHERE name LIKE '0005%'")
    migrate(connection)
    connection.close()
    yield database
    database.reader().close()


async def test_documents_of_an_earlier_version_are_recognised_by_their_text(older, embedder, alice):
    async with opened(older, embedder) as memory:
        assert sorted(await shelf(memory, alice)) == [("", "README.md", 2), ("", "b.md", 1), ("", "faq/a.md", 1)]
        before = await texts(memory, alice)
        other = await memory.import_document(alice, document("Another tale.", collection="x"), CHUNKING)
        assert other.step.action == "created"
        imports = [
            document(TEXTS["README.md"], collection="notes"),
            document(TEXTS["faq/a.md"], "a.md", collection="faq"),
            document(TEXTS["b.md"], "tea.md", collection="notes"),
        ]
        actions = [(await memory.import_document(alice, one, CHUNKING)).step.action for one in imports]
        assert actions == ["unchanged", "moved", "moved"]
        assert await texts(memory, alice) == sorted([*before, "Another tale."])
        edited = TEXTS["README.md"].replace("nothing", "gifts")
        changed = await memory.import_document(alice, document(edited, collection="notes"), CHUNKING)
        assert (changed.step.action, changed.chunks.updated) == ("replaced", 1)


async def test_an_edited_file_of_an_earlier_version_replaces_what_it_was(older, embedder, alice):
    async with opened(older, embedder) as memory:
        edited = document(TEXTS["b.md"].replace("four", "five"), "b.md", collection="notes")
        assert (await memory.import_document(alice, edited, CHUNKING)).step.action == "replaced"
        assert not (await memory.search(alice, "four")).items


async def test_chunks_that_came_as_lines_are_documents_and_are_recognised(memory, alice):
    await memory.import_document(alice, document("The heron eats fish.", collection="a"), CHUNKING)
    await memory.import_document(alice, document("The lathe runs at 400.", collection="b"), CHUNKING)
    exported = list(to_lines(await memory.export(alice)))
    bob = owner("bob")
    await memory.import_lines(bob, exported)
    assert await shelf(memory, bob) == [("", "README.md", 1), ("", "README.md", 1)]
    again = await memory.import_document(bob, document("The lathe runs at 400.", collection="b"), CHUNKING)
    assert (again.step.action, len((await memory.list(bob)).items)) == ("unchanged", 2)
