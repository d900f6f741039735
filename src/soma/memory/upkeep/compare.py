"""Comparison of a partition in memory with one made from its rows."""

from collections.abc import Iterator

import numpy as np

from soma.memory.index.partition import COLUMNS, Partition
from soma.memory.index.postings import Postings
from soma.memory.index.vectors import Flags, Indexes


def find_differing(kept: Partition, fresh: Partition) -> Iterator[str]:
    """Yield ids of memories that `kept` holds otherwise than `fresh`, which was just made from the rows."""
    yield from kept.slots.keys() ^ fresh.slots.keys()
    ids = [memory_id for memory_id in kept.slots if memory_id in fresh.slots]
    slots = np.array([kept.slots[memory_id] for memory_id in ids], np.int64)
    expected = np.array([fresh.slots[memory_id] for memory_id in ids], np.int64)
    differ = kept.vectors.differ(slots, fresh.vectors, expected)
    differ |= _differ_in_numbers(kept, slots, fresh, expected)
    differ |= _differ_in_words(kept.postings, slots, fresh.postings, expected)
    for number, (memory_id, slot, other) in enumerate(zip(ids, slots.tolist(), expected.tolist(), strict=True)):
        if differ[number] or not _is_same(kept, slot, fresh, other, memory_id):
            yield memory_id


def _differ_in_numbers(kept: Partition, slots: Indexes, fresh: Partition, expected: Indexes) -> Flags:
    differ = np.zeros(len(slots), bool)
    for name in COLUMNS:
        differ |= np.array(kept.columns[name])[slots] != np.array(fresh.columns[name])[expected]
    return differ


def _differ_in_words(kept: Postings, slots: Indexes, fresh: Postings, expected: Indexes) -> Flags:
    """Return which of `slots` hold other words, or one of them another number of times; word by word."""
    places = np.full(max(slots.max(initial=-1) + 1, len(kept.lengths)), -1, np.int64)
    places[slots] = np.arange(len(slots))
    others = np.full(max(expected.max(initial=-1) + 1, len(fresh.lengths)), -1, np.int64)
    others[expected] = np.arange(len(slots))
    differ = np.zeros(len(slots) + 1, bool)  # the last one stands for memories that only one side has
    for word in {*kept.words(), *fresh.words()}:
        here, there = (_keys(side, word, of) for side, of in ((kept, places), (fresh, others)))
        if not np.array_equal(here, there):
            differ[np.setxor1d(here, there) >> 16] = True
    return differ[:-1]


def _keys(side: Postings, word: str, places: Indexes) -> Indexes:
    """Return the places of the memories that hold a word, each with how often it does, ascending."""
    slots, counts = side.find(word)
    return np.sort(places[slots] << 16 | counts)


def _is_same(kept: Partition, slot: int, fresh: Partition, expected: int, memory_id: str) -> bool:
    return (
        kept.speaker(slot) == fresh.speaker(expected)
        and np.array_equal(kept.word_vectors.read(slot), fresh.word_vectors.read(expected))
        and np.array_equal(kept.passages.read(slot), fresh.passages.read(expected))
        and kept.links.neighbours(memory_id) == fresh.links.neighbours(memory_id)
    )
