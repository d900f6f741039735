"""Indexes that are kept on the disk: a start reads them, trusts none that its rows do not bear out, and forgets."""

import shutil
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from tests.memory.conftest import opened, owner
from tests.memory.test_remember import new
from tests.memory.upkeep.test_reconcile import behind_its_back

from soma.events.database import Database
from soma.memory import rendering
from soma.memory.embedders.base import Embedder
from soma.memory.index.kept import KeptPartition, KeptPartitions
from soma.memory.index.partition import Partition
from soma.memory.index.rows import Rows
from soma.memory.memory import Memory
from soma.memory.rows.memories import read_state
from soma.memory.types import NewLink, Query

SECRET = "The plumeria vault opens with seventeen quokkas."
WORDS = ("plumeria", "vault", "seventeen", "quokka")  # the last one as its stem
TEXTS = [
    f"Note {number} on {subject}." for number in range(6) for subject in ("tea", "rain", "the late train", "music")
]
QUESTIONS = ("is there tea?", "when does the train leave?", "what of the plumeria vault?", "Robin on music")
ALICE = owner("alice")
NO_OTHER = Path("the one of this home")


@pytest.fixture
def database(database, monkeypatch):
    """Only SQLite's: a database that several processes may write has no index on any disk."""
    monkeypatch.setattr("soma.memory.store.LEAST", 3)
    monkeypatch.setattr("soma.memory.store.TAIL", 5)
    return database


class Home:
    """A database, and the folder beside it that indexes are kept in."""

    def __init__(self, database: Database, embedder: Embedder, folder: Path) -> None:
        self.database = database
        self.embedder = embedder
        self.folder = folder

    def opened(self, folder: Path | None = NO_OTHER) -> AbstractAsyncContextManager[Memory]:
        return opened(self.database, self.embedder, kept_in=self.folder if folder is NO_OTHER else folder)


@pytest.fixture
def home(database, embedder, tmp_path):
    return Home(database, embedder, tmp_path / "memory-index")


@pytest.fixture
def derived(monkeypatch):
    """Ids of memories whose text was read for an index."""
    ids: list[str] = []

    def to_indexed(memory, made):
        ids.append(memory.id)
        return rendering.to_indexed(memory, made)

    monkeypatch.setattr("soma.memory.store.to_indexed", to_indexed)
    return ids


async def seen(memory, who) -> list[object]:
    found: list[object] = []
    for question in QUESTIONS:
        candidates = await memory.candidates(who, Query(text=question, at="2030-01-01"))
        found.append((list(candidates.ids), candidates.levels.tolist(), [(hit.text, hit.value) for hit in candidates]))
    found.append([record.id for record in (await memory.search(who, "tea")).items])
    found.append(await memory.statistics(who))
    return found


@pytest.fixture
async def told(home):
    """Memories of all kinds, and what is seen of them; kept by an orderly end."""
    async with home.opened() as memory:
        spoken = [
            new(
                text,
                key=str(number),
                conversation_id=f"c{number % 3}",
                metadata={"speaker": ("Robin", "Ann")[number % 2]},
            )
            for number, text in enumerate(TEXTS)
        ]
        links = [NewLink(to_key="3", relation="about")]
        await memory.remember(ALICE, [*spoken, new(SECRET, key="secret", links=links, conversation_id="c1")])
        await seen(memory, ALICE)
        await memory.remember(ALICE, [new("Tea is served at five.", key="1", conversation_id="c2")])
        await memory.forget(ALICE, keys=["2", "9"])
        [record] = await memory.get(ALICE, keys=["5"])
        await memory.set_values("acme", {record.id: 0.9})
        return await seen(memory, ALICE)


def indexes(folder: Path) -> list[Path]:
    return list(folder.glob("*/*/index"))


def files_with(folder: Path, *texts: str) -> set[str]:
    return {
        file.name
        for file in folder.rglob("*")
        if file.is_file() and any(text.encode() in file.read_bytes().lower() for text in texts)
    }


async def test_a_start_reads_what_was_kept_and_no_text(told, home, derived):
    assert len(indexes(home.folder)) == 1
    async with home.opened() as memory:
        assert await seen(memory, ALICE) == told
        assert derived == []
        assert (await memory.verify("acme")).problems == {}
    async with home.opened(None) as memory:
        assert await seen(memory, ALICE) == told


async def test_files_that_are_mapped_do_not_count_as_memory_of_the_process(told, home):
    for folder, counts in ((NO_OTHER, False), (None, True)):
        async with home.opened(folder) as memory:
            await seen(memory, ALICE)
            partition = memory._store.partitions.get_loaded(("acme", "default", "user:alice"))
            for large in (partition.vectors, partition.word_vectors):
                assert bool(large.nbytes) is counts
            assert partition.nbytes > partition.vectors.nbytes + partition.word_vectors.nbytes


