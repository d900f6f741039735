"""The library: imports, plans and forgets documents. `identity.py` decides, this carries out.

A document's row stands without a digest while its chunks are written, so that after a kill the next import ends what
this one began. Where several documents share their chunks, these bear the name of one of them. What leaves a document
and what becomes of its chunks is one commit: after a kill either both are as before, or both are done.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any

from soma.events.ids import new_id
from soma.events.transaction import Transaction
from soma.memory.authorship import may_change
from soma.memory.catalogue.identity import (
    FORMER,
    Delivery,
    ImportStep,
    IncomingDocument,
    KnownDocument,
    Shelf,
    decide,
    find_in_question,
    plan,
)
from soma.memory.catalogue.resemblance import ALIKE, SAME, resemblance
from soma.memory.documents.importing import AT_ONCE, ChunkCounts, Chunking, NewDocument, digest_of, write_chunks
from soma.memory.erasing import Erasure, erase
from soma.memory.errors import NotTheAuthor, UnknownDocument
from soma.memory.forget import conclude, preview_receipt
from soma.memory.remember import remember
from soma.memory.rows.documents import (
    THREADS,
    delete_documents,
    delete_empty,
    find_by_thread,
    find_concerning,
    find_former,
    find_visible_document,
    read_documents,
    register_threads,
    write_document,
)
from soma.memory.rows.memories import find_by_ids, is_intact, read_thread, text_of
from soma.memory.store import Store
from soma.memory.types import Address, ErasureReceipt, MemoryRecord, NewMemory, Owner, Scope

RENAMED = 0.9  # of a document must be in a file of another name for it to be the same


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportResult:
    """The outcome of importing one document: the step that was taken, and the numbers of its chunks."""

    step: ImportStep
    chunks: ChunkCounts


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportPlan:
    """The steps of an import. `in_question` are documents whose whereabouts would decide more.

    `has_former` says that some are of an earlier version, which only their text tells apart.
    """

    steps: Sequence[ImportStep]
    in_question: Sequence[KnownDocument]
    has_former: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgetDocumentsResult:
    """The outcome: all chunks are gone that no other document shares; no receipt where all are shared."""

    receipt: ErasureReceipt | None
    documents: int
    chunks: int


@dataclass(frozen=True, slots=True)
class _Departure:
    """The chunks of documents that leave them: erased, renamed after a document that stays, or registered again as
    a document of whoever wrote them.
    """

    erased: list[MemoryRecord] = field(default_factory=list)
    shared: list[tuple[Sequence[MemoryRecord], Sequence[str]]] = field(default_factory=list)
    foreign: list[tuple[Address, str, Sequence[MemoryRecord]]] = field(default_factory=list)


async def import_document(
    store: Store, owner: Owner, document: NewDocument, namespace: str, chunking: Chunking
) -> ImportResult:
    """Remember a document, or bring the one that it is up to date."""
    address = (owner.tenant_id, namespace, owner.scope_owner(document.scope))
    async with store.lock(address):
        step = await store.work(_step, store, owner, address, document)
        if step.action == "refused":
            raise NotTheAuthor(field="name")
        after = step.document
        after = replace(after, id=after.id or new_id(), thread=after.thread or f"{THREADS}{new_id()}")
        return await _carry_out(
            store, owner, document, chunking, namespace=namespace, step=replace(step, document=after)
        )


def plan_import(store: Store, owner: Owner, scope: Scope, namespace: str, delivery: Delivery) -> ImportPlan:
    """Plan an import; nothing is done."""
    there = _mark_foreign(
        owner, read_documents(store.database, (owner.tenant_id, namespace, owner.scope_owner(scope))), scope
    )
    return ImportPlan(
        steps=plan(there, delivery),
        in_question=find_in_question(there, delivery),
        has_former=any(one.collection == FORMER for one in there),
    )


def recognise(store: Store, address: Address, name: str, text: str) -> tuple[KnownDocument, bool] | None:
    """Find the document of an earlier version that this text is or was, and whether all of it is still there.

    One of the same file name may have been edited; one of another name was moved.
    """
    former = find_former(store.database, address)
    of_name = [one for one in former if _file_name(one.name) == _file_name(name)]
    likely = [(one, ALIKE) for one in of_name] + [
        (one, RENAMED) for one in former if one not in of_name and _is_beginning_in(store, address, one, text)
    ]
    alike = [(resemblance(_texts(store, address, one), text), one) for one, _ in likely]
    enough = [(share, one) for (share, one), (_, least) in zip(alike, likely, strict=True) if share >= least]
    if not enough:
        return None
    share, best = max(enough, key=lambda found: (found[0], found[1].name == name))
    return best, share >= SAME


async def forget_documents(
    store: Store, owner: Owner, ids: Sequence[str], namespace: str, *, dry_run: bool = False
) -> ForgetDocumentsResult:
    """Forget all named documents, or none. Raises UnknownDocument, NotTheAuthor."""
    places = {address for address, _ in await store.work(_find_named, store, owner, ids, namespace)}
    async with AsyncExitStack() as locks:  # else an import would take over a text that is on its way out
        for address in sorted(places):
            await locks.enter_async_context(store.lock(address))
        found = await store.work(_find_named, store, owner, ids, namespace)
        receipt = await (_preview if dry_run else _forget)(store, owner, namespace, found)
    return ForgetDocumentsResult(
        receipt=receipt,
        documents=len(found),
        chunks=len(receipt.forgotten) if receipt else 0,
    )


async def _forget(
    store: Store, owner: Owner, namespace: str, found: Sequence[tuple[Address, KnownDocument]]
) -> ErasureReceipt | None:
    def remove(transaction: Transaction) -> None:
        for address, one in found:
            delete_documents(transaction, address, [one.id])

    return await _leave(store, owner, namespace, found, remove)


async def _preview(
    store: Store, owner: Owner, _namespace: str, found: Sequence[tuple[Address, KnownDocument]]
) -> ErasureReceipt | None:
    parting = await store.work(_plan_departure, store, owner, found)
    return await store.work(preview_receipt, store.database, owner, parting.erased) if parting.erased else None


def _mark_foreign(owner: Owner, found: Iterable[KnownDocument], scope: Scope) -> list[KnownDocument]:
    """Mark documents that are another user's to change."""
    if scope == "user" or owner.is_tenant_owner:
        return list(found)
    return [replace(one, is_foreign=one.user_id != owner.user_id) for one in found]


