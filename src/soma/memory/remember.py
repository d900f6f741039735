"""Remember: plan, embed what is new, then rows and events in one transaction. No language model, nothing half-written.

A memory is known by its key: the same content again changes nothing, other content replaces text and vector.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256

from soma.events.ids import new_id, now
from soma.events.schema import MemoryLinked, MemoryRemembered, Subject, draft
from soma.events.writer import Transaction
from soma.memory import checks, rows
from soma.memory.embedders.base import Reading
from soma.memory.errors import UnknownLinkTarget
from soma.memory.rendering import embedding, rendered
from soma.memory.rows import Embedding
from soma.memory.store import STREAM, Store
from soma.memory.types import Link, MemoryRecord, NewLink, NewMemory, Owner, Remembered, Status

Readings = Mapping[str, Reading]  # by rendered text


@dataclass(frozen=True, slots=True)
class Planned:
    """What becomes of one item: the memory as it will be, and whether that is news."""

    item: NewMemory
    record: MemoryRecord
    metadata: str
    status: Status


@dataclass(frozen=True, slots=True)
class Written:
    results: Sequence[Remembered]
    changed: Sequence[tuple[MemoryRecord, Embedding]]
    links: Sequence[Link]


@dataclass(frozen=True, slots=True)
class Request:
    """One call of remember; `moment` stands for "now" in all of it."""

    owner: Owner
    items: Sequence[NewMemory]
    namespace: str
    moment: str


class _NotEmbedded(Exception):
    """Between planning and writing, somebody changed a row so that a text is needed that was not embedded."""


async def remember(store: Store, owner: Owner, items: Sequence[NewMemory], namespace: str) -> Sequence[Remembered]:
    request = Request(owner, items, namespace, now())
    while True:
        readings = await store.work(_read, store, request)
        try:
            written = await store.writer.write(partial(_write, request=request, readings=readings, model=store.model))
        except _NotEmbedded:
            continue
        await store.work(_apply, store, request, written)
        return written.results


def _apply(store: Store, request: Request, written: Written) -> None:
    store.apply(written.changed)
    store.apply_links(request.owner, request.namespace, written.links)


def plan(reader: rows.Reader, request: Request) -> list[Planned]:
    """What each item becomes, given the rows as they are and the items before it."""
    owner, namespace = request.owner, request.namespace
    keys = [item.key or content_key(item) for item in request.items]
    found = rows.by_keys(reader, owner, namespace, keys)
    known = {(memory.scope_owner, memory.key): memory for memory in found}
    planned = []
    for item, key in zip(request.items, keys, strict=True):
        place = (owner.of(item.scope), key)
        planned.append(_decide(request, item, key, known.get(place)))
        known[place] = planned[-1].record
    return planned


def content_key(item: NewMemory) -> str:
    return sha256(item.text.encode()).hexdigest()


def _decide(request: Request, item: NewMemory, key: str, former: MemoryRecord | None) -> Planned:
    owner, moment = request.owner, request.moment
    metadata = checks.metadata_text(item.metadata)
    given = checks.moment(item.occurred_at).isoformat(timespec="microseconds") if item.occurred_at else None
    occurred_at = given or (former.occurred_at if former else moment)
    importance = float(item.importance)
    checksum = rows.checksum(
        text=item.text,
        kind=item.kind,
        occurred_at=occurred_at,
        importance=importance,
        metadata=metadata,
        conversation_id=item.conversation_id,
    )
    if former and former.checksum == checksum:
        return Planned(item, former, metadata, "unchanged")
    record = MemoryRecord(
        id=former.id if former else new_id(),
        tenant_id=owner.tenant_id,
        namespace=request.namespace,
        scope=item.scope,
        scope_owner=owner.of(item.scope),
        user_id=owner.user_id,
        agent_id=owner.agent_id,
        key=key,
        kind=item.kind,
        text=item.text,
        metadata=dict(item.metadata),
        conversation_id=item.conversation_id,
        occurred_at=occurred_at,
        importance=importance,
        value=former.value if former else 0.5,
        access_count=former.access_count if former else 0,
        accessed_at=former.accessed_at if former else None,
        checksum=checksum,
        position=former.position if former else 0,
        revision=former.revision if former else 0,
        created_at=former.created_at if former else moment,
        updated_at=moment,
    )
    return Planned(item, record, metadata, "updated" if former else "created")


def _read(store: Store, request: Request) -> Readings:
    changed = (one.record for one in plan(store.database, request) if one.status != "unchanged")
    return {text: store.embedder.read(text) for text in {rendered(memory): None for memory in changed}}


def _write(tx: Transaction, *, request: Request, readings: Readings, model: str) -> Written:
    owner, namespace = request.owner, request.namespace
    planned = _placed(tx, owner, plan(tx, request))
    changed = {one.record.id: one for one in planned if one.status != "unchanged"}
    texts = {memory_id: rendered(one.record) for memory_id, one in changed.items()}
    if any(text not in readings for text in texts.values()):
        raise _NotEmbedded
    pairs = [(one.record, embedding(readings[texts[one.record.id]], one.record)) for one in changed.values()]
    tx.executemany(rows.UPSERT, [rows.parameters(one.record, one.metadata) for one in changed.values()])
    made = [rows.embedding_parameters(memory.id, model, made) for memory, made in pairs]
    tx.executemany(rows.UPSERT_EMBEDDING, made)
    wanted = [
        (one.record, link, f"items[{number}].links[{place}].to_key")
        for number, one in enumerate(planned)
        for place, link in enumerate(one.item.links)
    ]
    links = write_links(tx, owner, namespace, wanted)
    relinked = {link.from_id for link in links}
    results = [_result(one, relinked) for one in planned]
    return Written(results, pairs, links)


def _result(one: Planned, relinked: set[str]) -> Remembered:
    news = one.status == "unchanged" and one.record.id in relinked
    return Remembered(id=one.record.id, key=one.record.key, status="updated" if news else one.status)


def _placed(tx: Transaction, owner: Owner, planned: Sequence[Planned]) -> list[Planned]:
    """Append an event for each change; its position is the memory's revision, and its place if it is new."""
    positions: dict[str, tuple[int, int]] = {}
    placed = []
    for one in planned:
        record = one.record
        position, revision = positions.get(record.id, (record.position, record.revision))
        if one.status != "unchanged":
            revision = tx.append(draft(_fact(one), subject(owner))).position
            position = position or revision
        positions[record.id] = position, revision
        placed.append(replace(one, record=replace(record, position=position, revision=revision)))
    return placed


