"""Remember: plan, embed what is new, then rows and events in one transaction. No language model, nothing half-written.

A memory is known by its key: the same content again changes nothing, other content replaces text and vector. A shared
one that another user wrote is left as it is, unless an owner of the tenant asks; its item alone is refused.
"""

import json
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from typing import TypeVar

from soma.events.database import Reader
from soma.events.facts.codec import draft
from soma.events.facts.memory import MemoryLinked, MemoryRemembered
from soma.events.ids import new_id, now
from soma.events.transaction import Prefetch, Transaction
from soma.memory import checks
from soma.memory.authorship import may_change
from soma.memory.erasing import Erasure, apply_erasure, erase, find_derived, subject
from soma.memory.errors import NotTheAuthor, UnknownLinkTarget
from soma.memory.relations import CARRIES
from soma.memory.rendering import render
from soma.memory.rows.embeddings import Embedding, read_embeddings, write_embeddings
from soma.memory.rows.links import delete_links_from, find_links_from, write_link
from soma.memory.rows.memories import (
    checksum,
    find_by_ids,
    find_by_keys,
    is_intact,
    text_of,
    write_memories,
)
from soma.memory.spaces import Space
from soma.memory.store import Store
from soma.memory.types import Keep, Link, MemoryRecord, NewLink, NewMemory, Owner, RememberResult, Status

T = TypeVar("T")
Embeddings = Mapping[str, Embedding]  # by `_embedding_key`


@dataclass(frozen=True, slots=True)
class PlannedMemory:
    """The outcome of one item: the memory as it will be and as it was."""

    item: NewMemory
    record: MemoryRecord
    metadata: str
    status: Status
    former: MemoryRecord | None

    @property
    def is_news(self) -> bool:
        return self.status in {"created", "updated"}


@dataclass(frozen=True, slots=True)
class WrittenMemories:
    results: Sequence[RememberResult]
    changed: Sequence[tuple[MemoryRecord, Embedding]]
    links: Sequence[Link]
    model: str
    erased: Erasure


@dataclass(frozen=True, slots=True)
class Request:
    """One call of remember; `moment` stands for "now" in all of it."""

    owner: Owner
    items: Sequence[NewMemory]
    namespace: str
    moment: str


class StaleEmbeddings(Exception):
    """Between planning and writing, a row changed so that another text is needed, or the tenant's model did."""


async def remember(store: Store, owner: Owner, items: Sequence[NewMemory], namespace: str) -> Sequence[RememberResult]:
    request = Request(owner, items, namespace, now())
    return await remember_within(store, request, lambda _, keep: keep())


async def remember_within(
    store: Store, request: Request, work: Callable[[Transaction, Keep], T], prefetch: Prefetch | None = None
) -> T:
    """Let `work` write what belongs together: it remembers the items by calling what it is given, or leaves them."""
    while True:
        space = await store.work(store.spaces.space_of, request.owner.tenant_id)
        made = await embed(store, request, space)
        writing = _WriteAttempt(partial(write, store=store, request=request, made=made, space=space))
        try:
            result = await store.writer.write(partial(writing.run, work=work), prefetch=prefetch)
        except StaleEmbeddings:
            continue
        for written in writing.written:
            await store.work(apply, store, request, written)
        return result


class _WriteAttempt:
    """One attempt at a write; `written` is what it has remembered, once it is committed."""

    def __init__(self, remember: Callable[[Transaction], WrittenMemories]) -> None:
        self._remember = remember
        self.written: list[WrittenMemories] = []

    def run(self, transaction: Transaction, work: Callable[[Transaction, Keep], T]) -> T:
        self.written = []  # of a try before this one
        return work(transaction, partial(self._keep, transaction))

    def _keep(self, transaction: Transaction) -> Sequence[RememberResult]:
        self.written.append(self._remember(transaction))
        return self.written[-1].results


def apply(store: Store, request: Request, written: WrittenMemories) -> None:
    """Update the partitions, after the commit."""
    store.apply(written.changed, written.model)
    store.apply_links(request.owner, request.namespace, written.links)
    apply_erasure(store, written.erased)


def plan(reader: Reader, request: Request) -> list[PlannedMemory]:
    """Decide the outcome of each item, given the rows as they are and the items before it."""
    owner, namespace = request.owner, request.namespace
    keys = [item.key or content_key(item) for item in request.items]
    found = find_by_keys(reader, owner, namespace, keys)
    known = {(memory.scope_owner, memory.key): memory for memory in found}
    planned = []
    for item, key in zip(request.items, keys, strict=True):
        place = (owner.scope_owner(item.scope), key)
        planned.append(_decide(request, item, key, known.get(place)))
        known[place] = planned[-1].record
    return planned


