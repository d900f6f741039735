"""Forget: text, vector and links go, a row without content and an event stay as proof."""

from collections.abc import Sequence
from hashlib import sha256

from soma.events.ids import new_id, now
from soma.events.schema import MemoryForgotten, draft
from soma.events.writer import Transaction
from soma.memory import rows
from soma.memory.errors import UnknownKey
from soma.memory.remember import subject
from soma.memory.store import Store
from soma.memory.types import MemoryRecord, Owner, Receipt


async def forget(store: Store, owner: Owner, ids: Sequence[str], keys: Sequence[str], namespace: str) -> Receipt:
    """All of them or none. Raises UnknownKey."""
    receipt_id, memories = await store.writer.write(lambda tx: _write(tx, owner, ids, keys, namespace))
    await store.work(_apply, store, owner, memories)
    return Receipt(receipt_id=receipt_id, forgotten=[memory.id for memory, _ in memories])


def named(
    reader: rows.Reader, owner: Owner, ids: Sequence[str], keys: Sequence[str], namespace: str
) -> list[MemoryRecord]:
    """The memories of these ids, then of these keys; of a key in several scopes the most private. Raises UnknownKey."""
    by_id = {memory.id: memory for memory in rows.by_ids(reader, owner, namespace, ids)}
    nearest = {scope: rank for rank, scope in enumerate(owner.visible())}
    found = rows.by_keys(reader, owner, namespace, keys)
    by_key = {memory.key: memory for memory in sorted(found, key=lambda memory: -nearest[memory.scope_owner])}
    for field, asked, known in (("ids", ids, by_id), ("keys", keys, by_key)):
        for number, name in enumerate(asked):
            if name not in known:
                raise UnknownKey(f"there is no memory {name[:80]!r} here", field=f"{field}[{number}]")
    chosen = [*(by_id[name] for name in ids), *(by_key[name] for name in keys)]
    return list({memory.id: memory for memory in chosen}.values())


def _write(
    tx: Transaction, owner: Owner, ids: Sequence[str], keys: Sequence[str], namespace: str
) -> tuple[str, list[tuple[MemoryRecord, int]]]:
    memories = named(tx, owner, ids, keys, namespace)
    receipt_id, moment = new_id(), now()
    fact = MemoryForgotten(receipt_id=receipt_id, memory_ids=[memory.id for memory in memories], namespace=namespace)
    revision = tx.append(draft(fact, subject(owner))).position
    for memory in memories:
        tx.execute("DELETE FROM memory_embeddings WHERE memory_id = ?", [memory.id])
        tx.execute("DELETE FROM memory_links WHERE from_id = ? OR to_id = ?", [memory.id, memory.id])
        tx.execute(rows.ERASE, [_digest(memory), revision, moment, receipt_id, memory.id])
    return receipt_id, [(memory, revision) for memory in memories]


def _digest(memory: MemoryRecord) -> str:
    """Keys are people's words too: what stays tells only whether a key that is known was forgotten."""
    return sha256(f"{memory.tenant_id}\n{memory.key}".encode()).hexdigest()


def _apply(store: Store, owner: Owner, memories: Sequence[tuple[MemoryRecord, int]]) -> None:
    for memory, revision in memories:
        tenant_id, namespace = memory.tenant_id, memory.namespace
        with store.partitions.locked(tenant_id, namespace):
            for name in owner.visible():
                if (partition := store.partitions.present((tenant_id, namespace, name))) is not None:
                    partition.forget(memory.id, revision)