def _fact(one: Planned) -> MemoryRemembered:
    record = one.record
    return MemoryRemembered(
        memory_id=record.id,
        key=record.key,
        status=one.status,
        checksum=record.checksum,
        scope=record.scope,
        namespace=record.namespace,
    )


def subject(owner: Owner) -> Subject:
    """Facts of memory are one chain a tenant. They take no place in a conversation: that is the agent's to count."""
    return Subject(tenant_id=owner.tenant_id, stream=STREAM, user_id=owner.user_id, agent_id=owner.agent_id)


def write_links(
    tx: Transaction, owner: Owner, namespace: str, wanted: Sequence[tuple[MemoryRecord, NewLink, str]]
) -> list[Link]:
    """Write the links that are news and return them. Each is (from, link, field). Raises UnknownLinkTarget."""
    if not wanted:
        return []
    found = rows.by_keys(tx, owner, namespace, (link.to_key for _, link, _ in wanted))
    targets = {(memory.scope_owner, memory.key): memory.id for memory in found}
    known = set(rows.links_from(tx, {memory.id for memory, _, _ in wanted}))
    written: dict[Link, None] = {}
    for memory, new, field in wanted:
        to_id = _target(targets, (memory.scope_owner, *owner.visible()), new.to_key)
        if to_id is None or to_id == memory.id:
            raise UnknownLinkTarget(f"there is no other memory {new.to_key!r} here", field=field)
        link = Link(from_id=memory.id, to_id=to_id, relation=new.relation, weight=float(new.weight))
        if link not in known:
            written[link] = None
    for link in written:
        tx.execute(rows.UPSERT_LINK, [owner.tenant_id, link.from_id, link.to_id, link.relation, link.weight])
        fact = MemoryLinked(from_id=link.from_id, to_id=link.to_id, relation=link.relation, weight=link.weight)
        tx.append(draft(fact, subject(owner)))
    return list(written)


def _target(targets: Mapping[tuple[str, str], str], owners: Sequence[str], key: str) -> str | None:
    """The memory of that key that is nearest to the one who links: of the same scope, then the most private."""
    return next((targets[owner, key] for owner in owners if (owner, key) in targets), None)
