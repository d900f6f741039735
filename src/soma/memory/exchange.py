"""Memories as JSON lines: what one export wrote, another import takes. Links come last, when both ends are there."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from soma.memory import checks
from soma.memory.errors import BadLine
from soma.memory.remember import remember
from soma.memory.store import Store
from soma.memory.types import NewLink, NewMemory, Owner, Remembered, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """Memories by what became of them."""

    created: int
    updated: int
    unchanged: int


class _LinkLine(msgspec.Struct, forbid_unknown_fields=True):
    to_key: str
    relation: str
    weight: float = 1.0


class _Line(msgspec.Struct, forbid_unknown_fields=True):
    text: str
    key: str | None = None
    kind: str = "episodic"
    scope: str = "user"
    occurred_at: str | None = None
    importance: float = 0.5
    metadata: dict[str, Any] = {}
    conversation_id: str | None = None
    links: list[_LinkLine] = []


def lines(items: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Each item of an export as one line."""
    for item in items:
        yield json.dumps(item, ensure_ascii=False, sort_keys=True) + "\n"


def parsed(text: Iterable[str]) -> list[NewMemory]:
    """Raises BadLine with the number of the line."""
    found = []
    for number, line in enumerate(text, 1):
        if line.strip():
            try:
                found.append(_new(msgspec.json.decode(line, type=_Line)))
            except msgspec.MsgspecError as error:
                raise BadLine(str(error), field=f"line {number}") from error
    return found


def _new(line: _Line) -> NewMemory:
    fields = {name: getattr(line, name) for name in _Line.__struct_fields__ if name != "links"}
    links = [NewLink(to_key=link.to_key, relation=link.relation, weight=link.weight) for link in line.links]
    return NewMemory(**fields, links=links)


async def take(store: Store, owner: Owner, items: Sequence[NewMemory], namespace: str) -> Taken:
    """Remember all `items`, however many: checked before the first is written, then batch by batch, links last."""
    batches = [items[start : start + checks.ITEMS] for start in range(0, len(items), checks.ITEMS)]
    for batch in batches:
        checks.items(batch)
    results: list[Remembered] = []
    for batch in batches:
        results += await remember(store, owner, [replace(item, links=()) for item in batch], namespace)
    linked = [item for item in items if item.links]
    for start in range(0, len(linked), checks.ITEMS):
        await remember(store, owner, linked[start : start + checks.ITEMS], namespace)
    return Taken(**{status: _count(results, status) for status in ("created", "updated", "unchanged")})


def _count(results: Sequence[Remembered], status: Status) -> int:
    return sum(result.status == status for result in results)
