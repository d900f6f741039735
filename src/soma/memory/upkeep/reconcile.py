"""Comparison of everything that is made from the payload rows with these rows, and its repair.

Problems by kind: `payload_damaged` (the row is not what was remembered: shown to nobody, and it cannot be made anew),
`vector_missing`, `vector_stale` (of a former text), `vector_damaged`, `vector_left` (of a forgotten memory),
`link_dangling`, `index_differs` (a partition in memory or kept on the disk).
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

from soma.events.facts.codec import Subject, draft
from soma.events.facts.memory import MemoryReconciled
from soma.events.transaction import Transaction
from soma.memory.rows.embeddings import (
    count_lacking,
    delete_left_behind,
    find_left_behind,
    find_tenants_with_left_behind,
    read_source,
)
from soma.memory.rows.links import (
    LinkKey,
    count_links_by_owner,
    delete_links,
    find_dangling,
    find_tenants_with_dangling,
)
from soma.memory.rows.memories import is_intact, list_tenants
from soma.memory.store import STREAM, Store
from soma.memory.types import MemoryRecord
from soma.memory.upkeep.compare import find_differing
from soma.memory.upkeep.pages import Page, pages
from soma.memory.upkeep.reembed import BATCH, make_vectors

NAMED = 20  # problems that a report names; all are counted
PATIENCE = (0.02, 0.1, 0.5)  # seconds until what differs is compared again
BEYOND_REPAIR = "payload_damaged"

Rest = Callable[[], Awaitable[None]]

OF_NOBODY = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visibility:
    """The owner names whose memories are compared, and those that a report may name; None is all."""

    compared: Collection[str] | None = None
    named: Collection[str] | None = None

    def compares(self, scope_owner: str | None) -> bool:
        return self.compared is None or scope_owner in self.compared

    def names(self, scope_owner: str | None) -> bool:
        return self.named is None or scope_owner in self.named


EVERYTHING = Visibility()


@dataclass(slots=True)
class ReconcileReport:
    """The outcome of a comparison. `named` are the first problems that may be named: kind and memory id."""

    sight: Visibility = EVERYTHING

    memories: int = 0
    links: int = 0
    partitions: int = 0
    problems: Counter[str] = field(default_factory=Counter)
    named: list[tuple[str, str]] = field(default_factory=list)
    repaired: int = 0

    @property
    def is_clean(self) -> bool:
        """True if nothing is wrong, or no longer."""
        return self.repaired == sum(self.problems.values())

    def add(self, kind: str, ids: Sequence[str], scope_owner: str | None) -> None:
        if ids:
            self.problems[kind] += len(ids)
            if self.sight.names(scope_owner):
                self.named += [(kind, memory_id) for memory_id in ids[: NAMED - len(self.named)]]


async def no_rest() -> None:
    """Do not rest: somebody waits for the report."""


async def reconcile(
    store: Store, tenant_id: str, *, repair: bool, rest: Rest = no_rest, sight: Visibility = EVERYTHING
) -> ReconcileReport:
    """Compare what is in sight of a tenant. Raises EmbedderUnavailable where vectors cannot be made anew now."""
    report = ReconcileReport(sight)
    await _check_memories(store, tenant_id, report, repair=repair, rest=rest)
    await _check_leftovers(store, tenant_id, report, repair=repair)
    for address in await store.work(store.find_indexes, tenant_id):
        if not sight.compares(address[2]):
            continue
        await store.ensure_loaded([address])  # one that is only on the disk
        await _check_partition(store, address, report, repair=repair)
        await rest()
    if repair and report.problems:
        fact = MemoryReconciled(memories=report.memories, problems=dict(report.problems), repaired=report.repaired)
        await store.writer.write(
            lambda transaction: transaction.append(draft(fact, Subject(tenant_id=tenant_id, stream=STREAM)))
        )
    return report


async def find_unwell_tenants(store: Store) -> set[str]:
    """Find tenants with problems at a quick look: counts and joins, no text and no vector is read."""
    found = await store.work(_left_and_dangling, store)
    for tenant_id in await store.work(lambda: list(list_tenants(store.database))):
        model = store.spaces.space_of(tenant_id).model
        if await store.work(count_lacking, store.database, tenant_id, model):
            found.add(tenant_id)
    return found


def _left_and_dangling(store: Store) -> set[str]:
    found = find_tenants_with_left_behind(store.database) | find_tenants_with_dangling(store.database)
    return {tenant_id or OF_NOBODY for tenant_id in found}


async def _check_memories(store: Store, tenant_id: str, report: ReconcileReport, *, repair: bool, rest: Rest) -> None:
    space = store.spaces.space_of(tenant_id)
    walk = pages(store.database, tenant_id, space.model)
    while page := await store.work(_next, walk):
        scope_owner = page[0][0].scope_owner  # a page is of one partition
        if not report.sight.compares(scope_owner):
            continue
        report.memories += len(page)
        damaged = {memory.id for memory, _ in page if not is_intact(memory)}
        report.add(BEYOND_REPAIR, [memory.id for memory, _ in page if memory.id in damaged], scope_owner)
        dimension = space.embedder.dimension
        bad = [memory for memory, made in page if made is None or len(made.vector) != dimension]
        without = [memory for memory in bad if memory.id not in damaged]  # nothing is made from what is damaged
        for kind, ids in (await store.work(_classify, store, without, space.model)).items():
            report.add(kind, ids, scope_owner)
        for start in range(0, len(without) if repair else 0, BATCH):
            report.repaired += await make_vectors(store, without[start : start + BATCH], space)
            await rest()
        await rest()


def _next(walk: Iterator[Page]) -> Page:
    return next(walk, [])


def _classify(store: Store, memories: Sequence[MemoryRecord], model: str) -> dict[str, list[str]]:
    """Group the ids of memories without a usable vector by what is wrong with the stored one."""
    kinds: dict[str, list[str]] = {}
    for memory in memories:
        source = read_source(store.database, memory.id, model)
        kind = "vector_missing" if source is None else "vector_stale" if source != memory.checksum else "vector_damaged"
        kinds.setdefault(kind, []).append(memory.id)
    return kinds


async def _check_leftovers(store: Store, tenant_id: str, report: ReconcileReport, *, repair: bool) -> None:
    """Check for vectors and links of memories that are gone."""
    sight, vectors, links = report.sight, [], []
    for scope_owner, memory_id, model in await store.work(find_left_behind, store.database, tenant_id):
        if sight.compares(scope_owner):
            report.add("vector_left", [memory_id], scope_owner)
            vectors.append((memory_id, model))
    for scope_owner, one, other, relation in await store.work(find_dangling, store.database, tenant_id):
        if sight.compares(scope_owner):
            report.add("link_dangling", [one], scope_owner)
            links.append((one, other, relation))
    report.links = await store.work(_count_links, store, tenant_id, sight)
    if repair and (vectors or links):
        await store.writer.write(partial(_remove, vectors=vectors, links=links))
        report.repaired += len(vectors) + len(links)


def _count_links(store: Store, tenant_id: str, sight: Visibility) -> int:
    """Count the links that begin in what is compared."""
    counts = count_links_by_owner(store.database, tenant_id)
    return sum(count for scope_owner, count in counts if sight.compares(scope_owner))


def _remove(transaction: Transaction, *, vectors: Sequence[tuple[str, str]], links: Sequence[LinkKey]) -> None:
    delete_left_behind(transaction, vectors)
    delete_links(transaction, links)


async def _check_partition(
    store: Store, address: tuple[str, str, str], report: ReconcileReport, *, repair: bool
) -> None:
    """Compare a loaded partition with one made anew beside it.

    A commit of a moment ago is not in memory yet: only what differs again and again is a problem.
    """
    if not await store.work(_is_loaded, store, address):
        return
    report.partitions += 1
    ids = await store.work(_find_differing, store, address)
    for pause in PATIENCE:
        if not ids:
            return
        await asyncio.sleep(pause)
        ids &= await store.work(_find_differing, store, address)
    report.add("index_differs", sorted(ids), address[2])
    if ids and repair:
        await store.work(store.drop, address)
        report.repaired += len(ids)


def _is_loaded(store: Store, address: tuple[str, str, str]) -> bool:
    with store.partitions.lock(*address[:2]):
        return store.partitions.get_loaded(address) is not None


def _find_differing(store: Store, address: tuple[str, str, str]) -> set[str]:
    """Return ids that a partition holds otherwise than its rows say; both with every commit until now."""
    with store.partitions.beside(address) as (kept, fresh):
        return set() if kept is None else set(find_differing(kept, fresh))
