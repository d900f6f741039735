"""Collections: memories of one user with questions about them, and the memories that answer each."""

from collections.abc import Sequence
from dataclasses import dataclass

from soma.memory.types import NewMemory


@dataclass(frozen=True, slots=True)
class GoldQuestion:
    """A question; `gold` are the keys of the memories that answer it.

    It is asked at `asked_at` (ISO 8601; None: after everything), when the first `known` memories are there (None: all).
    """

    text: str
    gold: frozenset[str]
    category: int = 0
    asked_at: str | None = None
    known: int | None = None


@dataclass(frozen=True, slots=True)
class Collection:
    """`messages` in the order of being remembered."""

    name: str
    messages: Sequence[NewMemory]
    questions: Sequence[GoldQuestion]
