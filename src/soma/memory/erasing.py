"""Erasing within a transaction: text, vectors and links, and whatever was synthesised from the text."""

from collections.abc import Iterable, Sequence
from functools import partial
from hashlib import sha256

from soma.events.database import Reader
from soma.events.facts.codec import Subject, draft
from soma.events.facts.memory import MemoryForgotten
from soma.events.ids import new_id, now
from soma.events.transaction import Transaction
from soma.memory.index.partition import Partition
from soma.memory.rows.documents import THREADS, delete_empty
from soma.memory.rows.embeddings import delete_embeddings
from soma.memory.rows.forgotten_chunks import write_forgotten
from soma.memory.rows.links import delete_links_of, find_synthesised, find_taken
from soma.memory.rows.memories import erase_memory
from soma.memory.store import STREAM, Store
from soma.memory.types import Address, MemoryRecord, Owner

Erasure = Sequence[tuple[MemoryRecord, int]]  # with the revision that erased it


def subject(owner: Owner) -> Subject:
    """The chain that facts of memory belong to: one a tenant, outside of the agent's conversations."""
    return Subject(tenant_id=owner.tenant_id, stream=STREAM, user_id=owner.user_id, agent_id=owner.agent_id)


def erase(
    store: Store,
    transaction: Transaction,
    owner: Owner,
    memories: Sequence[MemoryRecord],
    namespace: str,
    *,
    by_person: bool = False,
) -> tuple[str, Erasure]:
    """Erase memories and what was derived from them, which would still say it.

    `by_person`: somebody wants these texts forgotten. Chunks of documents among them are left out of later imports, so
    their documents stay known, even without a chunk. Else a document goes with its last chunk.

    Return the receipt's id and all that went.
    """
    gone = [*memories, *find_derived(transaction, [memory.id for memory in memories])]
    receipt_id, moment = new_id(), now()
    fact = MemoryForgotten(receipt_id=receipt_id, memory_ids=[memory.id for memory in gone], namespace=namespace)
    revision = transaction.append(draft(fact, subject(owner))).position
    for memory in gone:
        delete_embeddings(transaction, memory.id)
        delete_links_of(transaction, memory.id)
        digest = key_digest(memory.tenant_id, memory.key)
        erase_memory(transaction, memory.id, key_digest=digest, revision=revision, moment=moment, receipt_id=receipt_id)
    store.on_erased(transaction, owner.tenant_id, fact.memory_ids)
    if by_person:
        _keep_away(transaction, gone)
    else:
        for tenant, scoped, thread in {(one.tenant_id, one.scope_owner, one.conversation_id or "") for one in gone}:
            delete_empty(transaction, (tenant, namespace, scoped), [thread])
    return receipt_id, [(memory, revision) for memory in gone]


def _keep_away(transaction: Transaction, gone: Iterable[MemoryRecord]) -> None:
    """Let imports leave out the chunks of documents that are among what is gone."""
    texts: dict[Address, list[str]] = {}
    for memory in gone:
        if (memory.conversation_id or "").startswith(THREADS):
            texts.setdefault((memory.tenant_id, memory.namespace, memory.scope_owner), []).append(memory.text)
    for address, some in texts.items():
        write_forgotten(transaction, address, some)


def find_derived(transaction: Reader, ids: Iterable[str]) -> list[MemoryRecord]:
    """Find living memories that were made or taken from any of `ids`, however indirectly, without `ids` themselves."""
    known = set(ids)
    found: list[MemoryRecord] = []
    waiting = list(known)
    while waiting:
        made = [*find_synthesised(transaction, waiting), *find_taken(transaction, waiting)]
        new = list({memory.id: memory for memory in made if memory.id not in known}.values())
        known.update(memory.id for memory in new)
        found += new
        waiting = [memory.id for memory in new]
    return found


def apply_erasure(store: Store, erased: Erasure) -> None:
    """Take what was erased out of the loaded partitions, after the commit; links may lead into any of the namespace."""
    for memory, revision in erased:
        store.entries.forget(memory.id)
        for address in store.partitions.known_addresses(memory.tenant_id):
            if address[1] == memory.namespace:
                store.partitions.change(address, partial(_forget, memory_id=memory.id, revision=revision))
    for address in {(memory.tenant_id, memory.namespace, memory.scope_owner) for memory, _ in erased}:
        store.leave_nothing(address)


def _forget(partition: Partition, *, memory_id: str, revision: int) -> None:
    partition.forget(memory_id, revision)


def key_digest(tenant_id: str, key: str) -> str:
    """Digest that stays of a key: keys are people's words too, and only a caller who knows one may see it is gone."""
    return sha256(f"{tenant_id}\n{key}".encode()).hexdigest()
