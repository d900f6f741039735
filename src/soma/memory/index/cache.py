"""Partitions in memory: loaded from rows when first asked for, evicted least recently used first.

A commit is applied after it happened, under the same lock as a load. So a load either sees the commit in the rows or
is changed by it afterwards; a partition that was evicted meanwhile needs neither.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from soma.memory.index.partition import Partition
from soma.memory.types import Address

BOUND_BYTES = 2 * 1024**3
STRIPES = 64

Load = Callable[[Address], Partition]


class Partitions:
    def __init__(self, load: Load, *, bound_bytes: int = BOUND_BYTES) -> None:
        self._load = load
        self._bound = bound_bytes
        self._kept: OrderedDict[Address, Partition] = OrderedDict()
        self._sizes: dict[Address, int] = {}
        self._total = 0
        self._keeping = threading.Lock()
        self._stripes = [threading.RLock() for _ in range(STRIPES)]
        self.loads = 0
        self.evictions = 0

    @contextmanager
    def open(self, tenant_id: str, namespace: str, owners: Sequence[str]) -> Iterator[list[Partition]]:
        """Hold the partitions of `owners`: nobody else reads or changes them meanwhile."""
        addresses = [(tenant_id, namespace, owner) for owner in owners]
        with self.lock(tenant_id, namespace):
            partitions = [self._get(address) for address in addresses]
            yield partitions
            sizes = [partition.nbytes for partition in partitions]
        self._weigh(addresses, sizes)

    def lock(self, tenant_id: str, namespace: str) -> threading.RLock:
        return self._stripes[hash((tenant_id, namespace)) % STRIPES]

    def get_loaded(self, address: Address) -> Partition | None:
        """Return a partition to apply a commit to, under the lock. One that is not loaded will read the commit."""
        with self._keeping:
            return self._kept.get(address)

    def loaded_addresses(self, tenant_id: str) -> list[Address]:
        """Return the addresses of the tenant's loaded partitions."""
        with self._keeping:
            return [address for address in self._kept if address[0] == tenant_id]

    def drop(self, address: Address) -> None:
        with self._keeping:
            self._kept.pop(address, None)
            self._total -= self._sizes.pop(address, 0)

    @property
    def nbytes(self) -> int:
        return self._total

    def _get(self, address: Address) -> Partition:
        with self._keeping:
            partition = self._kept.get(address)
            if partition is not None:
                self._kept.move_to_end(address)
        if partition is None or partition.is_wasteful:
            partition = self._load(address)
            self.loads += 1
            with self._keeping:
                self._kept[address] = partition
                self._kept.move_to_end(address)
        partition.sessions.settle()
        return partition

    def _weigh(self, addresses: Sequence[Address], sizes: Sequence[int]) -> None:
        """Note the sizes of these, then evict others until the bound holds; costs nothing for partitions left alone.

        Those in use stay, also beyond the bound: to evict them would be to load them for every question.
        """
        with self._keeping:
            for address, size in zip(addresses, sizes, strict=True):
                if address in self._kept:
                    self._total += size - self._sizes.get(address, 0)
                    self._sizes[address] = size
            while self._total > self._bound:
                unused = next((address for address in self._kept if address not in addresses), None)
                if unused is None:
                    return
                del self._kept[unused]
                self._total -= self._sizes.pop(unused, 0)
                self.evictions += 1
