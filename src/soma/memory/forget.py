"""Forget: text, vector and links go; a row without content and an event stay as proof."""

from collections.abc import Collection, Sequence

from soma.events.database import Reader
from soma.events.transaction import Transaction
from soma.memory import authorship
from soma.memory.erasing import Erasure, apply_erasure, erase, find_derived, key_digest
from soma.memory.errors import AlreadyForgotten, UnknownKey
from soma.memory.rows.memories import find_by_ids, find_by_keys, find_forgotten, is_intact
from soma.memory.store import Store
from soma.memory.types import ErasureReceipt, MemoryRecord, Owner


async def forget(
    store: Store, owner: Owner, ids: Sequence[str], keys: Sequence[str], namespace: str, *, by_person: bool = True
) -> ErasureReceipt:
    """Forget all named memories or none, with what was synthesised from them; ignore those that went before.

    `by_person`: see `erase`. An import that has other text in their place is none.

    Raises UnknownKey, NotTheAuthor, and AlreadyForgotten where nothing of them is left.
    """

    def write(transaction: Transaction) -> tuple[str, Erasure]:
        chosen = _choose(transaction, owner, ids, keys, namespace)
        return erase(store, transaction, owner, chosen, namespace, by_person=by_person)

    receipt_id, erased = await store.writer.write(write)
    return await conclude(store, owner, receipt_id, erased)


async def preview(
    store: Store, owner: Owner, ids: Sequence[str], keys: Sequence[str], namespace: str
) -> ErasureReceipt:
    """Return the receipt that `forget` would give, without its id. Raises what that would."""
    return await store.work(
        lambda: preview_receipt(store.database, owner, _choose(store.database, owner, ids, keys, namespace))
    )


def preview_receipt(reader: Reader, owner: Owner, memories: Sequence[MemoryRecord]) -> ErasureReceipt:
    """Return the receipt of erasing these memories, without its id."""
    return _receipt(owner, "", [*memories, *find_derived(reader, [memory.id for memory in memories])])


async def conclude(store: Store, owner: Owner, receipt_id: str, erased: Erasure) -> ErasureReceipt:
    """Take what a commit has erased out of the partitions too, and make its receipt."""
    await store.work(apply_erasure, store, erased)
    return _receipt(owner, receipt_id, [memory for memory, _ in erased])


def _receipt(owner: Owner, receipt_id: str, gone: Sequence[MemoryRecord]) -> ErasureReceipt:
    return ErasureReceipt(
        receipt_id=receipt_id,
        forgotten=[memory.id for memory in gone if memory.scope_owner in owner.visible()],
        is_shared=any(memory.scope != "user" for memory in gone),
        texts=[memory.text for memory in gone],
    )


def _choose(
    reader: Reader, owner: Owner, ids: Sequence[str], keys: Sequence[str], namespace: str
) -> list[MemoryRecord]:
    gone = _find_gone(reader, owner, ids, keys, namespace)
    chosen = find_named(reader, owner, ids, keys, namespace, also_damaged=True, gone=gone)
    if gone and not chosen:
        first = "ids[0]" if ids else "keys[0]"
        raise AlreadyForgotten(f"memory {[*ids, *keys][0][:80]!r} was forgotten before: nothing is left", field=first)
    for memory in chosen:
        authorship.check(owner, memory, _field(memory, ids, keys))
    return chosen


def _find_gone(reader: Reader, owner: Owner, ids: Sequence[str], keys: Sequence[str], namespace: str) -> set[str]:
    digests = {key_digest(owner.tenant_id, key): key for key in keys}
    gone = find_forgotten(reader, owner, namespace, "key", digests)
    return find_forgotten(reader, owner, namespace, "id", ids) | {digests[digest] for digest in gone}


def _field(memory: MemoryRecord, ids: Sequence[str], keys: Sequence[str]) -> str:
    """The field in which the caller named a memory."""
    return f"ids[{ids.index(memory.id)}]" if memory.id in ids else f"keys[{keys.index(memory.key)}]"


def find_named(
    reader: Reader,
    owner: Owner,
    ids: Sequence[str],
    keys: Sequence[str],
    namespace: str,
    *,
    also_damaged: bool = False,
    gone: Collection[str] = (),
) -> list[MemoryRecord]:
    """Find the memories of these ids, then of these keys; of a key in several scopes the most private.

    `also_damaged` is for callers that remove them and show them to nobody. Names in `gone` may have no memory. Raises
    UnknownKey.
    """
    nearest = {scope: rank for rank, scope in enumerate(owner.visible())}
    seen, found = (
        [memory for memory in known if also_damaged or is_intact(memory)]
        for known in (
            find_by_ids(reader, owner, namespace, ids),
            find_by_keys(reader, owner, namespace, keys),
        )
    )
    by_id = {memory.id: memory for memory in seen}
    by_key = {memory.key: memory for memory in sorted(found, key=lambda memory: -nearest[memory.scope_owner])}
    for field, names, known in (("ids", ids, by_id), ("keys", keys, by_key)):
        for number, name in enumerate(names):
            if name not in known and name not in gone:
                raise UnknownKey(f"there is no memory {name[:80]!r} here", field=f"{field}[{number}]")
    chosen = [*(by_id[name] for name in ids if name in by_id), *(by_key[name] for name in keys if name in by_key)]
    return list({memory.id: memory for memory in chosen}.values())
