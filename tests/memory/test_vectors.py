"""One suite for every place that vectors may be in: the same hits as from the slab, and nothing left behind."""

from contextlib import asynccontextmanager

import numpy as np
import pytest
from tests.memory.conftest import opened, owner
from tests.memory.test_remember import new

from soma.memory.adapters.pgvector import Directions, prepare
from soma.memory.errors import VectorsUnavailable
from soma.memory.index.signs import Signs
from soma.memory.index.sketch import FAR, SketchedVectors, find_least
from soma.memory.index.vectors import VectorSlab
from soma.memory.types import Query
from soma.memory.views import VIEWS
from soma.memory.views.arrays import best as find_best

BOB = owner("bob")
SUBJECTS = ("tea", "rain", "trains", "the garden", "a holiday", "taxes", "music")
TEXTS = [f"a note about {subject}, number {number}" for number in range(20) for subject in SUBJECTS]
QUESTIONS = ("when does the train leave?", "is there tea?", "Robin plays which music?")
STEPS_APART = 3  # of 65,535: PostgreSQL adds in another order


@asynccontextmanager
async def elsewhere(database, embedder):
    """Memories on the same rows that search another way: everywhere by sketches, on PostgreSQL by pgvector too."""
    if database.dialect == "sqlite":
        async with opened(database, embedder, sketch_from=1) as sketched:
            yield {"sketch": sketched}
        return
    connection = database.connect()
    prepare(connection)
    connection.close()
    async with (
        opened(database, embedder, sketch_from=1) as sketched,
        opened(database, embedder, pgvector_from=0) as outside,
    ):
        yield {"sketch": sketched, "pgvector": outside}


async def hits(memory, who, question, **query):
    found = await memory.candidates(who, Query(text=question, at="2030-01-01", **query))
    return {hit.id: hit.views for hit in found}


async def test_the_hits_are_those_of_the_slab(memory, alice, embedder, database):
    spoken = [new(text, conversation_id=f"c{number % 9}", metadata={"speaker": "Robin"} if number % 2 else {})
              for number, text in enumerate(TEXTS)]  # fmt: skip
    await memory.remember(alice, [*spoken, new("tea for all", scope="tenant"), new("our tea", scope="agent")])
    await memory.remember(BOB, [new(text) for text in TEXTS])
    async with elsewhere(database, embedder) as others:
        for question in QUESTIONS:
            for top_k in (20, 200):
                expected = await hits(memory, alice, question, top_k=top_k)
                for name, other in others.items():
                    found = await hits(other, alice, question, top_k=top_k)
                    assert found.keys() == expected.keys(), name
                    for memory_id, views in expected.items():
                        apart = [abs(views[view] - found[memory_id][view]) for view in VIEWS]
                        assert max(apart) <= STEPS_APART, name


async def test_changes_are_followed_and_what_is_forgotten_is_gone(alice, embedder, database):
    async with elsewhere(database, embedder) as others:
        for name, memory in others.items():
            who = owner(name)
            first, second = await memory.remember(who, [new("I drink tea.", key="a"), new("It rains.", key="b")])
            assert await best(memory, who, "tea") == first.id
            await memory.remember(who, [new("Trains are late.", key="a"), new("Green tea or black tea?", key="b")])
            assert await best(memory, who, "tea") == second.id
            await memory.forget(who, keys=["b"])
            assert list(await hits(memory, who, "tea")) == [first.id]
            assert (await memory.verify("acme")).problems == {}
    if database.dialect == "postgresql":
        assert database.query("SELECT 1 FROM memory_directions WHERE memory_id = ?", [second.id]) == []


async def best(memory, who, question):
    views = await hits(memory, who, question)
    return max(views, key=lambda memory_id: views[memory_id]["semantic"])


async def test_only_what_the_owner_may_see_is_near(alice, embedder, database):
    async with elsewhere(database, embedder) as others:
        for memory in others.values():
            await memory.remember(
                alice, [new("private tea"), new("our tea", scope="agent"), new("tea for all", scope="tenant")]
            )
            for who, count in ((alice, 3), (BOB, 2), (owner("carol", agent="other"), 1), (owner(tenant="rival"), 0)):
                assert len(await hits(memory, who, "tea")) == count


async def test_a_partition_goes_to_pgvector_when_it_is_loaded_at_that_size(alice, embedder, database):
    if database.dialect == "sqlite":
        return
    connection = database.connect()
    prepare(connection)
    connection.close()
    for count in (2, 4):
        async with opened(database, embedder, pgvector_from=4) as memory:
            await memory.remember(alice, [new(text) for text in TEXTS[:count]])
            await hits(memory, alice, "tea")
        async with opened(database, embedder, pgvector_from=4) as memory:
            await hits(memory, alice, "tea")
            partition = memory._store.partitions.get_loaded(("acme", "default", "user:alice"))
            assert partition is not None
            assert isinstance(partition.vectors, Directions) is (count == 4)


