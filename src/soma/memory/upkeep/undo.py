"""Taking a consolidation back: what it made goes, links weigh what they weighed."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from soma.events.database import Reader
from soma.events.facts.codec import draft
from soma.events.facts.memory import MemoryConsolidationUndone
from soma.events.ids import now
from soma.events.transaction import Transaction
from soma.memory import rows
from soma.memory.erasing import Erased, apply, erase, subject
from soma.memory.errors import NotTheAuthor, UnknownKey
from soma.memory.store import Store
from soma.memory.types import Owner

PAGE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """A consolidation as it is listed; `undone_at` once it was taken back."""

    id: str
    phase: str
    method: str
    made: Sequence[str]
    sources: Sequence[str]
    created_at: str
    undone_at: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Undone:
    id: str
    removed: Sequence[str]
    restored_links: int


def past(reader: Reader, owner: Owner, namespace: str) -> list[Past]:
    """The newest ones that the owner may see."""
    found = reader.query(
        "SELECT id, phase, method, made, sources, created_at, undone_at FROM memory_consolidations "
        "WHERE tenant_id = ? AND namespace = ? AND scope_owner IN (?, ?, ?) ORDER BY created_at DESC LIMIT ?",
        [owner.tenant_id, namespace, *owner.visible(), PAGE],
    )
    return [
        Past(
            id=consolidation_id,
            phase=phase,
            method=method,
            made=json.loads(made),
            sources=json.loads(sources),
            created_at=created_at,
            undone_at=undone_at,
        )
        for consolidation_id, phase, method, made, sources, created_at, undone_at in found
    ]


async def undo(store: Store, owner: Owner, consolidation_id: str, namespace: str) -> Undone:
    """Once: again changes nothing. Raises UnknownKey, NotTheAuthor."""
    undone, erased = await store.writer.write(lambda tx: _write(store, tx, owner, consolidation_id, namespace))
    await store.work(apply, store, erased)
    await store.work(_reload, store, owner.tenant_id, namespace)
    return undone


def _write(store: Store, tx: Transaction, owner: Owner, consolidation_id: str, namespace: str) -> tuple[Undone, Erased]:
    found = tx.query(
        "SELECT made, links, undone_at, scope_owner FROM memory_consolidations "
        "WHERE id = ? AND tenant_id = ? AND namespace = ? AND scope_owner IN (?, ?, ?)",
        [consolidation_id, owner.tenant_id, namespace, *owner.visible()],
    )
    if not found:
        raise UnknownKey(f"there is no consolidation {consolidation_id[:80]!r} here", field="id")
    made, links, undone_at, scope_owner = found[0]
    if scope_owner != owner.of("user") and not owner.is_tenant_owner:
        raise NotTheAuthor("this was made of shared memories: an owner of the tenant takes it back", field="id")
    if undone_at is not None:
        return Undone(id=consolidation_id, removed=[], restored_links=0), ()
    memories = rows.by_ids(tx, owner, namespace, json.loads(made))
    erased = erase(store, tx, owner, memories, namespace)[1] if memories else ()
    restored = sum(_restore(tx, link) for link in json.loads(links))
    tx.execute("UPDATE memory_consolidations SET undone_at = ? WHERE id = ?", [now(), consolidation_id])
    removed = [memory.id for memory, _ in erased]
    fact = MemoryConsolidationUndone(consolidation_id=consolidation_id, removed=removed, restored_links=restored)
    tx.append(draft(fact, subject(owner)))
    return Undone(id=consolidation_id, removed=removed, restored_links=restored), erased


def _restore(tx: Transaction, link: Sequence[Any]) -> bool:
    """Only where nobody changed it since. `link` is [from, to, relation, weight before, weight after]."""
    *ends, before, after = link
    where = "WHERE from_id = ? AND to_id = ? AND relation = ?"
    if tx.query(f"SELECT weight FROM memory_links {where}", ends) != [(after,)]:
        return False
    if before is None:
        tx.execute(f"DELETE FROM memory_links {where}", ends)
    else:
        tx.execute(f"UPDATE memory_links SET weight = ? {where}", [before, *ends])
    return True


def _reload(store: Store, tenant_id: str, namespace: str) -> None:
    """In memory, links only grow stronger: partitions are loaded again."""
    for address in store.partitions.addresses(tenant_id):
        if address[1] == namespace:
            with store.partitions.locked(*address[:2]):
                store.partitions.drop(address)
