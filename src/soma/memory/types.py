"""Values of memory: what is remembered, and how it is asked for. Nothing here knows a database or a model."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from soma.memory.errors import NotTheAuthor

Scope = Literal["user", "agent", "tenant"]
Kind = Literal["episodic", "semantic", "procedural"]
Status = Literal["created", "updated", "unchanged", "refused"]


Address = tuple[str, str, str]  # of a partition: tenant, namespace, owner name
Levels = NDArray[np.int64]

MADE_MARK = "synthesised"  # in the metadata of what consolidation made
STEPS = 65_535  # a view value is an integer k of k / 65535
SAME = 0.95  # cosine from which two texts say the same
HALF_LIFE_DAYS = 30.0  # in which a memory becomes half as recent, where a capsule does not say otherwise


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """The user behind a call, from the verified token: sees its own, its agent's and its tenant's memories.

    `is_tenant_owner` says that the token's role is owner: it may change what others wrote for all.
    """

    tenant_id: str
    user_id: str
    agent_id: str
    is_tenant_owner: bool = False

    def scope_owner(self, scope: Scope) -> str:
        """Return the owner name of `scope`, under which memories are kept: whoever has the same name sees them."""
        return {"user": f"user:{self.user_id}", "agent": f"agent:{self.agent_id}", "tenant": "tenant"}[scope]

    def visible(self) -> tuple[str, str, str]:
        return self.scope_owner("user"), self.scope_owner("agent"), self.scope_owner("tenant")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLink:
    """A link to make from the memory that carries it; `weight` in (0, 1]."""

    to_key: str
    relation: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMemory:
    """One text to remember. Without a key, the key is the SHA-256 of the text: the same text is the same memory.

    Recall reads three names in `metadata`: `speaker` (who said it), `image` (what a picture that goes with it shows)
    and `source` (the document it stands in). `derived_from` are ids of memories from which the text was taken: it is
    forgotten with any of them; ids of nothing that the owner sees are only named.
    """

    text: str
    key: str | None = None
    kind: Kind = "episodic"
    scope: Scope = "user"
    occurred_at: str | None = None  # ISO 8601; none means now
    importance: float = 0.5
    metadata: Mapping[str, Any] = field(default_factory=dict)
    conversation_id: str | None = None
    links: Sequence[NewLink] = ()
    derived_from: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RememberResult:
    """The outcome of one item; `refusal` says why a memory that is there already was left as it is (`refused`)."""

    id: str
    key: str
    status: Status
    refusal: NotTheAuthor | None = None


Keep = Callable[[], Sequence[RememberResult]]  # remembers within a transaction under way


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryRecord:
    """A stored memory. `position` is its place in the order of creation, `revision` that of its last change.

    Both are the log's own and stay inside: they would tell a tenant how busy the others are.
    """

    id: str
    tenant_id: str
    namespace: str
    scope: Scope
    scope_owner: str
    user_id: str
    agent_id: str
    key: str
    kind: Kind
    text: str
    metadata: Mapping[str, Any]
    conversation_id: str | None
    occurred_at: str
    importance: float
    value: float
    access_count: int
    accessed_at: str | None
    checksum: str
    position: int
    revision: int
    created_at: str
    updated_at: str

    @property
    def author(self) -> str | None:
        """The verified user who wrote a shared memory; None for a private one, and for what consolidation made."""
        return None if self.scope == "user" or MADE_MARK in self.metadata else self.user_id or None


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    from_id: str
    to_id: str
    relation: str
    weight: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentRow:
    """A document as a list shows it."""

    id: str
    collection: str
    name: str
    scope_owner: str
    format: str
    digest: str
    user_id: str
    imported_at: str
    chunks: int


LinkChange = tuple[str, str, str, float | None, float]  # from, to, relation, weight before and after


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsolidationRow:
    """A consolidation; `undone_at` once it was taken back."""

    id: str
    scope_owner: str
    phase: str
    method: str
    made: Sequence[str]
    sources: Sequence[str]
    links: Sequence[LinkChange]
    created_at: str
    undone_at: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some memories, newest first; `after` asks for the next ones and is None where there are no more."""

    items: Sequence[MemoryRecord]
    after: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """Numbers of what an owner can see of a namespace."""

    memories: int
    private: int
    agent: int
    tenant: int
    links: int
    words: int
    embedded: int
    model: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A question. `at` is the moment it is asked (ISO 8601), for the temporal views.

    `top_k` is how many the vectors and how many the words may bring; `also` are ids of memories that are candidates
    whatever they hold, where the asker may see them. `with_questions`: also messages of a chat that only asked.
    """

    text: str
    top_k: int = 200
    half_life_days: float = HALF_LIFE_DAYS
    namespace: str = "default"
    conversation_id: str | None = None
    at: str | None = None
    also: Sequence[str] = ()
    with_questions: bool = False


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A memory that may answer, with the level of each view; `author` is the verified writer of a shared one."""

    id: str
    key: str
    text: str
    views: Mapping[str, int]
    kind: Kind
    occurred_at: str
    value: float
    conversation_id: str | None
    metadata: Mapping[str, Any]
    author: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Candidates:
    """The outcome of recall, unranked: the brain's weights rank it. Hundreds may answer and a dozen are shown, so a
    candidate is made when it is looked at.

    `read` gives those of some numbers that are still there: what was forgotten
    since they were found is no longer.

    `levels` [ids, views] are integers k of k / 65535, min-max normalised over the candidates; of one alone, all or
    nothing. `vectors` [ids, dimension] have length 1.
    """

    ids: Sequence[str]
    views: tuple[str, ...]
    levels: Levels
    vectors: NDArray[np.float32]
    statistics_version: str
    query_embedding: Sequence[float]
    read: Callable[[Sequence[int]], Mapping[int, Candidate]]

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, number: int) -> Candidate:
        return self.read([number])[number]

    def __iter__(self) -> Iterator[Candidate]:
        """Yield the candidates that are still there."""
        found = self.read(range(len(self)))
        return (found[number] for number in range(len(self)) if number in found)

    def duplicates(self, numbers: Sequence[int]) -> list[tuple[int, int]]:
        """Return the pairs of `numbers` whose texts say the same."""
        vectors = self.vectors[list(numbers)]
        first, second = np.nonzero(np.triu(vectors @ vectors.T >= SAME, 1))
        return [(numbers[one], numbers[other]) for one, other in zip(first.tolist(), second.tolist(), strict=True)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureReceipt:
    """Proof of a `forget`: what was removed, by id; `is_shared` where others had seen some of it.

    `texts` are stored nowhere: a caller needs them to find what else says the same.
    """

    receipt_id: str
    forgotten: Sequence[str]
    is_shared: bool = False
    texts: Sequence[str] = ()