def content_key(item: NewMemory) -> str:
    return sha256(item.text.encode()).hexdigest()


def _decide(request: Request, item: NewMemory, key: str, former: MemoryRecord | None) -> PlannedMemory:
    owner, moment = request.owner, request.moment
    sources = {"derived_from": list(item.derived_from)} if item.derived_from else {}
    stored = json.loads(
        checks.metadata_text({**item.metadata, **sources})
    )  # as it will be read: JSON has no key that is a number
    metadata = checks.metadata_text(stored)
    given_moment = checks.moment(item.occurred_at).isoformat(timespec="microseconds") if item.occurred_at else None
    sound = former is not None and is_intact(former)  # what is damaged is written anew, whatever is said
    occurred_at = given_moment or (former.occurred_at if former and sound else moment)
    record = MemoryRecord(
        id=former.id if former else new_id(),
        tenant_id=owner.tenant_id,
        namespace=request.namespace,
        scope=item.scope,
        scope_owner=owner.scope_owner(item.scope),
        user_id=owner.user_id,
        agent_id=owner.agent_id,
        key=key,
        kind=item.kind,
        text=item.text,
        metadata=stored,
        conversation_id=item.conversation_id,
        occurred_at=occurred_at,
        importance=float(item.importance) + 0.0,  # a database keeps -0.0 as 0.0
        value=former.value if former else 0.5,
        access_count=former.access_count if former else 0,
        accessed_at=former.accessed_at if former else None,
        checksum="",
        position=former.position if former else 0,
        revision=former.revision if former else 0,
        created_at=former.created_at if former else moment,
        updated_at=moment,
    )
    record = replace(record, checksum=checksum(record))
    if former and sound and checksum(former) == record.checksum:
        return PlannedMemory(item, former, metadata, "unchanged", former)
    if former and not may_change(owner, former):
        return PlannedMemory(item, former, metadata, "refused", former)
    return PlannedMemory(item, record, metadata, "updated" if former else "created", former)


async def embed(store: Store, request: Request, space: Space) -> Embeddings:
    """Embed all texts that are new; what only moved or was renamed keeps its embedding."""
    known, missing = await store.work(_survey, store, request, space)
    news = await store.embed(space, list(missing.values()))
    return known | dict(zip(missing, news, strict=True))


def _survey(store: Store, request: Request, space: Space) -> tuple[dict[str, Embedding], dict[str, MemoryRecord]]:
    """Return the embeddings that are stored already, and the memories that the model must read."""
    changed = [one for one in plan(store.database, request) if one.is_news]
    kept = [one.former for one in changed if one.former and _embedding_key(one.former) == _embedding_key(one.record)]
    known = {
        _embedding_key(memory): made
        for memory, made in read_embeddings(store.database, space.model, (memory.id for memory in kept))
        if made is not None and made.is_whole
    }
    return known, {_embedding_key(one.record): one.record for one in changed if _embedding_key(one.record) not in known}


def _embedding_key(memory: MemoryRecord) -> str:
    """All that an embedding depends on."""
    return f"{text_of(memory.metadata, 'speaker')}\n{render(memory)}"


def write(
    transaction: Transaction, *, store: Store, request: Request, made: Embeddings, space: Space
) -> WrittenMemories:
    owner, namespace = request.owner, request.namespace
    if not store.spaces.is_current(transaction, owner.tenant_id, space):
        raise StaleEmbeddings
    planned = _append_events(transaction, owner, plan(transaction, request))
    changed = {one.record.id: one for one in planned if one.is_news}
    if any(_embedding_key(one.record) not in made for one in changed.values()):
        raise StaleEmbeddings
    pairs = [(one.record, made[_embedding_key(one.record)]) for one in changed.values()]
    write_memories(transaction, [(one.record, one.metadata) for one in changed.values()])
    write_embeddings(transaction, space.model, pairs)
    wanted = [
        (one.record, link, f"items[{number}].links[{place}].to_key")
        for number, one in enumerate(planned)
        for place, link in enumerate(one.item.links)
        if one.status != "refused"
    ]
    _write_sources(transaction, owner, namespace, planned)
    links, foreign = write_links(transaction, owner, namespace, wanted)
    relinked = {link.from_id for link in links}
    results = [_result(number, one, relinked, foreign) for number, one in enumerate(planned)]
    return WrittenMemories(results, pairs, links, space.model, _erase_outdated(store, transaction, request, planned))