async def test_sketches_are_kept_too(home, database, embedder, derived):
    def sketched():
        return opened(database, embedder, kept_in=home.folder, sketch_from=1)

    async with sketched() as memory:
        await memory.remember(ALICE, [new(f"{text} And {number}.") for number in range(6) for text in TEXTS])
        expected = await seen(memory, ALICE)
        assert not memory._store.partitions.get_loaded(("acme", "default", "user:alice")).vectors.exact
    derived.clear()
    async with sketched() as memory:
        assert await seen(memory, ALICE) == expected
        assert derived == []
        await memory.forget(ALICE, keys=[(await memory.list(ALICE)).items[0].key])
        assert (await memory.verify("acme")).problems == {}


async def test_what_came_since_is_read_from_its_rows(told, home, derived):
    async with home.opened() as memory:
        [result] = await memory.remember(ALICE, [new("Rain and tea.", conversation_id="c1")])
    async with home.opened() as memory:
        found = await seen(memory, ALICE)
        assert derived == [result.id]  # not even when it was remembered: nothing was loaded then
    async with home.opened(None) as memory:
        assert await seen(memory, ALICE) == found


async def test_many_that_came_since_are_kept_too(told, home, derived):
    async with home.opened() as memory:
        await seen(memory, ALICE)
        await memory.remember(ALICE, [new(f"Rain and tea, {number}.") for number in range(5)])
    derived.clear()
    async with home.opened() as memory:
        await seen(memory, ALICE)
        assert derived == []
        assert (await memory.verify("acme")).problems == {}


async def test_a_partition_that_has_grown_large_is_kept(home, derived):
    async with home.opened() as memory:
        await seen(memory, ALICE)
        await memory.remember(ALICE, [new(text) for text in TEXTS])
        found = await seen(memory, ALICE)
    derived.clear()
    async with home.opened() as memory:
        assert await seen(memory, ALICE) == found
        assert derived == []


@pytest.mark.parametrize("is_loaded", [True, False])
async def test_a_forgotten_text_is_in_no_file(told, home, is_loaded, tmp_path):
    assert files_with(home.folder, *WORDS) == {"index"}
    vector = home.database.query("SELECT vector FROM memory_embeddings e JOIN memories m ON m.id = memory_id "
                            "WHERE key = 'secret'")[0][0]  # fmt: skip
    [full] = home.folder.glob("*/*/vectors.full")
    assert vector in full.read_bytes()
    async with home.opened() as memory:
        if is_loaded:
            await seen(memory, ALICE)
        await memory.forget(ALICE, keys=["secret"])
        assert files_with(home.folder, *WORDS) == set()
        assert not any(vector in file.read_bytes() for file in home.folder.glob("*/*/*"))
        await seen(memory, ALICE)
    assert len(indexes(home.folder)) == 1
    home.database.close()
    assert files_with(tmp_path, SECRET.lower(), *WORDS) == set()
    assert not any(vector in file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())


@pytest.mark.parametrize("is_loaded", [True, False])
async def test_a_text_that_was_replaced_is_in_no_file(told, home, is_loaded):
    async with home.opened() as memory:
        if is_loaded:
            await seen(memory, ALICE)
        await memory.remember(ALICE, [new("Nothing is hidden here.", key="secret")])
        assert files_with(home.folder, *WORDS) == set()


async def test_what_a_kill_left_of_a_forgotten_text_goes_at_the_next_start(told, home):
    killed = home.folder.with_name("killed")
    shutil.copytree(home.folder, killed)
    async with home.opened() as memory:
        await memory.forget(ALICE, keys=["secret"])
    assert files_with(killed, *WORDS) == {"index"}
    async with home.opened(killed) as memory:
        await memory.start()
        assert list(killed.iterdir()) == []
        assert "quokkas" not in str(await seen(memory, ALICE))


def flip(file: Path, place: int) -> None:
    content = bytearray(file.read_bytes())
    content[place] ^= 1
    file.write_bytes(content)


def flip_in_the_header(index: Path) -> None:
    flip(index, 50)


def flip_at_the_end(index: Path) -> None:
    flip(index, -1)


def cut(index: Path) -> None:
    index.write_bytes(index.read_bytes()[:200])


def cut_vectors(index: Path) -> None:
    file = index.with_name("vectors.full")
    file.write_bytes(file.read_bytes()[:2_000])


def lose_word_vectors(index: Path) -> None:
    index.with_name("word_vectors.rows").unlink()