async def test_vectors_that_pgvector_lost_are_found_missing_and_written_again(alice, embedder, database):
    if database.dialect == "sqlite":
        return
    async with elsewhere(database, embedder) as others:
        memory = others["pgvector"]
        await memory.remember(alice, [new(text) for text in TEXTS])
        expected = await hits(memory, alice, "tea", top_k=10)
        connection = database.connect()
        connection.execute("DELETE FROM memory_directions")
        connection.close()
        assert set((await memory.verify("acme", repair=True)).problems) == {"index_differs"}
        assert await hits(memory, alice, "tea", top_k=10) == expected
        assert (await memory.verify("acme")).problems == {}


async def test_a_database_without_pgvector_is_told_apart(database):
    if database.dialect == "sqlite":
        connection = database.connect()
        with pytest.raises(VectorsUnavailable, match="SOMABRAIN_DATABASE_URL"):
            prepare(connection)
        connection.close()


def clustered(count: int, dimension: int) -> np.ndarray:
    """Like texts: around fifty subjects, in a few of all directions."""
    generator = np.random.default_rng(0)
    subjects = generator.normal(size=(50, dimension)) * np.linspace(1, 0.05, dimension)
    vectors = subjects[np.arange(count) % 50] + generator.normal(0, 0.3, (count, dimension))
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def test_a_sketch_finds_what_the_slab_finds_and_knows_its_cosines():
    vectors = clustered(8_000, 384)
    slab, sketched = VectorSlab(384), SketchedVectors(384, sketch_from=1_000)
    for index in (slab, sketched):
        for vector in vectors:
            index.append(vector, "")
        index.set(7, 0.0)
    shares = []
    for question in clustered(40, 384)[::2]:
        exact, scores = slab.scores(question), sketched.scores(question)
        near = np.argsort(-exact)[:200]
        shares.append(len(set(near) & set(np.argsort(-scores)[:200])) / 200)
        np.testing.assert_allclose(sketched.cosines(near, question), exact[near], atol=1e-6)
    assert np.mean(shares) > 0.98
    assert abs(sketched.scores(vectors[7])[7]) < 1e-6
    assert sketched.nbytes > slab.nbytes


def test_a_sketch_of_many_compares_few_in_full(monkeypatch):
    monkeypatch.setattr("soma.memory.index.sketch.LIKELY", 1_200)
    monkeypatch.setattr("soma.memory.index.sketch.NEAREST", 600)
    vectors = clustered(8_000, 384)
    slab, sketched = VectorSlab(384), SketchedVectors(384, sketch_from=1_000)
    for index in (slab, sketched):
        index.extend(vectors)
    found = 0
    for question in clustered(40, 384)[::2]:
        exact, scores = slab.scores(question), sketched.scores(question)
        assert np.count_nonzero(scores > FAR) == 1_200
        assert np.count_nonzero(np.abs(scores - exact) < 1e-6) >= 600
        found += len(set(np.argsort(-exact)[:100]) & set(np.argsort(-scores)[:100]))
    assert found / 2_000 > 0.95


def test_of_equal_signs_the_first_are_likely():
    numbers = np.array([3, 1, 2, 2, 2, 0], np.uint16)
    assert [find_least(numbers, count).tolist() for count in (1, 3, 4, 6, 9)] == [
        [5], [1, 2, 5], [1, 2, 3, 5], [0, 1, 2, 3, 4, 5], [0, 1, 2, 3, 4, 5],
    ]  # fmt: skip


def test_distances_count_the_signs_that_differ():
    vectors = np.random.default_rng(0).normal(size=(300, 100)).astype(np.float32)
    signs = Signs(100)
    signs.extend(vectors[:50])
    signs.extend(vectors[50:])
    signs.set(3, vectors[7])
    vectors[3] = vectors[7]
    expected = ((vectors > 0) != (vectors[9] > 0)).sum(axis=1)
    assert signs.distances(vectors[9]).tolist() == expected.tolist()


def test_the_best_of_many_are_the_best_and_of_equal_ones_the_first():
    generator = np.random.default_rng(0)
    some = generator.normal(size=5_000).astype(np.float32)
    for scores in (some, np.round(some), np.maximum(some, 2), np.zeros_like(some), np.arange(5_000, dtype=np.float32)):
        for count in (1, 7, 70, 80, 4_999, 5_000):
            assert sorted(find_best(scores, count)) == sorted(np.argsort(-scores, kind="stable")[:count])


def test_a_sketch_follows_what_is_added_and_changed():
    vectors = clustered(3_000, 256)
    sketched = SketchedVectors(256, sketch_from=1_000)
    for vector in vectors[:-1]:
        sketched.append(vector)
    sketched.scores(vectors[0])
    sketched.append(vectors[-1])
    sketched.set(5, vectors[-1])
    assert set(np.argsort(-sketched.scores(vectors[-1]))[:2].tolist()) == {5, 2_999}


def test_a_score_is_the_same_to_the_bit_however_many_others_there_are():
    vectors = clustered(60, 384)
    alone, slab = [], VectorSlab(384)
    for vector in vectors:
        slab.append(vector)
        alone.append(slab.scores(vectors[7])[-1])
    assert alone == slab.scores(vectors[7]).tolist()
