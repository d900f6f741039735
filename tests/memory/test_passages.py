"""Long memories are read whole: the model sees a passage at a time, and recall the nearest of them."""

import numpy as np
from tests.memory.conftest import MODEL, Counting, opened, owner
from tests.memory.test_remember import new

from soma.events.database import Database
from soma.memory.index.word_vectors import quantise
from soma.memory.memory import DEFAULT, migrate
from soma.memory.rendering import MOST_WORDS
from soma.memory.rows.embeddings import seal
from soma.memory.types import Query
from soma.memory.upkeep.reconcile import reconcile
from soma.memory.upkeep.reembed import count_progress, switch_model

FILLER = [
    f"In week {number} the committee discussed the budget of department {number} at length." for number in range(40)
]
FACT = "The lighthouse keeper feeds his parrot with dried mango."
LONG = " ".join([*FILLER, FACT])
QUESTION = "What does the bird of the man at the coast eat?"


def passages_of(text: str) -> list[str]:
    return [text[start:end] for start, end in MODEL.find_passages(text)]


def stored(database: Database) -> bytes:
    rows = database.query("SELECT vector, word_vectors, passages FROM memory_embeddings ORDER BY memory_id")
    return b"".join(bytes(column or b"") for row in rows for column in row)


def bytes_of(text: str) -> bytes:
    """The stored vector of the passage that holds FACT."""
    [passage] = [passage for passage in passages_of(text) if FACT in passage]
    return quantise(MODEL.read(passage).vector).tobytes()


def test_what_the_model_reads_at_once_has_no_passages():
    fits = " ".join(["boat"] * 254)
    assert MODEL.find_passages(fits) == []
    assert len(MODEL.find_passages(f"{fits} boat")) == 2
    assert MODEL.find_passages("한국어 " * 90) != []  # fewer characters than tokens


def test_each_passage_is_read_whole_and_together_they_are_the_text():
    for text in (LONG, "東京は日本の首都です。" * 60, "word " * 900, "ภาษาไทย " * 200):
        assert all(MODEL.find_passages(passage) == [] for passage in passages_of(text))
        assert all(passage in text for passage in passages_of(text))
    assert passages_of(LONG)[-1].endswith(FACT)


async def test_a_short_text_costs_one_reading_and_a_long_one_its_passages_each_alone(database, alice):
    embedder = Counting()
    async with opened(database, embedder) as memory:
        await memory.remember(alice, [new("A short text."), new(LONG)])
    assert sorted(embedder.texts) == sorted(["A short text.", LONG, *passages_of(LONG)])


async def test_a_long_text_is_found_by_its_last_sentence(database, alice):
    others = [f"The man at the coast number {number} eats bread." for number in range(30)]
    async with opened(database, Counting()) as memory:
        await memory.remember(alice, [new(LONG, key="long"), new(" ".join(FILLER), key="filler"), *map(new, others)])
        found = await memory.candidates(alice, Query(text="Which fruit does the parrot like?", top_k=1))
        assert "long" in {hit.key for hit in found}


async def test_words_of_the_whole_text_are_compared_and_no_memory_has_more_than_its_bound(database, alice):
    many = " ".join(f"The {word} is mentioned." for word in (chr(97 + n % 26) * 3 + str(n) for n in range(900)))
    async with opened(database, Counting()) as memory:
        await memory.remember(alice, [new(LONG, key="long"), new(many, key="many"), new(f"{many} {FACT}", key="fact")])
        with memory._store.partitions.open("acme", DEFAULT, ["user:alice"]) as [partition]:
            mango = MODEL.read("mango").late_vectors
            entries = partition.entries(range(3))
            keys = [entries[memory_id].key for memory_id in partition.ids]
            best = {key: partition.word_vectors.best(np.array([slot]), mango)[0, 0] for slot, key in enumerate(keys)}
            counts = [len(partition.word_vectors.read(slot)) for slot in range(3)]
    assert best["long"] > best["many"]
    assert counts[1:] == [MOST_WORDS, MOST_WORDS]


async def test_forgetting_and_updating_leave_no_vector_of_a_passage_behind(database, alice):
    async with opened(database, Counting()) as memory:
        await memory.remember(alice, [new(LONG, key="updated"), new(f"{LONG} Again.", key="forgotten")])
        await memory.remember(owner("bob", tenant="other"), [new(LONG, key="kept")])
        assert stored(database).count(bytes_of(LONG)) == 2
        await memory.candidates(alice, Query(text=QUESTION))
        await memory.remember(alice, [new("Nothing of it is left.", key="updated")])
        await memory.forget(alice, keys=["forgotten"])
        assert stored(database).count(bytes_of(LONG)) == 1  # the other tenant's
        assert bytes_of(f"{LONG} Again.") not in stored(database)
        with memory._store.partitions.open("acme", DEFAULT, ["user:alice"]) as [partition]:
            assert not partition.passages.read(0).size
            assert not partition.passages.slab.array.any()
        await memory.forget(owner("bob", tenant="other"), keys=["kept"])
    assert bytes_of(LONG) not in stored(database)


async def test_what_was_read_in_part_before_there_were_passages_is_read_whole_by_upkeep(database, alice):
    embedder = Counting()
    async with opened(database, embedder) as memory:
        await memory.remember(alice, [new(LONG, key="long"), new("A short text.", key="short")])
    whole = stored(database)
    as_before(database)
    embedder.texts.clear()
    async with opened(database, embedder) as memory:
        found = await memory.candidates(alice, Query(text=QUESTION))
        assert {hit.key for hit in found} == {"long", "short"}  # the vectors of before serve meanwhile
        assert (await reconcile(memory._store, "acme", repair=False)).is_clean
        assert not count_progress(memory._store, "acme").is_done
        async for _ in switch_model(memory._store, "acme"):
            pass
        assert count_progress(memory._store, "acme").is_done
        assert (await reconcile(memory._store, "acme", repair=False)).is_clean
    assert "A short text." not in embedder.texts
    assert stored(database) == whole


def as_before(database: Database) -> None:
    """Bring the table and its seals to what they were without passages, then migrate."""
    connection = database.connect()
    for memory_id, model, vector, words, source in connection.query(
        "SELECT memory_id, model, vector, word_vectors, source FROM memory_embeddings"
    ):
        stamp = seal(source, model, bytes(vector), bytes(words), None)
        connection.execute("UPDATE memory_embeddings SET seal = ? WHERE memory_id = ?", [stamp, memory_id])
    connection.execute("DROP INDEX memory_embeddings_in_part")
    connection.execute("ALTER TABLE memory_embeddings DROP COLUMN passages")
    connection.execute("DELETE FROM schema_migrations WHERE component = 'memory' AND name = '0007_passages'")
    migrate(connection)
    connection.close()


async def test_a_damaged_passage_is_noticed_and_made_anew(database, alice):
    async with opened(database, Counting()) as memory:
        await memory.remember(alice, [new(LONG, key="long")])
    whole = stored(database)
    [(passages,)] = database.query("SELECT passages FROM memory_embeddings")
    spoilt = bytes([bytes(passages)[0] ^ 1]) + bytes(passages)[1:]
    connection = database.connect()
    connection.execute("UPDATE memory_embeddings SET passages = ?", [spoilt])
    connection.close()
    async with opened(database, Counting()) as memory:
        report = await reconcile(memory._store, "acme", repair=True)
    assert (dict(report.problems), report.repaired) == ({"vector_damaged": 1}, 1)
    assert stored(database) == whole
