"""The port to stores of vectors, and the one that is always there: the slabs that recall itself uses."""

from typing import Protocol

import numpy as np

from soma.memory.embedders.base import Vector
from soma.memory.index.partition import Partition
from soma.memory.store import Store
from soma.memory.types import Owner

Near = tuple[str, float]  # id, cosine


class Nearest(Protocol):
    async def nearest(self, owner: Owner, namespace: str, vector: Vector, count: int) -> list[Near]:
        """The memories nearest to a vector of length 1 among those that the owner may see; exact, equal ones by id."""
        ...


class Slabs:
    def __init__(self, store: Store) -> None:
        self._store = store

    async def nearest(self, owner: Owner, namespace: str, vector: Vector, count: int) -> list[Near]:
        return await self._store.work(self._nearest, owner, namespace, vector, count)

    def _nearest(self, owner: Owner, namespace: str, vector: Vector, count: int) -> list[Near]:
        found: list[Near] = []
        with self._store.partitions.opened(owner.tenant_id, namespace, owner.visible()) as partitions:
            for partition in partitions:
                found += _best(partition, vector, count)
        return sorted(found, key=lambda near: (-near[1], near[0]))[:count]


def _best(partition: Partition, vector: Vector, count: int) -> list[Near]:
    scores = partition.vectors.scores(vector)
    ranked = np.argsort(-scores, kind="stable")[: count + len(partition.dead)].tolist()
    return [(partition.at(slot).id, float(scores[slot])) for slot in ranked if slot not in partition.dead]