@pytest.mark.parametrize("damage", [flip_in_the_header, flip_at_the_end, cut, cut_vectors, lose_word_vectors])
async def test_a_damaged_index_is_made_anew(told, home, derived, damage):
    [index] = indexes(home.folder)
    damage(index)
    async with home.opened() as memory:
        assert await seen(memory, ALICE) == told
        assert len(derived) == len(TEXTS) - 1
    derived.clear()
    async with home.opened() as memory:
        assert await seen(memory, ALICE) == told
        assert derived == []


async def test_an_index_that_other_code_derived_is_made_anew(told, home, derived, monkeypatch):
    monkeypatch.setattr("soma.memory.index.kept.derivation", lambda: "other code")
    async with home.opened() as memory:
        assert await seen(memory, ALICE) == told
        assert len(derived) == len(TEXTS) - 1


async def test_an_index_of_another_models_vectors_is_not_opened(told, home):
    kept = KeptPartitions(home.folder, partial(read_state, home.database))
    [address] = kept.addresses("acme")
    other = Partition(home.embedder.dimension, home.embedder.late_dimension, model="another model")
    assert kept.open(address, other) is None


async def test_an_index_whose_damaged_header_names_another_tenant_is_nobodys(told, home):
    [index] = indexes(home.folder)
    index.write_bytes(index.read_bytes().replace(b"acme", b"acmf", 1))
    kept = KeptPartitions(home.folder, partial(read_state, home.database))
    assert kept.addresses("acmf") == kept.addresses("acme") == []


async def test_rows_that_changed_beside_an_index_are_read(told, home):
    behind_its_back(home.database, "DELETE FROM memory_links", "DELETE FROM memory_embeddings WHERE memory_id IN "
                    "(SELECT id FROM memories WHERE key = '1')", "DELETE FROM memories WHERE key = '1'")  # fmt: skip
    async with home.opened() as memory:
        assert "at five" not in str(await seen(memory, ALICE))
        assert (await memory.verify("acme")).problems == {}


@pytest.mark.parametrize("name", ["vectors.full", "word_vectors.rows"])
@pytest.mark.parametrize("is_loaded", [True, False])
async def test_verify_finds_what_is_wrong_in_a_kept_file(told, home, name, is_loaded):
    [file] = home.folder.glob(f"*/*/{name}")
    flip(file, 10)
    async with home.opened() as memory:
        if is_loaded:
            await seen(memory, ALICE)
        assert (await memory.verify("acme")).problems == {"index_differs": 1}
        assert (await memory.verify("acme", repair=True)).is_clean
        assert await seen(memory, ALICE) == told
        assert (await memory.verify("acme")).problems == {}


async def test_a_memory_without_its_vector_is_not_kept_so(home):
    async with home.opened() as memory:
        await memory.remember(ALICE, [new(text) for text in TEXTS])
        behind_its_back(home.database, "DELETE FROM memory_embeddings")
        await seen(memory, ALICE)
    assert indexes(home.folder) == []


async def test_only_its_user_can_read_what_is_kept(told, home):
    modes = {path.stat().st_mode & 0o777 for path in (home.folder, *home.folder.rglob("*"))}
    assert modes == {0o600, 0o700}


async def test_a_disk_without_room_costs_the_next_start_and_nothing_else(home, monkeypatch, caplog):
    def full(*_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.posix_fallocate", full)
    async with home.opened() as memory:
        await memory.remember(ALICE, [new(text) for text in TEXTS])
        found = await seen(memory, ALICE)
        assert await seen(memory, ALICE) == found
    assert "is not kept" in caplog.text


async def test_what_a_user_may_not_see_is_in_an_index_of_its_own(told, home):
    async with home.opened() as memory:
        bob = owner("bob")
        await memory.remember(bob, [new(f"Bob on {subject}.") for subject in ("tea", "rain", "trains")])
        assert "Robin" not in str(await seen(memory, bob))
    assert len(indexes(home.folder)) == 2
    async with home.opened() as memory:
        assert len(await memory.candidates(bob, Query(text="tea"))) == 3


def test_a_partition_that_was_changed_meanwhile_is_not_written(tmp_path):
    partition, kept = Partition(4, 4), KeptPartition(tmp_path, ("acme", "default", "alice"))
    kept.move(partition)
    kept.write(partition, {}, partition.state, partition.edits - 1)
    assert not kept.is_written
    assert not (tmp_path / "index").exists()
    kept.write(partition, {}, partition.state, partition.edits)
    assert kept.is_written


def test_rows_that_no_index_covers_are_not_kept(tmp_path):
    rows: Rows[np.float32] = Rows(4, np.float32)
    rows.map(tmp_path / "rows", 0)
    rows.reserve(20)
    rows.array[:] = 1
    again: Rows[np.float32] = Rows(4, np.float32)
    again.map(tmp_path / "rows", 3)
    assert again.array[:3].all()
    assert not again.array[3:].any()
