"""Memories as JSON lines: what one export wrote, another import takes. Links come last, when both ends are there."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from soma.events.transaction import Transaction
from soma.memory import checks
from soma.memory.errors import BadLine, UnknownLinkTarget
from soma.memory.remember import content_key, nearest, remember
from soma.memory.rows.documents import THREADS, register_threads
from soma.memory.rows.memories import find_by_keys, text_of
from soma.memory.store import Store
from soma.memory.types import NewLink, NewMemory, Owner, RememberResult, Scope, Status
from soma.validation import json_errors

Numbered = Mapping[int, NewMemory]  # by the lines that they stand in


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportCounts:
    """Numbers of memories by outcome; `refused` are the keys of shared ones that another user wrote."""

    created: int
    updated: int
    unchanged: int
    refused: Sequence[str] = ()


UNKNOWN = re.compile(r"Object contains unknown field `(?P<name>[^`]*)`(?: - at `(?P<within>[^`]+)`)?")


class _LinkLine(msgspec.Struct, forbid_unknown_fields=True):
    to_key: str
    relation: str
    weight: float = 1.0


class _Line(msgspec.Struct, forbid_unknown_fields=True):
    text: str
    key: str | None = None
    kind: str = "episodic"
    scope: str | None = None
    occurred_at: str | int | float | None = None  # other programs write numbers of an epoch
    importance: float = 0.5
    metadata: dict[str, Any] = {}
    conversation_id: str | None = None
    links: list[_LinkLine] = []


def to_lines(items: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield each item of an export as one line."""
    for item in items:
        yield json.dumps(item, ensure_ascii=False, sort_keys=True) + "\n"


def parse_lines(text: Iterable[str], scope: Scope) -> Numbered:
    """Parse memories, by the numbers of their lines; a line without a scope gets `scope`.

    Raises MemoryRefused with the number of the first bad line.
    """
    found = {}
    for number, line in enumerate(text, 1):
        if line.strip():
            found[number] = _to_memory(_decode_line(line, number), scope, f"line {number}")
            is_message = found[number].conversation_id is not None  # an export has those of conversations
            checks.one_item(found[number], f"line {number}", is_message=is_message)
    return found


def _decode_line(line: str, number: int) -> _Line:
    try:
        decoded = msgspec.json.decode(line, type=_Line)
    except msgspec.ValidationError as error:
        if unknown := UNKNOWN.fullmatch(str(error)):
            raise _describe_unknown(unknown["name"], unknown["within"] or "", number) from error
        raise BadLine(str(error), field=f"line {number}") from error
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise BadLine(json_errors.describe_json_error(line, error), field=f"line {number}") from error
    if (name := json_errors.find_repeated_name(line)) is not None:
        raise BadLine(f"{name} given more than once", field=f"line {number}")
    return decoded


def _describe_unknown(name: str, within: str, number: int) -> BadLine:
    """Name the fields that may be where an unknown one is; `within` is the path of the object that has it."""
    names = _LinkLine.__struct_fields__ if within else _Line.__struct_fields__
    place = f"line {number}{within.removeprefix('$')}.{name}"
    return BadLine(f"unknown field; there may be {', '.join(names)}", field=place)


def _to_memory(line: _Line, scope: Scope, place: str) -> NewMemory:
    fields = {name: getattr(line, name) for name in _Line.__struct_fields__ if name != "links"}
    if isinstance(line.occurred_at, int | float):
        fields["occurred_at"] = checks.moment(line.occurred_at, f"{place}.occurred_at").isoformat()
    links = [NewLink(to_key=link.to_key, relation=link.relation, weight=link.weight) for link in line.links]
    return NewMemory(**fields | {"scope": line.scope or scope, "links": links})


async def import_lines(store: Store, owner: Owner, text: Iterable[str], namespace: str, scope: Scope) -> ImportCounts:
    """Remember all lines, however many: all are checked before the first is written, links come last.

    Shared memories that another user wrote are left as they are, and named.
    """
    numbered = await store.work(parse_lines, text, scope)
    await store.work(_check_links, store, owner, numbered, namespace)
    items = list(numbered.values())
    results: list[RememberResult] = []
    for batch in _batches([replace(item, links=()) for item in items]):
        results += await remember(store, owner, batch, namespace)
    linked = [number for number, item in enumerate(items) if item.links]
    again: list[RememberResult] = []
    for batch in _batches([items[number] for number in linked]):
        again += await remember(store, owner, batch, namespace)
    for number, result in zip(linked, again, strict=True):
        results[number] = result if result.status == "refused" else results[number]
    if names := _find_documents(owner, items):
        await store.writer.write(lambda transaction: _register(transaction, owner, names, namespace))
    return ImportCounts(
        created=_count(results, "created"),
        updated=_count(results, "updated"),
        unchanged=_count(results, "unchanged"),
        refused=[result.key for result in results if result.status == "refused"],
    )


def _find_documents(owner: Owner, items: Sequence[NewMemory]) -> Mapping[str, Mapping[str, str]]:
    """Names of the documents that lines are chunks of, by owner name and by thread."""
    names: dict[str, dict[str, str]] = {}
    for item in items:
        thread = item.conversation_id or ""
        if thread.startswith(THREADS) and (name := text_of(item.metadata, "document")):
            names.setdefault(owner.scope_owner(item.scope), {}).setdefault(thread, name)
    return names


def _register(transaction: Transaction, owner: Owner, names: Mapping[str, Mapping[str, str]], namespace: str) -> None:
    """Register documents of chunks that came as lines, so that an import of the files themselves recognises them."""
    for scope_owner, threads in names.items():
        register_threads(transaction, (owner.tenant_id, namespace, scope_owner), threads, owner.user_id)


def _batches(items: Sequence[NewMemory]) -> Iterator[Sequence[NewMemory]]:
    return (items[start : start + checks.ITEMS] for start in range(0, len(items), checks.ITEMS))


def _check_links(store: Store, owner: Owner, numbered: Numbered, namespace: str) -> None:
    """Check that each link leads to another memory, of these lines or stored. Raises UnknownLinkTarget."""
    wanted = (link.to_key for item in numbered.values() for link in item.links)
    there = {(memory.scope_owner, memory.key) for memory in find_by_keys(store.database, owner, namespace, wanted)}
    there |= {_place(owner, item) for item in numbered.values()}
    for number, item in numbered.items():
        own = _place(owner, item)
        for nth, link in enumerate(item.links):
            target = nearest(there, (own[0], *owner.visible()), link.to_key)
            if target is None or target == own:
                field = f"line {number}.links[{nth}].to_key"
                raise UnknownLinkTarget(f"there is no other memory {link.to_key!r} here", field=field)


def _place(owner: Owner, item: NewMemory) -> tuple[str, str]:
    return owner.scope_owner(item.scope), item.key or content_key(item)


def _count(results: Sequence[RememberResult], status: Status) -> int:
    return sum(result.status == status for result in results)
