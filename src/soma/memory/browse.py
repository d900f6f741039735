"""Browsing without ranking: list, search by words, export, statistics."""

from collections.abc import Iterator, Sequence
from typing import Any

from soma.memory.errors import BadCursor
from soma.memory.index.partition import Partition
from soma.memory.relations import CARRIES
from soma.memory.rows.links import find_links_from
from soma.memory.rows.memories import find_by_ids, find_newest, find_position, is_intact
from soma.memory.store import Store
from soma.memory.text.folding import fold, strip_accents
from soma.memory.text.words import question_forms, question_signs, tokens
from soma.memory.types import MADE_MARK, MemoryRecord, Owner, Page, Statistics

PAGE = 50
LARGEST_PAGE = 1_000
EXPORTED = 500  # rows read at a time


def list_memories(store: Store, owner: Owner, namespace: str, *, limit: int, after: str | None) -> Page:
    found = find_newest(
        store.database, owner, namespace, before=_read_cursor(store, owner, namespace, after), limit=limit + 1
    )
    return _page(found, limit)


def search_memories(store: Store, owner: Owner, text: str, namespace: str, *, limit: int, after: str | None) -> Page:
    """Return memories that hold every word of `text`, newest first; the last word may be unfinished.

    Memories that hold its signs too (`C#`) displace the others, where there are any.
    """
    before = _read_cursor(store, owner, namespace, after)
    with store.partitions.open(owner.tenant_id, namespace, owner.visible()) as partitions:
        places = _find_holding(partitions, text)
    newest = sorted((place for place in places if before is None or place[0] < before), reverse=True)[: limit + 1]
    found = filter(is_intact, find_by_ids(store.database, owner, namespace, (place[1] for place in newest)))
    return _page(sorted(found, key=lambda memory: -memory.position), limit)


def export_memories(store: Store, owner: Owner, namespace: str) -> Iterator[dict[str, Any]]:
    """Yield everything that the owner can see as items that `remember` takes, with their links; newest first."""
    after: str | None = None
    while True:
        items, after = export_page(store, owner, namespace, after)
        yield from items
        if after is None:
            return


def export_page(
    store: Store, owner: Owner, namespace: str, after: str | None
) -> tuple[list[dict[str, Any]], str | None]:
    """Return some items of an export and the cursor of the next ones, None at the end."""
    before = _read_cursor(store, owner, namespace, after)
    page = _page(find_newest(store.database, owner, namespace, before=before, limit=EXPORTED + 1), EXPORTED)
    return list(_export_items(store, owner, namespace, page.items)), page.after


def statistics(store: Store, owner: Owner, namespace: str) -> Statistics:
    with store.partitions.open(owner.tenant_id, namespace, owner.visible()) as (private, agent, tenant):
        everywhere = (private, agent, tenant)
        return Statistics(
            memories=sum(map(len, everywhere)),
            private=len(private),
            agent=len(agent),
            tenant=len(tenant),
            links=len(_linked_pairs(everywhere)),
            words=len({word for partition in everywhere for word in partition.postings.words()}),
            embedded=sum(map(len, everywhere)),
            model=store.spaces.space_of(owner.tenant_id).model,
        )


def _linked_pairs(partitions: Sequence[Partition]) -> set[frozenset[str]]:
    """Pairs of linked memories, both of which can be seen: the other end may be another user's."""
    visible = {memory_id for partition in partitions for memory_id in partition.slots}
    return {pair for partition in partitions for pair in partition.links.pairs() if pair <= visible}


def _export_items(
    store: Store, owner: Owner, namespace: str, memories: Sequence[MemoryRecord]
) -> Iterator[dict[str, Any]]:
    links = find_links_from(store.database, (memory.id for memory in memories))
    ends = find_by_ids(store.database, owner, namespace, (link.to_id for link in links))
    keys = {memory.id: memory.key for memory in ends if is_intact(memory) and not _is_synthesised(memory)}
    for memory in memories:
        if _is_synthesised(memory):
            continue
        yield {
            "key": memory.key,
            "text": memory.text,
            "kind": memory.kind,
            "scope": memory.scope,
            "occurred_at": memory.occurred_at,
            "importance": memory.importance,
            "metadata": dict(memory.metadata),
            "conversation_id": memory.conversation_id,
            "links": [
                {"to_key": keys[link.to_id], "relation": link.relation, "weight": link.weight}
                for link in links
                if link.from_id == memory.id and link.to_id in keys and link.relation != CARRIES
            ],
        }


def _is_synthesised(memory: MemoryRecord) -> bool:
    """Return whether consolidation made it; it is made again from its sources, so an export leaves it out."""
    return MADE_MARK in memory.metadata


def _find_holding(partitions: Sequence[Partition], text: str) -> list[tuple[int, str]]:
    """Return (position, id) of memories that hold all the words and, where any memory does, all the signs."""
    stems, signs = question_forms(text), question_signs(text)
    if not stems and not signs:
        return _places(partitions, [_find_literally(partition, text) for partition in partitions])
    worded = [_find_words(partition, stems, text) for partition in partitions]
    signed = [_find_signs(partition, signs, slots) for partition, slots in zip(partitions, worded, strict=True)]
    return _places(partitions, signed if any(signed) or not stems else worded)


def _find_words(partition: Partition, stems: Sequence[tuple[str, ...]], text: str) -> set[int]:
    if not stems:
        return set(partition.slots.values())
    found = [{slot for form in forms for slot in partition.postings.holders(form)} for forms in stems]
    last = tokens(text)[-1]
    for begun in {last, strip_accents(last)}:
        found[-1] |= partition.postings.beginning_with(begun)
    return set.intersection(*found)


def _find_signs(partition: Partition, signs: Sequence[str], slots: set[int]) -> set[int]:
    return slots.intersection(*(partition.postings.holders(sign) for sign in signs)) if signs else slots


def _find_literally(partition: Partition, text: str) -> set[int]:
    """Find memories that hold a text without words or signs (`:)`, `...`) just as it stands."""
    spell = fold if (wanted := fold(text).split()) else str
    pieces = wanted or text.split() or [text]
    found = set()
    slots = list(partition.slots.values())
    for start in range(0, len(slots), EXPORTED):
        for memory_id, entry in partition.entries(slots[start : start + EXPORTED]).items():
            held = spell(entry.text)
            if all(piece in held for piece in pieces):
                found.add(partition.slots[memory_id])
    return found


def _places(partitions: Sequence[Partition], slots: Sequence[set[int]]) -> list[tuple[int, str]]:
    return [
        (partition.columns["positions"][slot], partition.ids[slot])
        for partition, some in zip(partitions, slots, strict=True)
        for slot in some
    ]


def _page(found: Sequence[MemoryRecord], limit: int) -> Page:
    items = found[:limit]
    return Page(items=items, after=items[-1].id if len(found) > limit else None)


def _read_cursor(store: Store, owner: Owner, namespace: str, after: str | None) -> int | None:
    """Return the position of the memory `after`, forgotten or not.

    The cursor is an id: a position would tell how busy other tenants are. Raises BadCursor.
    """
    if after is None:
        return None
    position = find_position(store.database, owner, namespace, after)
    if position is None:
        raise BadCursor(field="after")
    return position
