"""Undoing a consolidation: what it made goes, links weigh what they weighed."""

from collections.abc import Sequence
from dataclasses import dataclass

from soma.events.facts.codec import draft
from soma.events.facts.memory import MemoryConsolidationUndone
from soma.events.transaction import Transaction
from soma.memory.erasing import Erasure, apply_erasure, erase, subject
from soma.memory.errors import NotTheAuthor, UnknownKey
from soma.memory.rows.consolidations import find_consolidation, mark_undone
from soma.memory.rows.links import restore_link
from soma.memory.rows.memories import find_by_ids
from soma.memory.store import Store
from soma.memory.types import Owner


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoResult:
    id: str
    removed: Sequence[str]
    restored_links: int


async def undo(store: Store, owner: Owner, consolidation_id: str, namespace: str) -> UndoResult:
    """Undo a consolidation once; a second time changes nothing. Raises UnknownKey, NotTheAuthor."""
    undone, erased = await store.writer.write(
        lambda transaction: _write(store, transaction, owner, consolidation_id, namespace)
    )
    await store.work(apply_erasure, store, erased)
    await store.work(_reload, store, owner.tenant_id, namespace)
    return undone


def _write(
    store: Store, transaction: Transaction, owner: Owner, consolidation_id: str, namespace: str
) -> tuple[UndoResult, Erasure]:
    found = find_consolidation(transaction, owner, namespace, consolidation_id)
    if found is None:
        raise UnknownKey(f"there is no consolidation {consolidation_id[:80]!r} here", field="id")
    if found.scope_owner != owner.scope_owner("user") and not owner.is_tenant_owner:
        raise NotTheAuthor("this was made of shared memories: an owner of the tenant takes it back", field="id")
    if found.undone_at is not None:
        return UndoResult(id=consolidation_id, removed=[], restored_links=0), ()
    memories = find_by_ids(transaction, owner, namespace, found.made)
    erased = erase(store, transaction, owner, memories, namespace)[1] if memories else ()
    restored = sum(
        restore_link(transaction, (one, other, relation), before=before, after=after)
        for one, other, relation, before, after in found.links
    )
    mark_undone(transaction, consolidation_id)
    removed = [memory.id for memory, _ in erased]
    fact = MemoryConsolidationUndone(consolidation_id=consolidation_id, removed=removed, restored_links=restored)
    transaction.append(draft(fact, subject(owner)))
    return UndoResult(id=consolidation_id, removed=removed, restored_links=restored), erased


def _reload(store: Store, tenant_id: str, namespace: str) -> None:
    """Drop the partitions of a namespace: in memory, links only grow stronger."""
    for address in store.partitions.known_addresses(tenant_id):
        if address[1] == namespace:
            store.partitions.drop(address)
