"""Facts of memory: what was remembered, linked, forgotten, distilled and embedded anew."""

from typing import ClassVar

from soma.events.facts.base import Fact


class MemoryRemembered(Fact, frozen=True, kw_only=True):
    event_type: ClassVar[str] = "memory.remembered"
    memory_id: str
    key: str
    status: str
    checksum: str
    scope: str
    namespace: str


class MemoryForgotten(Fact, frozen=True, kw_only=True):
    event_type: ClassVar[str] = "memory.forgotten"
    receipt_id: str
    memory_ids: list[str]
    namespace: str


class MemoryLinked(Fact, frozen=True, kw_only=True):
    event_type: ClassVar[str] = "memory.linked"
    from_id: str
    to_id: str
    relation: str
    weight: float


class MemoryReembedded(Fact, frozen=True, kw_only=True):
    """All memories of a tenant have vectors of another model, which answers from here on."""

    event_type: ClassVar[str] = "memory.reembedded"
    model_before: str
    model_after: str
    memories: int


class MemoryReconciled(Fact, frozen=True, kw_only=True):
    """Projections did not agree with the payloads; `problems` counts them by kind."""

    event_type: ClassVar[str] = "memory.reconciled"
    memories: int
    problems: dict[str, int]
    repaired: int


class MemoryConsolidated(Fact, frozen=True, kw_only=True):
    """Memories were distilled. `links` are [from, to, relation, weight before or null, weight after]."""

    event_type: ClassVar[str] = "memory.consolidated"
    consolidation_id: str
    phase: str
    namespace: str
    made: list[str]
    sources: list[str]
    links: list[tuple[str, str, str, float | None, float]]
    method: str


class MemoryConsolidationUndone(Fact, frozen=True, kw_only=True):
    event_type: ClassVar[str] = "memory.consolidation_undone"
    consolidation_id: str
    removed: list[str]
    restored_links: int
