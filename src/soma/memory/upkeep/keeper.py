"""The keeper goes from tenant to tenant, does what is due and rests in between: it takes its share and no more.

One thing at a time: vectors that are missing or of another model, comparison with the payloads, consolidation of
partitions that are in memory while their tenant is quiet.
"""

import asyncio
import logging
import time
from dataclasses import dataclass, field

from soma.events.log import Log
from soma.memory.errors import EmbedderUnavailable
from soma.memory.rows.memories import list_tenants
from soma.memory.store import STREAM, Store
from soma.memory.types import Address
from soma.memory.upkeep.consolidate import Summarise, consolidate
from soma.memory.upkeep.reconcile import OF_NOBODY, find_unwell_tenants, reconcile
from soma.memory.upkeep.reembed import count_progress, switch_model

logger = logging.getLogger(__name__)

LEAST_MEMORIES = 20  # of a partition, before it is consolidated
HOUR = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Routine:
    """The schedule of upkeep: `share` of one core, `every_seconds` between two rounds, `verify_hours` between two full
    comparisons of a tenant. Consolidation is extractive without `summarise`.
    """

    every_seconds: float = 60.0
    share: float = 0.25
    verify_hours: float = 24.0
    consolidate: bool = True
    summarise: Summarise | None = None


@dataclass(slots=True)
class _TenantState:
    """The keeper's knowledge of a tenant: the head of its log at the last visit, and what is left to do."""

    head: int = -1
    is_unfinished: bool = False
    verified_at: float = field(default_factory=time.monotonic)
    exhausted: set[Address] = field(default_factory=set)


class Keeper:
    def __init__(self, store: Store) -> None:
        self.waiting: dict[str, str] = {}  # tenants whose vectors wait for the model, and what it said
        self._store = store
        self._known: dict[str, _TenantState] = {}
        self._routine = Routine()
        self._woke = time.monotonic()
        self._is_model_away = False  # in this round: it is asked once, not once a tenant

    async def run(self, routine: Routine) -> None:
        """Work until cancelled. What fails for one tenant is logged and met again in the next round."""
        self._routine, self._woke = routine, time.monotonic()
        suspects = await find_unwell_tenants(self._store)
        while True:
            for tenant_id in await self._store.work(lambda: list(list_tenants(self._store.database))):
                try:
                    await self._tend(tenant_id, is_suspect=bool(suspects & {tenant_id, OF_NOBODY}))
                except Exception:
                    logger.exception("upkeep of tenant %s failed", tenant_id)
                await self._rest()
            suspects, self._is_model_away = set(), False
            await asyncio.sleep(routine.every_seconds)
            self._woke = time.monotonic()

    async def _tend(self, tenant_id: str, *, is_suspect: bool) -> None:
        known = self._known.setdefault(tenant_id, _TenantState())
        head = await self._store.work(self._head, tenant_id)
        is_quiet = head == known.head
        if not is_quiet or known.is_unfinished:
            known.is_unfinished = not await self._make_vectors(tenant_id)
            known.exhausted.clear()
        is_due = time.monotonic() - known.verified_at > self._routine.verify_hours * HOUR
        if is_suspect or is_due:
            await self._verify(tenant_id)
            known.verified_at = time.monotonic()
        if is_quiet and self._routine.consolidate:
            await self._consolidate(tenant_id, known)
        for address in self._store.partitions.loaded_addresses(tenant_id):
            await self._store.work_apart(self._store.keep, address)
            await self._rest()
        known.head = await self._store.work(self._head, tenant_id) if is_quiet else head

    async def _make_vectors(self, tenant_id: str) -> bool:
        """Make missing vectors; return whether every memory has its vector now."""
        if not (await self._store.work(count_progress, self._store, tenant_id)).is_done:
            if self._is_model_away:
                return False
            try:
                async for _ in switch_model(self._store, tenant_id):
                    await self._rest()
            except EmbedderUnavailable as error:
                self._is_model_away = True
                self.waiting[tenant_id] = str(error)
                logger.warning("vectors of tenant %s wait for their model: %s", tenant_id, error)
                return False
        self.waiting.pop(tenant_id, None)
        return True

    async def _verify(self, tenant_id: str) -> None:
        try:
            report = await reconcile(self._store, tenant_id, repair=True, rest=self._rest)
        except EmbedderUnavailable as error:
            self.waiting[tenant_id] = str(error)
            return
        if report.problems:
            logger.warning("tenant %s: %s, %d repaired", tenant_id, dict(report.problems), report.repaired)

    async def _consolidate(self, tenant_id: str, known: _TenantState) -> None:
        """Run a cycle for each partition that somebody uses; the others are not loaded for it."""
        for address in self._store.partitions.loaded_addresses(tenant_id):
            partition = self._store.partitions.get_loaded(address)
            if partition is None or len(partition) < LEAST_MEMORIES or address in known.exhausted:
                continue
            if not await consolidate(self._store, address, self._routine.summarise):
                known.exhausted.add(address)
            await self._rest()

    def _head(self, tenant_id: str) -> int:
        return Log(self._store.database).last_number(tenant_id, STREAM)

    async def _rest(self) -> None:
        """Sleep until the work since the last rest is no more than its share of the time."""
        worked = time.monotonic() - self._woke
        await asyncio.sleep(worked * (1 / self._routine.share - 1))
        self._woke = time.monotonic()
