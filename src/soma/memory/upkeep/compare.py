"""Comparison of a partition in memory with one made from its rows."""

from collections.abc import Iterator

import numpy as np

from soma.memory.index.partition import Partition


def find_differing(kept: Partition, fresh: Partition) -> Iterator[str]:
    """Yield ids of memories that `kept` holds otherwise than `fresh`, which was just made from the rows."""
    for memory_id in kept.slots.keys() | fresh.slots.keys():
        if not _is_same(kept, fresh, memory_id):
            yield memory_id


def _is_same(kept: Partition, fresh: Partition, memory_id: str) -> bool:
    slot, expected = kept.slots.get(memory_id), fresh.slots.get(memory_id)
    if slot is None or expected is None or kept.at(slot) != fresh.at(expected):
        return False
    return (
        kept.vectors.is_same(slot, fresh.vectors, expected)
        and np.array_equal(kept.word_vectors.read(slot), fresh.word_vectors.read(expected))
        and np.array_equal(kept.passages.read(slot), fresh.passages.read(expected))
        and kept.postings.words_of(slot) == fresh.postings.words_of(expected)
        and kept.links.neighbours(memory_id) == fresh.links.neighbours(memory_id)
    )
