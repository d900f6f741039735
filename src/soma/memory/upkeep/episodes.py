"""Which episodes are worth distilling together. Pure: one partition in, groups of its entries out."""

import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from soma.memory.index.partition import Entry, Partition

NEAR = 0.45  # cosine from which two episodes are about the same thing
SAME = 0.95  # from which they say the same
MEMBERS = 6  # of a group at most
LEAST = 3
POOL = 5  # episodes that recombination pairs
PAIR_SHARE = 0.2  # of the pairs
FAR = (0.15, 0.6)  # cosines of pairs that are neither strangers nor the same story
LINKS_COUNTED = 10


@dataclass(frozen=True, slots=True)
class Group:
    """`members`, the seed first, with the cosine of each to the seed."""

    members: Sequence[Entry]
    nearness: Sequence[float]


def by_rank(partition: Partition) -> list[int]:
    """Slots of episodes, the most telling first: important, helpful before, well linked; then the oldest."""
    ranked = []
    for memory_id, slot in partition.slots.items():
        entry = partition.at(slot)
        if entry.kind == "episodic" and partition.vectors.rows(np.array([slot])).any():
            links = min(len(partition.links.of(memory_id)), LINKS_COUNTED) / LINKS_COUNTED
            ranked.append((-(entry.importance + partition.values[slot] + links), entry.position, slot))
    return [slot for _, _, slot in sorted(ranked)]


def groups(partition: Partition, used: Collection[str], *, most: int, deadline: float) -> Iterator[Group]:
    """Up to `most` groups round the top episodes that are not `used`; ends at `deadline` (time.monotonic)."""
    order = by_rank(partition)
    free = [slot for slot in order if partition.at(slot).id not in used]
    left = set(free)
    found = 0
    for seed in free:
        if found == most or time.monotonic() > deadline:
            return
        if seed in left and (group := _group(partition, seed, left)):
            left -= {partition.slots[entry.id] for entry in group.members}
            found += 1
            yield group


def _group(partition: Partition, seed: int, left: Collection[int]) -> Group | None:
    slots = np.array(sorted(left), np.int64)
    near = partition.vectors.rows(slots) @ partition.vectors.rows(np.array([seed]))[0]
    order = np.lexsort((slots, -near))
    chosen, cosines = [seed], [1.0]
    for place in order.tolist():
        slot, cosine = int(slots[place]), float(near[place])
        if cosine < NEAR or len(chosen) == MEMBERS:
            break
        if slot != seed and cosine < SAME:
            chosen.append(slot)
            cosines.append(cosine)
    if len(chosen) < LEAST:
        return None
    return Group([partition.at(slot) for slot in chosen], cosines)


def pairs(partition: Partition, used: Collection[frozenset[str]]) -> list[tuple[Entry, Entry, float]]:
    """Some of the pairs of the top episodes of different conversations: those with the most in common."""
    pool: list[int] = []
    threads: set[str | None] = set()
    for slot in by_rank(partition):
        thread = partition.at(slot).thread
        if len(pool) < POOL and (thread is None or thread not in threads):
            pool.append(slot)
            threads.add(thread)
    vectors: NDArray[np.float32] = partition.vectors.rows(np.array(pool, np.int64))
    cosines = vectors @ vectors.T
    everything = list(combinations(range(len(pool)), 2))
    apt = [
        (float(cosines[one, other]), one, other)
        for one, other in everything
        if FAR[0] <= cosines[one, other] <= FAR[1]
        and frozenset((partition.at(pool[one]).id, partition.at(pool[other]).id)) not in used
    ]
    best = sorted(apt, key=lambda pair: (-pair[0], pair[1], pair[2]))[: round(PAIR_SHARE * len(everything))]
    return [(partition.at(pool[one]), partition.at(pool[other]), cosine) for cosine, one, other in best]
