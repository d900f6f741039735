"""What is remembered and how it is asked for. Plain values; nothing here knows a database or a model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Scope = Literal["user", "agent", "tenant"]
Kind = Literal["episodic", "semantic", "procedural"]
Status = Literal["created", "updated", "unchanged"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """For whom, from the verified token, first in every key: sees its own, its agent's and its tenant's memories."""

    tenant_id: str
    user_id: str
    agent_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLink:
    """A link to make from the memory that carries it; `weight` in (0, 1]."""

    to_key: str
    relation: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMemory:
    """One text to remember. Without a key, the key is the SHA-256 of the text: the same text is the same memory."""

    text: str
    key: str | None = None
    kind: Kind = "episodic"
    scope: Scope = "user"
    occurred_at: str | None = None  # ISO 8601; none means now
    importance: float = 0.5
    metadata: Mapping[str, Any] = field(default_factory=dict)
    conversation_id: str | None = None
    links: Sequence[NewLink] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    id: str
    key: str
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What to look for. `at` is the moment the question is asked (ISO 8601), for the temporal views."""

    text: str
    top_k: int = 200
    namespace: str = "default"
    conversation_id: str | None = None
    at: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A memory that may answer. `views` are integers k of k / 65535, min-max normalised over the candidates."""

    id: str
    key: str
    text: str
    views: Mapping[str, int]
    kind: Kind
    occurred_at: str
    value: float
    conversation_id: str | None
    metadata: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """What recall found, unranked: the brain's weights rank it. `duplicates`: pairs of indexes that say the same."""

    found: Sequence[Candidate]
    duplicates: frozenset[tuple[int, int]]
    statistics_version: str
    query_embedding: Sequence[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """Proof of a `forget`: what was removed, by id."""

    receipt_id: str
    forgotten: Sequence[str]