def _write_sources(transaction: Transaction, owner: Owner, namespace: str, planned: Sequence[PlannedMemory]) -> None:
    """Write what each memory is taken from now: nothing, once somebody says it in their own words."""
    for one in planned:
        wanted, before = one.item.derived_from, one.former.metadata.get("derived_from") if one.former else None
        if one.status == "refused" or not (wanted or before):
            continue
        delete_links_from(transaction, one.record.id, CARRIES)
        for source in find_by_ids(transaction, owner, namespace, wanted):
            if source.id != one.record.id:
                _write_link(
                    transaction, owner, Link(from_id=one.record.id, to_id=source.id, relation=CARRIES, weight=1.0)
                )


def _erase_outdated(
    store: Store, transaction: Transaction, request: Request, planned: Sequence[PlannedMemory]
) -> Erasure:
    """Erase what was made or taken from a text that now says something else: it would still say the old."""
    retold = [one.record.id for one in planned if one.former is not None and one.former.text != one.record.text]
    derived = find_derived(transaction, retold)
    return erase(store, transaction, request.owner, derived, request.namespace)[1] if derived else ()


def _result(number: int, one: PlannedMemory, relinked: set[str], foreign: set[str]) -> RememberResult:
    if one.status == "refused" or one.record.id in foreign:
        field = f"items[{number}].{'key' if one.status == 'refused' else 'links'}"
        return RememberResult(id=one.record.id, key=one.record.key, status="refused", refusal=NotTheAuthor(field=field))
    news = one.status == "unchanged" and one.record.id in relinked
    return RememberResult(id=one.record.id, key=one.record.key, status="updated" if news else one.status)


def _append_events(transaction: Transaction, owner: Owner, planned: Sequence[PlannedMemory]) -> list[PlannedMemory]:
    """Append an event for each change; its position is the memory's revision, and its place if it is new."""
    positions: dict[str, tuple[int, int]] = {}
    placed = []
    for one in planned:
        record = one.record
        position, revision = positions.get(record.id, (record.position, record.revision))
        if one.is_news:
            revision = transaction.append(draft(_fact(one), subject(owner))).position
            position = position or revision
        positions[record.id] = position, revision
        placed.append(replace(one, record=replace(record, position=position, revision=revision)))
    return placed


def _fact(one: PlannedMemory) -> MemoryRemembered:
    record = one.record
    return MemoryRemembered(
        memory_id=record.id,
        key=record.key,
        status=one.status,
        checksum=record.checksum,
        scope=record.scope,
        namespace=record.namespace,
    )


def write_links(
    transaction: Transaction, owner: Owner, namespace: str, wanted: Sequence[tuple[MemoryRecord, NewLink, str]]
) -> tuple[list[Link], set[str]]:
    """Write the links that are new; return them, and the memories that the owner may not link from.

    Each of `wanted` is (from, link, field). Raises UnknownLinkTarget.
    """
    if not wanted:
        return [], set()
    found = filter(is_intact, find_by_keys(transaction, owner, namespace, (link.to_key for _, link, _ in wanted)))
    targets = {(memory.scope_owner, memory.key): memory.id for memory in found}
    known = set(find_links_from(transaction, {memory.id for memory, _, _ in wanted}))
    written: dict[Link, None] = {}
    foreign: set[str] = set()
    for memory, new, field in wanted:
        place = nearest(targets, (memory.scope_owner, *owner.visible()), new.to_key)
        to_id = targets[place] if place else None
        if to_id is None or to_id == memory.id:
            raise UnknownLinkTarget(f"there is no other memory {new.to_key!r} here", field=field)
        link = Link(from_id=memory.id, to_id=to_id, relation=new.relation, weight=float(new.weight))
        if link in known:
            continue
        if may_change(owner, memory):
            written[link] = None
        else:
            foreign.add(memory.id)
    for link in written:
        _write_link(transaction, owner, link)
    return list(written), foreign


def _write_link(transaction: Transaction, owner: Owner, link: Link) -> None:
    write_link(transaction, owner.tenant_id, link)
    fact = MemoryLinked(from_id=link.from_id, to_id=link.to_id, relation=link.relation, weight=link.weight)
    transaction.append(draft(fact, subject(owner)))


def nearest(places: Container[tuple[str, str]], owners: Sequence[str], key: str) -> tuple[str, str] | None:
    """Find a key among `places` for a memory that links to it: in its own scope first, then in the most private."""
    return next(((owner, key) for owner in owners if (owner, key) in places), None)
