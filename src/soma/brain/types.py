"""The values of the brain's wire, as its client gives and gets them."""

from typing import Any, Self

import msgspec

from soma.events.facts.turn import RecalledMemory

EXPERIMENT_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"  # it stands in paths of the API
LONGEST_CORRECTION = 4_000  # characters

ROLES = ("owner", "member", "viewer")


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """The user for whom the brain works: from the verified token, never from a body.

    `role` is one of ROLES; a caller that names none is a member.
    """

    tenant_id: str
    user_id: str
    agent_id: str
    role: str = "member"


class ContextBundle(msgspec.Struct, frozen=True, kw_only=True):
    """Context for a query: what a model may be shown, with the weights that chose it.

    `nearness` is the cosine of the nearest of many candidates, `floors` the least of it below which none is shown, and
    the least bearing of a memory that is. There are none where few memories were judged one by one.
    """

    bundle_id: str
    memories: list[RecalledMemory]
    weights: dict[str, float]
    neuromodulators: dict[str, float]
    version: int
    token_count: int
    dropped: int
    statistics_version: str
    trace_id: str
    audit_id: str
    tokenizer: str = ""
    working_memory: list[dict[str, Any]] = []
    residual: list[float] = []
    plan: dict[str, Any] = {}
    governance: dict[str, Any] = {}
    trust: float = 0.5
    floors: dict[str, float] = {}
    nearness: float | None = None
    degraded: str | None = None


class LearnerView(msgspec.Struct, frozen=True, kw_only=True):
    """The learner of a (tenant, agent) as people and agents may see it."""

    weights: dict[str, float]
    neuromodulators: dict[str, float]
    version: int
    trust: float
    state_hash: str
    usefulness: dict[str, float] = {}
    learned: dict[str, float] = {}
    prior: dict[str, float] = {}
    calibration: dict[str, Any] = {}
    shapes: dict[str, float] = {}
    """Share of each shape of data in the learned weights, the stranger's among them; they sum to 1."""
    floors: dict[str, float] = {}
    """Least `bearing` on its question of a memory that is shown, and least `nearness` of the nearest to show any."""
    floor_questions: float = 0.0
    """Held-out questions that the floors were learned from; older ones count less."""


class IterationAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of publish_turn_metrics. `status` is success, duplicate or skipped."""

    status: str
    weights: dict[str, float]
    neuromodulators: dict[str, float]
    weights_before: dict[str, float] = {}
    neuromodulators_before: dict[str, float] = {}
    weight_deltas: dict[str, float] = {}
    salience: float | None = None
    learning_rate: float | None = None
    reward: float | None = None
    reward_terms: dict[str, float] = {}
    gated: bool = False
    stale: bool = False
    clipped: list[str] = []
    version: int | None = None


class FeedbackAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Effect of a person's feedback. `reason` says why nothing was adapted (unknown_bundle, reward_voided, ...).

    A repeated one gets the first answer with the status `duplicate`; `taken_back`: what it taught stands no longer.

    `voided`: its verdict taught nothing, because a tool of the turn was denied or the answer withdrawn. `held_out`: the
    question is never learned from, and measured what was learned. `memory_id` is the memory that a correction became.
    """

    accepted: bool
    adaptation_applied: bool
    weights_before: dict[str, float]
    weights_after: dict[str, float]
    weight_deltas: dict[str, float]
    feedback_id: str
    status: str = "success"
    reason: str | None = None
    version: int | None = None
    trust: float | None = None
    clipped: list[str] = []
    voided: bool = False
    held_out: bool = False
    memory_id: str | None = None

    @classmethod
    def skip(cls, reason: str, *, version: int | None = None) -> Self:
        """Answer a report of which nothing was learned, with the learner's `version` at the time."""
        return cls(
            accepted=True,
            adaptation_applied=False,
            weights_before={},
            weights_after={},
            weight_deltas={},
            feedback_id="",
            status="skipped",
            reason=reason,
            version=version,
        )


class RejectedItem(msgspec.Struct, frozen=True, kw_only=True):
    index: int
    error: dict[str, Any]


class BatchAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """`accepted` counts what was recorded, `duplicates` what had been recorded before. The first answer to a key comes
    again with the status `duplicate`."""

    accepted: int
    status: str = "success"
    rejected: list[RejectedItem] = []
    duplicates: int = 0
    adapted: int = 0


class RolledBack(msgspec.Struct, frozen=True, kw_only=True):
    """The learner is again what it was at `restored_version`; `version` is the rollback's own.

    `values_restored` memories have the value again that they had then. Where `values_from` is set, memories keep what
    they were taught until that version: it was learned before steps of values were kept.
    """

    version: int
    restored_version: int
    weights_before: dict[str, float]
    weights_after: dict[str, float]
    state_hash: str
    values_restored: int = 0
    values_from: int | None = None


class Withdrawn(msgspec.Struct, frozen=True, kw_only=True):
    """An answer that was withdrawn. `versions` are the updates that had learned from verdicts on it and were left out;
    `status` is success or duplicate."""

    status: str
    turn_id: str
    versions: list[int]
    version: int
    weights_before: dict[str, float]
    weights_after: dict[str, float]
    weight_deltas: dict[str, float]
    state_hash: str