def _step(store: Store, owner: Owner, address: Address, document: NewDocument) -> ImportStep:
    coming = IncomingDocument(
        collection=document.collection,
        name=document.name,
        format=document.format,
        digest=digest_of(document.text),
        origin=document.origin,
        continues=document.continues,
    )
    shelf = Shelf(_mark_foreign(owner, find_concerning(store.database, address, coming), document.scope))
    known = shelf.place_of(coming)
    if known is None and (found := recognise(store, address, document.name, document.text)):
        coming = replace(coming, continues=found[0].id, has_same_text=found[1])
        shelf = Shelf(_mark_foreign(owner, find_concerning(store.database, address, coming), document.scope))
    elif known is not None and known.collection == FORMER:
        share = resemblance(_texts(store, address, known), document.text)
        coming = replace(coming, has_same_text=share >= SAME)
    return decide(shelf, coming)


async def _carry_out(
    store: Store, owner: Owner, document: NewDocument, chunking: Chunking, *, namespace: str, step: ImportStep
) -> ImportResult:
    address = (owner.tenant_id, namespace, owner.scope_owner(document.scope))
    after = step.document
    title = await store.work(_title, store, address, after)
    is_news = bool(step.absorbed) or _row(step.former) != _row(after)
    if step.twin is not None and step.twin.thread == after.thread and not document.with_forgotten:
        counts = ChunkCounts(unchanged=len(await store.work(_chunks, store, address, after.thread)))
    else:
        if is_news:
            await store.writer.write(lambda transaction: _begin(transaction, address, step, owner))
        try:
            named = replace(document, name=title)
            known = _is_known(step)
            counts = await write_chunks(store, owner, named, namespace, chunking, thread=after.thread, is_known=known)
        except BaseException:
            if is_news:
                await store.writer.write(lambda transaction: _take_back(transaction, address, step))
            raise
    if is_news:
        former = [one for one in (step.former, *step.absorbed) if one is not None and one.thread != after.thread]
        left = [(address, one) for one in former]
        receipt = await _leave(
            store, owner, namespace, left, lambda transaction: _end(transaction, address, step, owner)
        )
        counts = replace(counts, forgotten=counts.forgotten + (len(receipt.forgotten) if receipt else 0))
    return ImportResult(step=step, chunks=counts)


def _row(one: KnownDocument | None) -> KnownDocument | None:
    """Return a document as its row has it, without who brought it: to see whether the row changes."""
    return None if one is None else replace(one, user_id="", is_foreign=False)


def _is_known(step: ImportStep) -> bool:
    """Return whether all of its text is in its thread, but for what was forgotten there."""
    former, after = step.former, step.document
    return former is not None and former.digest == after.digest != "" and former.thread == after.thread


def _begin(transaction: Transaction, address: Address, step: ImportStep, owner: Owner) -> None:
    """Write a document's row before its chunks: until they are there, it has no digest.

    What it absorbs may hold its place, and keeps it until the end.
    """
    begun = step.former if step.former is not None and step.absorbed else step.document
    row = replace(begun, thread=step.document.thread, digest="")
    write_document(transaction, address, row, _author(step, owner))


def _end(transaction: Transaction, address: Address, step: ImportStep, owner: Owner) -> None:
    delete_documents(transaction, address, [one.id for one in step.absorbed])
    write_document(transaction, address, step.document, _author(step, owner))


def _take_back(transaction: Transaction, address: Address, step: ImportStep) -> None:
    """Undo `_begin` after a refusal. A document that may be half written stays without a digest."""
    former = step.former
    if former is None:
        delete_empty(transaction, address, [step.document.thread])
        return
    is_whole = step.action in {"moved", "unchanged"} or former.thread != step.document.thread
    write_document(transaction, address, former if is_whole else replace(former, digest=""), former.user_id)


