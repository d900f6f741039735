"""Loads of partitions: nobody waits for a load but who asks for that partition, and no commit is lost beside one."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from soma.memory.index.cache import Partitions
from soma.memory.index.entries import Entry
from soma.memory.index.partition import IndexedMemory, Partition

LARGE, SMALL = ("acme", "default", "user:alice"), ("acme", "other", "user:alice")


def indexed(memory_id: str, revision: int = 1) -> IndexedMemory:
    entry = Entry(
        id=memory_id, key=memory_id, text="tea", metadata="{}", kind="episodic", occurred_at="2030-01-01",
        conversation_id=None, position=1, revision=revision, time=0.0, importance=0.5, speaker="", thread=None,
    )  # fmt: skip
    return IndexedMemory(
        entry=entry, value=0.5, traits=0, asking=0.0, words=["tea"], vector=np.ones(4, np.float32),
        word_vectors=np.zeros((0, 2), np.int8), passages=np.zeros((0, 4), np.int8),
    )  # fmt: skip


class SlowLoad:
    """Loads a partition with one memory; the large one waits at a gate once it has read its rows."""

    def __init__(self) -> None:
        self.reading, self.gate = threading.Event(), threading.Event()
        self.loaded: list[tuple[str, str, str]] = []
        self.fails = False

    def __call__(self, address):
        self.loaded.append(address)
        partition = Partition(4, 2)
        partition.put(indexed("m1"))
        if address == LARGE:
            self.reading.set()
            assert self.gate.wait(10)
            if self.fails:
                raise OSError("the database is away")
        return partition


@pytest.fixture
def load():
    return SlowLoad()


@pytest.fixture
def threads():
    with ThreadPoolExecutor(8) as threads:
        yield threads


def ids(partitions, address):
    with partitions.open(*address[:2], address[2:]) as [partition]:
        return sorted(partition.slots)


def add_and_forget_many(partition: Partition) -> None:
    for number in range(2, 400):
        partition.put(indexed(f"m{number}", number))
        partition.forget(f"m{number}", number)


def test_one_load_serves_all_who_wait_and_keeps_nobody_else_waiting(load, threads):
    partitions = Partitions(load)
    waiting = [threads.submit(ids, partitions, LARGE) for _ in range(4)]
    assert load.reading.wait(10)
    for tenant in range(100):  # whatever stripe of locks they are on
        assert ids(partitions, (f"tenant{tenant}", "default", "user:bob")) == ["m1"]
    assert ids(partitions, ("acme", "default", "user:bob")) == ["m1"]  # another user of the same namespace
    assert not any(one.done() for one in waiting)
    load.gate.set()
    assert [one.result(10) for one in waiting] == [["m1"]] * 4
    assert load.loaded.count(LARGE) == 1


def test_a_commit_beside_a_load_is_in_what_was_loaded(load, threads):
    partitions = Partitions(load)
    waiting = threads.submit(ids, partitions, LARGE)
    assert load.reading.wait(10)
    partitions.change(LARGE, lambda partition: partition.put(indexed("m2", 2)))
    partitions.change(LARGE, lambda partition: partition.forget("m1", 3))
    load.gate.set()
    assert waiting.result(10) == ["m2"]


def test_what_is_dropped_beside_its_load_is_loaded_again(load, threads):
    partitions = Partitions(load)
    waiting = threads.submit(ids, partitions, LARGE)
    assert load.reading.wait(10)
    partitions.drop(LARGE)
    load.gate.set()
    assert waiting.result(10) == ["m1"]
    assert load.loaded == [LARGE, LARGE]


def test_a_load_that_fails_is_tried_again_by_the_next(load, threads):
    partitions, load.fails = Partitions(load), True
    waiting = threads.submit(ids, partitions, LARGE)
    assert load.reading.wait(10)
    load.gate.set()
    with pytest.raises(OSError, match="away"):
        waiting.result(10)
    load.fails = False
    assert ids(partitions, LARGE) == ["m1"]


def test_a_partition_with_many_dead_slots_answers_while_it_is_loaded_anew(load, threads):
    partitions = Partitions(load, later=threads.submit)
    load.gate.set()
    ids(partitions, LARGE)
    load.gate.clear()
    load.reading.clear()
    partitions.change(LARGE, add_and_forget_many)
    assert ids(partitions, LARGE) == ["m1"]
    assert load.reading.wait(10)
    assert ids(partitions, LARGE) == ["m1"]
    partitions.change(LARGE, lambda partition: partition.put(indexed("m500", 500)))
    assert ids(partitions, LARGE) == ["m1", "m500"]
    load.gate.set()
    threads.shutdown()
    assert ids(partitions, LARGE) == ["m1", "m500"]
    assert load.loaded == [LARGE, LARGE]


def test_what_somebody_reads_is_not_evicted(load):
    partitions = Partitions(load, bound_bytes=1)
    with partitions.open(*SMALL[:2], SMALL[2:]):
        ids(partitions, ("acme", "third", "user:alice"))
        assert partitions.is_loaded(SMALL)
    ids(partitions, ("acme", "third", "user:alice"))
    assert not partitions.is_loaded(SMALL)
