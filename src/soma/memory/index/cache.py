"""Partitions in memory: loaded from rows when first asked for, evicted least recently used first.

A load holds no lock: whoever asks for the same partition waits for it, nobody else does. Commits that come meanwhile
are noted and applied when it is there, so a load either sees a commit in the rows or is changed by it afterwards; a
partition that was evicted meanwhile needs neither.
"""

import logging
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from soma.memory.index.partition import Partition
from soma.memory.types import Address

BOUND_BYTES = 2 * 1024**3
STRIPES = 64

logger = logging.getLogger(__name__)

Load = Callable[[Address], Partition]
Change = Callable[[Partition], None]


@dataclass(eq=False, slots=True)
class _Loading:
    """A load under way, and the commits that it may not have seen."""

    changes: list[Change] = field(default_factory=list)
    done: threading.Event = field(default_factory=threading.Event)


def _at_once(work: Callable[[], None]) -> None:
    work()


class Partitions:
    """`load` loads what others will ask, `load_apart` one to compare with, from the rows alone.

    `later` runs what nobody waits for: the renewal of a partition with many dead slots.
    """

    def __init__(
        self,
        load: Load,
        load_apart: Load | None = None,
        *,
        bound_bytes: int = BOUND_BYTES,
        later: Callable[[Callable[[], None]], Any] = _at_once,
    ) -> None:
        self._load = load
        self._load_apart = load_apart or load
        self._later = later
        self._bound = bound_bytes
        self._kept: OrderedDict[Address, Partition] = OrderedDict()
        self._arriving: dict[Address, _Loading] = {}  # of each partition, the one load that others wait for
        self._following: dict[Address, list[_Loading]] = {}  # and all loads that must hear of commits
        self._users: Counter[Address] = Counter()
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
        with self._keeping:
            self._users.update(addresses)
        try:
            with self._lock_loaded(addresses) as partitions:
                yield partitions
                sizes = [partition.nbytes for partition in partitions]
                wasteful = [address for address, one in zip(addresses, partitions, strict=True) if one.is_wasteful]
            self._weigh(addresses, sizes)
        finally:
            with self._keeping:
                self._users.subtract(addresses)
                self._users += Counter()  # without those that nobody uses
        for address in wasteful:
            self._later(partial(self.renew, address))

    @contextmanager
    def _lock_loaded(self, addresses: Sequence[Address]) -> Iterator[list[Partition]]:
        while True:
            for address in addresses:
                self.ensure_loaded(address)
            with self.lock(*addresses[0][:2]):
                partitions = [partition for address in addresses if (partition := self._take(address)) is not None]
                if len(partitions) == len(addresses):  # else one was dropped meanwhile
                    yield partitions
                    return

    def lock(self, tenant_id: str, namespace: str) -> threading.RLock:
        return self._stripes[hash((tenant_id, namespace)) % STRIPES]

    def is_loaded(self, address: Address) -> bool:
        with self._keeping:
            return self._is_good(address)

    def ensure_loaded(self, address: Address) -> None:
        """Load the partition, or wait for the one who does; the caller holds no lock."""
        while True:
            with self._keeping:
                if self._is_good(address):
                    return
                other = self._arriving.get(address)
                if other is None:
                    mine = self._arriving[address] = _Loading()
            if other is None:
                self._bring(address, mine)
            else:
                other.done.wait()

    def renew(self, address: Address) -> None:
        """Load a partition anew while the former one still answers, unless somebody does already."""
        with self._keeping:
            if address in self._arriving or address not in self._kept or not self._kept[address].is_wasteful:
                return
            mine = self._arriving[address] = _Loading()
        self._bring(address, mine)

    def change(self, address: Address, change: Change) -> None:
        """Apply a commit to a partition, and to every load of it that is under way. Others will read the commit."""
        with self.lock(*address[:2]):
            with self._keeping:
                kept = self._kept.get(address)
                for loading in self._following.get(address, ()):
                    loading.changes.append(change)
            if kept is not None:
                _apply(change, kept)

    @contextmanager
    def beside(self, address: Address) -> Iterator[tuple[Partition | None, Partition]]:
        """Hold the partition (None where it is not loaded) and one made from the rows just now, both up to date."""
        with self._follow(address, _Loading()) as loading:
            fresh = self._load_apart(address)
            with self._caught_up(address, loading, fresh):
                yield self.get_loaded(address), fresh

    def get_loaded(self, address: Address) -> Partition | None:
        """Return a partition to look at, under the lock."""
        with self._keeping:
            return self._kept.get(address) if self._is_good(address) else None

    def known_addresses(self, tenant_id: str) -> list[Address]:
        """Return the addresses of the tenant's partitions that are loaded or being loaded."""
        with self._keeping:
            return [address for address in {**self._kept, **self._following} if address[0] == tenant_id]

    def loaded_addresses(self, tenant_id: str) -> list[Address]:
        """Return the addresses of the tenant's loaded partitions."""
        with self._keeping:
            return [address for address in self._kept if address[0] == tenant_id]

    def all_addresses(self) -> list[Address]:
        with self._keeping:
            return list(self._kept)

    def wait_for(self, address: Address) -> bool:
        """Wait for a load under way; return whether the partition is loaded now."""
        with self._keeping:
            arriving = self._arriving.get(address)
        if arriving is not None:
            arriving.done.wait()
        return self.is_loaded(address)

    def drop(self, address: Address) -> None:
        """Drop a partition; a load of it that is under way is not kept either."""
        self.change(address, _outdate)
        with self._keeping:
            self._forget(address)

    @property
    def nbytes(self) -> int:
        return self._total

    def _is_good(self, address: Address) -> bool:
        kept = self._kept.get(address)
        return kept is not None and not kept.is_outdated

    def _take(self, address: Address) -> Partition | None:
        with self._keeping:
            if not self._is_good(address):
                return None
            self._kept.move_to_end(address)
            partition = self._kept[address]
        partition.sessions.settle()
        return partition

    def _bring(self, address: Address, loading: _Loading) -> None:
        """Load, and keep what was loaded: the caller has promised it to those who wait."""
        try:
            with self._follow(address, loading):
                partition = self._load(address)
                with self._caught_up(address, loading, partition), self._keeping:
                    self._forget(address)
                    self._kept[address] = partition
                    self.loads += 1
        finally:
            with self._keeping:
                del self._arriving[address]
            loading.done.set()

    @contextmanager
    def _follow(self, address: Address, loading: _Loading) -> Iterator[_Loading]:
        with self._keeping:
            self._following.setdefault(address, []).append(loading)
        try:
            yield loading
        finally:
            with self._keeping:
                self._following[address].remove(loading)
                if not self._following[address]:
                    del self._following[address]

    @contextmanager
    def _caught_up(self, address: Address, loading: _Loading, partition: Partition) -> Iterator[None]:
        """Hold the lock with every commit applied that the load may not have seen."""
        with self.lock(*address[:2]):
            for change in loading.changes:
                _apply(change, partition)
            loading.changes.clear()
            yield

    def _forget(self, address: Address) -> None:
        self._kept.pop(address, None)
        self._total -= self._sizes.pop(address, 0)

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
                unused = next((address for address in self._kept if address not in self._users), None)
                if unused is None:
                    return
                self._forget(unused)
                self.evictions += 1


def _apply(change: Change, partition: Partition) -> None:
    """Apply a commit; where the disk has no room for it, the partition is loaded anew."""
    try:
        change(partition)
    except OSError as error:
        logger.warning("a partition is dropped: %s", error)
        partition.is_outdated = True


def _outdate(partition: Partition) -> None:
    partition.is_outdated = True