def _author(step: ImportStep, owner: Owner) -> str:
    return step.former.user_id if step.former is not None else owner.user_id


async def _leave(
    store: Store,
    owner: Owner,
    namespace: str,
    leaving: Sequence[tuple[Address, KnownDocument]],
    write: Callable[[Transaction], None],
) -> ErasureReceipt | None:
    """Commit `write`, which takes documents from their threads, together with what follows for the chunks there.

    Chunks that no other document shares go; a receipt says so. Those that one shares bear its name before the commit,
    so that a kill leaves nothing that names, or is, a document that is gone.
    """
    parting = await store.work(_plan_departure, store, owner, leaving)
    for chunks, names in parting.shared:
        await _rename(store, owner, namespace, chunks, names)

    def commit(transaction: Transaction) -> tuple[str, Erasure] | None:
        there = find_by_ids(transaction, owner, namespace, [memory.id for memory in parting.erased])
        gone = erase(store, transaction, owner, there, namespace) if there else None
        write(transaction)
        for address, thread, chunks in parting.foreign:
            register_threads(transaction, address, {thread: _title_of(chunks)}, chunks[0].user_id)
        return gone

    gone = await store.writer.write(commit)
    return await conclude(store, owner, *gone) if gone else None


def _plan_departure(store: Store, owner: Owner, leaving: Sequence[tuple[Address, KnownDocument]]) -> _Departure:
    parting, leavers = _Departure(), {one.id for _, one in leaving}
    for address, thread in dict.fromkeys((address, one.thread) for address, one in leaving):
        sharing = find_by_thread(store.database, address, thread)
        others = [one.name for one in sharing if one.id not in leavers]
        chunks = _chunks(store, address, thread)
        if others:
            parting.shared.append((chunks, others))
        elif all(may_change(owner, memory) for memory in chunks):
            parting.erased.extend(chunks)
        else:
            parting.foreign.append((address, thread, chunks))
    return parting


async def _rename(
    store: Store, owner: Owner, namespace: str, chunks: Sequence[MemoryRecord], names: Sequence[str]
) -> None:
    """Let chunks that bear the name of none of the documents that share them bear that of the first."""
    items = [
        _retitle(memory, names[0])
        for memory in chunks
        if is_intact(memory) and text_of(memory.metadata, "document") not in names
    ]
    for start in range(0, len(items), AT_ONCE):
        await remember(store, owner, items[start : start + AT_ONCE], namespace)


def _retitle(memory: MemoryRecord, name: str) -> NewMemory:
    metadata: dict[str, Any] = dict(memory.metadata)
    source = text_of(metadata, "source").removeprefix(text_of(metadata, "document"))
    return NewMemory(
        text=memory.text,
        key=memory.key,
        kind=memory.kind,
        scope=memory.scope,
        occurred_at=memory.occurred_at,
        importance=memory.importance,
        metadata={**metadata, "document": name, "source": f"{name}{source}"},
        conversation_id=memory.conversation_id,
    )


def _title(store: Store, address: Address, after: KnownDocument) -> str:
    """Return the name that the chunks bear: the document's, or one of those that share them if they bear it already."""
    others = {one.name for one in find_by_thread(store.database, address, after.thread) if one.id != after.id}
    borne = _title_of(_chunks(store, address, after.thread)) if others else ""
    return borne if borne in others else after.name


def _title_of(chunks: Sequence[MemoryRecord]) -> str:
    return text_of(chunks[0].metadata, "document") if chunks else ""


def _chunks(store: Store, address: Address, thread: str) -> list[MemoryRecord]:
    return read_thread(store.database, address, thread)


def _texts(store: Store, address: Address, one: KnownDocument) -> list[str]:
    return [_body(memory) for memory in _chunks(store, address, one.thread)]


def _body(memory: MemoryRecord) -> str:
    """Return a chunk without the line of headings above it, whose words stand elsewhere in the file."""
    heading, line, body = memory.text.partition("\n")
    return body if line and memory.metadata.get("headings") else heading + line + body


def _is_beginning_in(store: Store, address: Address, one: KnownDocument, text: str) -> bool:
    first = read_thread(store.database, address, one.thread, limit=1)
    return bool(first) and _body(first[0]) in text


def _file_name(name: str) -> str:
    return PurePosixPath(name).name.casefold()


def _find_named(store: Store, owner: Owner, ids: Sequence[str], namespace: str) -> list[tuple[Address, KnownDocument]]:
    """Find each document once, however often it is named. Raises UnknownDocument, NotTheAuthor."""
    found: dict[str, tuple[Address, KnownDocument]] = {}
    for number, document_id in enumerate(ids):
        if (one := find_visible_document(store.database, owner, namespace, document_id)) is None:
            raise UnknownDocument(f"there is no document {document_id[:80]!r} here", field=f"ids[{number}]")
        scope: Scope = "user" if one[0][2] == owner.scope_owner("user") else "tenant"
        if _mark_foreign(owner, [one[1]], scope)[0].is_foreign:
            raise NotTheAuthor(field=f"ids[{number}]")
        found[document_id] = one
    return list(found.values())
