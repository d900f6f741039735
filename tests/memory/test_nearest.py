"""One suite for every store of vectors: the same hits as the slab that recall uses."""

import pytest
from tests.memory.conftest import owner
from tests.memory.test_remember import new

from soma.events.database import Database
from soma.memory.adapters.nearest import Nearest, Slabs
from soma.memory.adapters.pgvector import PgVectors, prepare
from soma.memory.errors import VectorsUnavailable
from soma.memory.memory import Memory

BOB = owner("bob")
TEXTS = [f"a note about {subject} number {number}" for number in range(8) for subject in ("tea", "rain", "trains")]


@pytest.fixture
def slabs(memory) -> Slabs:
    return Slabs(memory._store)


@pytest.fixture
def nearest(memory: Memory, database: Database, slabs: Slabs) -> Nearest:
    """The store that belongs to the database."""
    if database.dialect == "sqlite":
        return slabs
    connection = database.connect()
    prepare(connection)
    connection.close()
    return PgVectors(memory._store)


def ids(near) -> list[str]:
    return [memory_id for memory_id, _ in near]


async def test_the_hits_are_those_of_the_slab(memory, alice, embedder, nearest, slabs):
    await memory.remember(alice, [new(text) for text in TEXTS])
    await memory.remember(BOB, [new(text) for text in TEXTS])
    for question in ("when does the train leave?", "is there tea?"):
        vector = embedder.read(question).vector
        found, expected = [await store.nearest(alice, "default", vector, 10) for store in (nearest, slabs)]
        assert ids(found) == ids(expected)
        assert [cosine for _, cosine in found] == pytest.approx([cosine for _, cosine in expected], abs=1e-5)


async def test_changes_are_followed_and_what_is_forgotten_is_gone(memory, alice, embedder, nearest):
    vector = embedder.read("tea").vector
    first, second = await memory.remember(alice, [new("I drink tea.", key="a"), new("It rains.", key="b")])
    assert ids(await nearest.nearest(alice, "default", vector, 1)) == [first.id]
    await memory.remember(alice, [new("Trains are late.", key="a"), new("Green tea or black tea?", key="b")])
    assert ids(await nearest.nearest(alice, "default", vector, 1)) == [second.id]
    await memory.forget(alice, keys=["b"])
    assert ids(await nearest.nearest(alice, "default", vector, 5)) == [first.id]


async def test_only_what_the_owner_may_see_is_near(memory, alice, embedder, nearest):
    await memory.remember(
        alice, [new("private tea"), new("our tea", scope="agent"), new("tea for all", scope="tenant")]
    )
    vector = embedder.read("tea").vector
    for who, count in ((alice, 3), (BOB, 2), (owner("carol", agent="other"), 1), (owner(tenant="rival"), 0)):
        assert len(await nearest.nearest(who, "default", vector, 10)) == count


async def test_a_database_without_pgvector_is_told_apart(tmp_path, database):
    if database.dialect == "sqlite":
        connection = database.connect()
        with pytest.raises(VectorsUnavailable):
            prepare(connection)
        connection.close()
