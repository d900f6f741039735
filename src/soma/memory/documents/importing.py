"""Import: a document as memories, one a chunk. Imported again, it changes what changed and forgets what is gone."""

import re
from collections import Counter, deque
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from itertools import islice
from typing import Any, Literal

from soma.events.database import Reader
from soma.memory import authorship, checks
from soma.memory.catalogue.identity import UNNAMED
from soma.memory.documents.blocks import markdown, paragraphs
from soma.memory.documents.chunks import BETWEEN, Chunk, cut_each_chunk
from soma.memory.documents.cutting import Count
from soma.memory.documents.days import days_of
from soma.memory.errors import BadName, OutOfRange, TextTooLong
from soma.memory.forget import forget
from soma.memory.remember import remember
from soma.memory.rows.forgotten_chunks import delete_forgotten, find_forgotten_texts
from soma.memory.rows.memories import is_intact, read_thread
from soma.memory.store import Store
from soma.memory.types import Address, MemoryRecord, NewMemory, Owner, Scope

Format = Literal["text", "markdown"]

READERS = {"text": paragraphs, "markdown": markdown}
LONGEST_NAME = 300
LARGEST_BYTES = 4_000_000
MOST_CHUNKS = 20_000  # more is hours of embedding
AT_A_TIME = 100  # chunks cut by a thread before others get their turn
SMALLEST_BUDGET = 16  # tokens
AT_ONCE = 50  # chunks a commit: recalls in between do not wait for the embedding of a whole book
KEY_DIGITS = 16
LONGEST_COLLECTION = 100
LONGEST_ORIGIN = 4_000
ORIGIN = re.compile(r"(?:[0-9a-f]{8,64}(?:/[0-9a-f]{8,64})*)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDocument:
    """A text under the name that citations show.

    `written_at` (ISO 8601) says when its file was last changed; none means now. It only orders: what the document
    itself says of its day, in its front matter, near its top or in its name, dates it.

    `collection`, `origin` and `continues` say which document it is: see `catalogue/identity.py`. `with_forgotten`:
    also what a person forgot of it.
    """

    name: str
    text: str
    format: Format = "text"
    scope: Scope = "user"
    written_at: str | None = None
    collection: str = UNNAMED
    origin: str = ""
    continues: str | None = None
    with_forgotten: bool = False


@dataclass(frozen=True, slots=True)
class Chunking:
    """The size of chunks: `budget` tokens, as `count` counts them, headings included."""

    budget: int
    count: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkCounts:
    """Numbers of chunks by outcome. `updated` has another text than before; `unchanged` may stand elsewhere now.

    `left_out` were forgotten by a person, and are not remembered again.
    """

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    forgotten: int = 0
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class _Plan:
    """Each chunk with the memory that it continues, and the memories that no chunk continues."""

    pairs: Sequence[tuple[Chunk, MemoryRecord | None]]
    vanished: Sequence[MemoryRecord]


def check_document(document: NewDocument, chunking: Chunking) -> None:
    """Check a document before it is imported. Raises MemoryRefused."""
    if not document.name.strip() or len(document.name) > LONGEST_NAME or not document.name.isprintable():
        raise BadName(f"must have 1 to {LONGEST_NAME} printable characters", field="name")
    check_place(document.collection, document.origin)
    checks.one_of(document.format, tuple(READERS), "format")
    checks.one_of(document.scope, ("user", "agent", "tenant"), "scope")
    if (size := len(document.text.encode("utf-8", "surrogatepass"))) > LARGEST_BYTES:
        raise TextTooLong(f"must be at most {LARGEST_BYTES:,} bytes, not {size:,}; divide it", field="text")
    checks.not_empty(document.text, "text")
    checks.storable(document.text, "text")
    if document.written_at is not None:
        checks.moment(document.written_at, "written_at")
    if chunking.budget < SMALLEST_BUDGET:
        raise OutOfRange(f"must be at least {SMALLEST_BUDGET} tokens", field="budget")


def check_place(collection: str, origin: str, inside: str = "") -> None:
    """Check a collection and an origin; `inside` comes before the names of the fields. Raises BadName."""
    if not collection.strip() or len(collection) > LONGEST_COLLECTION or not collection.isprintable():
        raise BadName(f"must have 1 to {LONGEST_COLLECTION} printable characters", field=f"{inside}collection")
    if len(origin) > LONGEST_ORIGIN or not ORIGIN.fullmatch(origin):
        raise BadName("must be hexadecimal digests with / between them", field=f"{inside}origin")


def digest_of(text: str) -> str:
    """Return a digest that is equal for equal texts, however their lines end."""
    return sha256(text.replace("\r\n", "\n").encode()).hexdigest()


async def write_chunks(
    store: Store,
    owner: Owner,
    document: NewDocument,
    namespace: str,
    chunking: Chunking,
    *,
    thread: str,
    is_known: bool = False,
) -> ChunkCounts:
    """Make the chunks in `thread` those of the document.

    New ones are written before vanished ones go: a kill in between leaves both, and the next import completes it.

    A chunk that a person forgot is left out, from whichever file it comes, unless the document is imported
    `with_forgotten`.

    `is_known`: all of this text was written before. A chunk that is missing was forgotten since, and stays so, unless
    the text is cut in another way now: versions before 2026-12 kept no digests of forgotten chunks.

    Raises NotTheAuthor for a shared document of another user that would change; nothing of it does.
    """
    found = await _cut(store, document, chunking)
    address = (owner.tenant_id, namespace, owner.scope_owner(document.scope))
    if document.with_forgotten:
        await store.writer.write(lambda transaction: delete_forgotten(transaction, address, map(_text, found)))
    wanted = await store.work(lambda: _leave_out(store.database, address, found, thread))
    plan = await store.work(lambda: _match(wanted, read_thread(store.database, address, thread)))
    if is_known and not document.with_forgotten and _is_cut_as_before(plan):
        plan = _Plan([(chunk, memory) for chunk, memory in plan.pairs if memory is not None], ())
    items = await store.work(_items, document, plan, thread)
    if items or plan.vanished:
        for memory in (*(memory for _, memory in plan.pairs if memory is not None), *plan.vanished):
            authorship.check(owner, memory, "name")
    for start in range(0, len(items), AT_ONCE):
        await remember(store, owner, items[start : start + AT_ONCE], namespace)
    if plan.vanished:
        await forget(store, owner, [memory.id for memory in plan.vanished], (), namespace, by_person=False)
    former = [(chunk, memory) for chunk, memory in plan.pairs if memory is not None]
    updated = sum(chunk.text != memory.text for chunk, memory in former)
    return ChunkCounts(
        created=len(plan.pairs) - len(former),
        updated=updated,
        unchanged=len(former) - updated,
        forgotten=len(plan.vanished),
        left_out=len(found) - len(plan.pairs),
    )


async def _cut(store: Store, document: NewDocument, chunking: Chunking) -> list[Chunk]:
    """Cut a document into all its chunks, letting recalls in between. Raises TextTooLong once they are too many."""
    blocks = READERS[document.format](document.text)
    each = cut_each_chunk(document.text, blocks, budget=chunking.budget, count=chunking.count)
    found: list[Chunk] = []
    while some := await store.work(lambda: list(islice(each, AT_A_TIME))):
        found += some
        if len(found) > MOST_CHUNKS:
            raise TextTooLong(
                f"makes more than {MOST_CHUNKS:,} chunks; divide it, or merge its short sections", field="text"
            )
    return found


def _leave_out(reader: Reader, address: Address, found: Sequence[Chunk], thread: str) -> list[Chunk]:
    """Return the chunks without those that a person forgot; of equal ones as many stay as are still remembered."""
    forgotten = find_forgotten_texts(reader, address, map(_text, found))
    if not forgotten:
        return list(found)
    held = Counter(memory.text for memory in read_thread(reader, address, thread))
    wanted = []
    for chunk in found:
        if chunk.text not in forgotten or held[chunk.text] > 0:
            held[chunk.text] -= 1
            wanted.append(chunk)
    return wanted


def _match(found: Sequence[Chunk], former: Sequence[MemoryRecord]) -> _Plan:
    """Match chunks with memories: by the same text, then, of the rest, by the same headings in order."""
    chosen: dict[int, MemoryRecord] = {}
    left = {memory.id: memory for memory in former}
    for of_chunk, of_memory in ((_text, _text), (_headings, _headings_of)):
        waiting: dict[Any, deque[MemoryRecord]] = {}
        for memory in left.values():
            waiting.setdefault(of_memory(memory), deque()).append(memory)
        for number, chunk in enumerate(found):
            if number not in chosen and (same := waiting.get(of_chunk(chunk))):
                chosen[number] = same.popleft()
                del left[chosen[number].id]
    return _Plan([(chunk, chosen.get(number)) for number, chunk in enumerate(found)], list(left.values()))


def _is_cut_as_before(plan: _Plan) -> bool:
    """Return whether the stored chunks are of this cut: else one may be missing because another held its text."""
    return not plan.vanished and all(memory is None or memory.text == chunk.text for chunk, memory in plan.pairs)


def _text(one: Chunk | MemoryRecord) -> str:
    return one.text


def _headings(chunk: Chunk) -> str:
    return repr(list(chunk.headings))


def _headings_of(memory: MemoryRecord) -> str:
    return repr(memory.metadata.get("headings"))


def _items(document: NewDocument, plan: _Plan, thread: str) -> list[NewMemory]:
    """Return the chunks to remember: all, or none where text and places are as they were."""
    days = days_of(document.text, document.name, READERS[document.format](document.text))
    if not plan.vanished and all(
        memory is not None
        and is_intact(memory)
        and memory.text == chunk.text
        and dict(memory.metadata) == chunk_metadata(document.name, chunk, days.day_of(chunk.headings))
        for chunk, memory in plan.pairs
    ):
        return []
    written = checks.moment(document.written_at) if document.written_at else datetime.now(UTC)
    taken = {memory.key for _, memory in plan.pairs if memory is not None}
    occurrences: Counter[str] = Counter()
    items = []
    for number, (chunk, memory) in enumerate(plan.pairs):
        key = (
            memory.key
            if memory is not None
            else _make_key(document.name, thread, chunk, taken=taken, occurrences=occurrences)
        )
        taken.add(key)
        day = days.day_of(chunk.headings)
        items.append(
            NewMemory(
                text=chunk.text,
                key=key,
                kind="semantic",
                scope=document.scope,
                # a microsecond a chunk: recall orders what belongs together by time
                occurred_at=(_moment(day, written) + timedelta(microseconds=number)).isoformat(timespec="microseconds"),
                metadata=chunk_metadata(document.name, chunk, day),
                conversation_id=thread,
            )
        )
    return items


def _moment(day: date | None, written: datetime) -> datetime:
    return written if day is None else datetime(day.year, day.month, day.day, tzinfo=UTC)


def chunk_metadata(name: str, chunk: Chunk, day: date | None = None) -> Mapping[str, Any]:
    """Return metadata of a chunk: where it stands, for citations and for the next import, and its day."""
    return {
        "source": _citation(name, chunk),
        "document": name,
        "headings": list(chunk.headings),
        "lines": [chunk.first_line, chunk.last_line],
        "characters": [chunk.start, chunk.end],
        **({"dated": day.isoformat()} if day else {}),
    }


def _citation(name: str, chunk: Chunk) -> str:
    """Cite a chunk like this: notes.md, "Travel > Lisbon", lines 12-20."""
    first, last = chunk.first_line, chunk.last_line
    lines = f"line {first}" if first == last else f"lines {first}-{last}"
    return ", ".join([name, *([f'"{BETWEEN.join(chunk.headings)}"'] if chunk.headings else []), lines])


def _make_key(name: str, thread: str, chunk: Chunk, *, taken: Container[str], occurrences: Counter[str]) -> str:
    """Make a chunk's key from document and content; `occurrences` counts equal chunks, to tell them apart."""
    while True:
        digest = sha256(f"{thread}\n{occurrences[chunk.text]}\n{chunk.text}".encode()).hexdigest()[:KEY_DIGITS]
        occurrences[chunk.text] += 1
        if (key := f"{name}#{digest}") not in taken:
            return key