class Update(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a learner and why. `learned_deltas` is what was learned, `weight_deltas` what of it is served, as
    far as it is trusted.

    Evidence moves the weight of each view by evidence_step learning_factor signal / (curvature_start + curvature), as
    far as its bounds allow: `signals` is its slope, `curvatures` what is known of it by now. `features` is what a
    reward was regressed on. `floors` are told where they moved.
    """

    version: int
    at: str
    event_id: str
    event_type: str
    cause: str
    kind: str
    reason: str
    weights: dict[str, float]
    learned_deltas: dict[str, float]
    weight_deltas: dict[str, float]
    trust_before: float
    trust: float
    learning_rate: float
    credit: float
    salience: float
    learning_factor: float = 1.0
    evidence_step: float = 0.0
    curvature_start: float = 0.0
    signals: dict[str, float] = {}
    curvatures: dict[str, float] = {}
    shape_moves: dict[str, float] = {}
    reward: float | None = None
    reward_terms: dict[str, float] = {}
    features: dict[str, float] = {}
    gated: bool = False
    guarded: bool = False
    clipped: list[str] = []
    neuromodulators: dict[str, float] = {}
    floors_before: dict[str, float] = {}
    floors: dict[str, float] = {}
    turn_id: str | None = None
    user_id: str | None = None


class LearnerHistory(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of a learner's life, oldest first, and what was served before it.

    What came before `oldest_version` was erased after its time; the checkpoint it begins at was signed at `oldest_at`.
    """

    start_version: int
    start_weights: dict[str, float]
    start_trust: float
    newest_version: int
    updates: list[Update] = []
    oldest_version: int = 0
    oldest_at: str | None = None


class PreviewAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Memories that a query would show: by the weights in use, and by others (shipped ones where none are given)."""

    query: str
    weights: dict[str, float]
    other_weights: dict[str, float]
    memories: list[RecalledMemory]
    other_memories: list[RecalledMemory]
    plan: dict[str, Any]
    other_plan: dict[str, Any]
    only: list[str]
    other_only: list[str]
    trust: float


class Experiment(msgspec.Struct, frozen=True, kw_only=True):
    """`status` is running, promoted, kept or stopped; `verdict` what its results say now, or said at the end."""

    experiment_id: str
    name: str
    hypothesis: str
    metric: str
    method: str
    planned: int
    share: float
    arms: list[dict[str, Any]]
    status: str
    proposed_by: str
    created_at: str
    decided_at: str | None = None
    assigned: dict[str, int] = {}
    verdict: dict[str, Any] = {}
    promotion: dict[str, Any] | None = None


class RememberedItem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`status` is created, updated, unchanged or refused; `error` says why the last: code, message, field."""

    id: str
    key: str
    status: str
    error: dict[str, Any] | None = None


class Forgotten(msgspec.Struct, frozen=True, kw_only=True):
    """`texts` are of what went, as far as they fit: whoever has shown them elsewhere finds them by these."""

    receipt_id: str
    forgotten: list[str]
    is_shared: bool = False
    texts: list[str] = []


class StoredMemory(msgspec.Struct, frozen=True, kw_only=True):
    """A memory as its owner browses it. `access_count`: bundles that showed it so far; `accessed_at`: when last.

    `author` is the verified user who wrote a shared memory; None for a private one.
    """

    id: str
    key: str
    text: str
    kind: str
    scope: str
    occurred_at: str
    value: float = 0.5
    access_count: int = 0
    accessed_at: str | None = None
    conversation_id: str | None = None
    metadata: dict[str, Any] = {}
    author: str | None = None


class MemoryPage(msgspec.Struct, frozen=True, kw_only=True):
    """`next` is the `after` of the page that follows; None at the end."""

    memories: list[StoredMemory]
    next: str | None = None


class ImportedLines(msgspec.Struct, frozen=True, kw_only=True):
    """Memories of an import by what became of them; `refused` are the keys of shared ones that another user wrote."""

    created: int
    updated: int
    unchanged: int
    refused: list[str] = []


class ExportPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some memories as an import takes them; `next` asks for the following ones."""

    items: list[dict[str, Any]]
    next: str | None


class LinkAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Result of linking: the link is new, or was there already."""

    status: str  # created or unchanged


class EmbeddingStatus(msgspec.Struct, frozen=True, kw_only=True):
    """`model` answers, `embedded` of the `memories` that the caller sees in all namespaces have a vector of `target`.

    `waiting` says why it does not go on.
    """

    model: str
    target: str
    embedded: int
    memories: int
    done: bool
    waiting: str = ""


class MemoryStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of what the caller sees of a namespace, and the state of the tenant's vectors."""

    namespace: str
    memories: int
    private: int
    agent: int
    tenant: int
    links: int
    words: int
    embedding: EmbeddingStatus


class VerifyAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Result of a comparison: what was compared, how many differed by kind, how many were repaired.

    `named` are the first differences that the caller may see.
    """

    clean: bool
    memories: int
    links: int
    partitions: int
    problems: dict[str, int]
    named: list[tuple[str, str]]
    repaired: int


class ConsolidationEntry(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    phase: str
    method: str
    made: list[str]
    sources: list[str]
    created_at: str
    undone_at: str | None = None


class Consolidations(msgspec.Struct, frozen=True, kw_only=True):
    consolidations: list[ConsolidationEntry]


class UndoAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A consolidation that was taken back: the memories that went, and how many links weigh what they did before."""

    id: str
    removed: list[str]
    restored_links: int


class FeedbackRow(msgspec.Struct, frozen=True, kw_only=True):
    """Feedback of the caller. `version` is the learner's after it; None where nothing was learned."""

    at: str
    bundle_id: str | None
    reward: float | None
    helpful: int
    unhelpful: int
    applied: bool
    reason: str | None
    version: int | None


class UsageRow(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens, cost and calls of one day and model of the caller's tenant."""

    day: str
    model: str
    tokens: int
    cost: float
    calls: int
