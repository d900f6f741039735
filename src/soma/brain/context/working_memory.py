"""Working memory of a conversation: a bounded ring of what was salient, with duplicates merged.

It tells how new a thing is: novelty = 1 - the greatest cosine to what is held.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

Key = tuple[str, str, str, str]  # tenant, user, agent, conversation

DUPLICATE = 0.95  # cosine at which two items are one


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """`embedding` has length 1, so that a dot product is a cosine."""

    text: str
    embedding: Sequence[float]
    salience: float
    at: str


class WorkingMemory(Protocol):
    """`degraded` says what is away where this is not the whole of it."""

    degraded: str | None

    async def items(self, key: Key) -> Sequence[Item]:
        """Return the items, oldest first."""
        ...

    async def admit(self, key: Key, item: Item) -> None: ...

    async def clear(self, tenant_id: str, user_id: str | None) -> None:
        """Drop what is held for a user, or for everybody of the tenant."""
        ...

    def count(self) -> int:
        """Items of the conversations that this process has seen last."""
        ...


class LocalWorkingMemory:
    """Rings of the conversations used last; gone with the process."""

    degraded: str | None = None

    def __init__(self, *, items: int, conversations: int) -> None:
        self._limit = items
        self._conversations = conversations
        self._rings: OrderedDict[Key, tuple[Item, ...]] = OrderedDict()

    async def items(self, key: Key) -> Sequence[Item]:
        return self._rings.get(key, ())

    async def admit(self, key: Key, item: Item) -> None:
        self._rings[key] = admit_item(self._rings.get(key, ()), item, self._limit)
        self._rings.move_to_end(key)
        while len(self._rings) > self._conversations:
            self._rings.popitem(last=False)

    async def clear(self, tenant_id: str, user_id: str | None) -> None:
        for key in [key for key in self._rings if is_of(key, tenant_id, user_id)]:
            del self._rings[key]

    def count(self) -> int:
        return sum(len(ring) for ring in list(self._rings.values()))


def is_of(key: Key, tenant_id: str, user_id: str | None) -> bool:
    return key[0] == tenant_id and user_id in {None, key[1]}


def admit_item(ring: Sequence[Item], item: Item, limit: int) -> tuple[Item, ...]:
    """Put `item` last; what says the same is merged into it and keeps the greater salience."""
    same = [held for held in ring if cosine(held.embedding, item.embedding) >= DUPLICATE]
    merged = replace(item, salience=max([item.salience, *(held.salience for held in same)]))
    rest = [held for held in ring if held not in same]
    return (*rest, merged)[-limit:]


def novelty(ring: Sequence[Item], embedding: Sequence[float]) -> float:
    """1 - max cosine, in [0, 1]; 1 where nothing is held or nothing can be compared."""
    if not ring or not len(embedding):
        return 1.0
    nearest = max(cosine(item.embedding, embedding) for item in ring)
    return min(max(1.0 - nearest, 0.0), 1.0)


def cosine(left: Sequence[float], right: Sequence[float]) -> float:
    return float(sum(a * b for a, b in zip(left, right, strict=False)))
