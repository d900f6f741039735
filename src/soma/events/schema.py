"""Every fact that Soma records: frozen, typed, versioned. Names and fields are promises; stored examples are tests.

A fact is the payload of an event. What is optional may be absent in older events; nothing is ever renamed or removed
within a version.
"""

from typing import Any, ClassVar

import msgspec

from soma.events.chain import Draft, Event
from soma.events.errors import FactUnfit
from soma.events.ids import new_id, now

Weights = dict[str, float]
Neuromodulators = dict[str, float]


class Fact(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=False):
    """The payload of one kind of event."""

    event_type: ClassVar[str]
    version: ClassVar[int] = 1


class ShownMemory(msgspec.Struct, frozen=True, kw_only=True):
    """A memory that the model was shown. `views` are integers k of k / 65535, the learner's only input.

    `author` is what the verified user who wrote a shared memory is called; None of a private one. `taught`: the user
    said before that it answers this question. `similarity` is the cosine of its meaning and the question's, where it
    was told.
    """

    id: str
    key: str
    text: str
    score: float
    attention: float
    parts: dict[str, float]
    views: dict[str, int]
    occurred_at: str | None = None
    source: str | None = None
    metadata: dict[str, Any] = {}
    author: str | None = None
    taught: bool = False
    similarity: float | None = None


class RequestedTool(msgspec.Struct, frozen=True, kw_only=True):
    """A tool call as the model asked for it; `arguments` is None where they were not a JSON object."""

    call_id: str
    name: str
    arguments: dict[str, Any] | None
    raw: str = ""


class TurnStarted(Fact, frozen=True, kw_only=True):
    event_type: ClassVar[str] = "chat.turn_started"
    message_id: str
    content: str
    input_hash: str
    capsule: str
    capsule_version: int
    constitution_hash: str | None
    model: str
    tools: list[str]
    limits: dict[str, Any]
    lanes: dict[str, int]
    level: str
    weights: Weights
    neuromodulators: Neuromodulators
    brain_version: int | None
    usefulness: dict[str, float] = {}
    calibration: list[list[float]] = []
    message_tokens: int = 0
    tool_k: int | None = None
    degraded: str | None = None
    client_message_id: str | None = None
    timezone: str = ""


class BundleBuilt(Fact, frozen=True, kw_only=True):
    event_type: ClassVar[str] = "chat.bundle_built"
    iteration_number: int
    query: str
    bundle_id: str | None
    memories: list[ShownMemory]
    weights: Weights
    neuromodulators: Neuromodulators
    brain_version: int | None
    token_count: int
    dropped: int
    duration_ms: float
    degraded: str | None = None


class ModelResponded(Fact, frozen=True, kw_only=True):
    """`extractive`: the model only quotes what it was shown, so what it cites teaches nothing."""

    event_type: ClassVar[str] = "chat.model_responded"
    iteration_number: int
    model: str
    text: str
    tool_calls: list[RequestedTool]
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int
    confidence: float | None
    logprobs: list[float]
    cited: list[str]
    attempts: int
    latency_ms: float
    lanes: dict[str, dict[str, int]]
    prompt_hash: str
    cost: float | None = None
    extractive: bool = False


class ToolRequested(Fact, frozen=True, kw_only=True):
    event_type: ClassVar[str] = "chat.tool_requested"
    iteration_number: int
    call_id: str
    tool: str
    arguments: dict[str, Any] | None


class ToolDecided(Fact, frozen=True, kw_only=True):
    """`taint` names the arguments that carry text from outside, `taint_sources` the memories and results it is of."""

    event_type: ClassVar[str] = "chat.tool_decided"
    iteration_number: int
    call_id: str
    tool: str
    allow: bool
    rule: str
    reason: str
    policy_version: str
    taint: list[str] = []
    taint_sources: list[str] = []


class ToolFinished(Fact, frozen=True, kw_only=True):
    """`status` is ok, failed, invalid, denied, timeout, breaker_open or unknown (the outcome was lost in a crash).
    `invalid` is the caller's error: a malformed call, or one that asks for what cannot be done.

    `proposed` are groups of memories that `forget` would forget: a yes of the user in the next turn is to them.
    """

    event_type: ClassVar[str] = "chat.tool_finished"
    iteration_number: int
    call_id: str
    tool: str
    status: str
    content: str
    is_error: bool
    sources: list[str]
    duration_ms: float
    proposed: list[list[str]] = []


class IterationJudged(Fact, frozen=True, kw_only=True):
    """The observation, recorded before anything is learned from it."""

    event_type: ClassVar[str] = "chat.iteration_judged"
    iteration_number: int
    confidence_raw: float
    confidence: float
    success_factor: float
    tool_utility: float
    convergence_score: float | None
    exit_reason: str | None
    tools_used: list[str]
    tool_outcomes: dict[str, str]
    latency_ms: float


class DraftReplaced(Fact, frozen=True, kw_only=True):
    event_type: ClassVar[str] = "chat.draft_replaced"
    iteration_number: int
    reason: str


class IterationCompleted(Fact, frozen=True, kw_only=True):
    event_type: ClassVar[str] = "chat.iteration_completed"
    iteration_number: int
    model: str
    confidence: float
    convergence_score: float | None
    exit_reason: str | None
    weights_before: Weights
    weights_after: Weights
    weight_deltas: Weights
    neuromodulators_before: Neuromodulators
    neuromodulators_after: Neuromodulators
    tools_used: list[str]
    latency_ms: float
    gated: bool
    learning: str
    salience: float | None = None
    learning_rate: float | None = None
    reward: float | None = None
    reward_terms: dict[str, float] = {}
    brain_version: int | None = None


class TurnComplete(Fact, frozen=True, kw_only=True):
    """`finish_reason` is the provider's word for why the answer ended; `note` tells the reader that it is not whole."""

    event_type: ClassVar[str] = "chat.turn_complete"
    convergence_score: float | None
    exit_reason: str
    final_weights: Weights
    final_neuromodulators: Neuromodulators
    total_iterations: int
    output_hash: str
    message_id: str
    content: str
    answer_iteration: int | None
    citations: list[dict[str, Any]]
    prompt_tokens: int
    completion_tokens: int
    latency_ms: float
    error: dict[str, Any] | None = None
    finish_reason: str | None = None
    note: str | None = None


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


class FeedbackReceived(Fact, frozen=True, kw_only=True):
    event_type: ClassVar[str] = "feedback.received"
    feedback_id: str
    target: str
    observation: Any


class FeedbackBatchReceived(Fact, frozen=True, kw_only=True):
    """Items as they were taken; those that were refused or had come before are not among them."""

    event_type: ClassVar[str] = "feedback.batch_received"
    key: str
    items: list[Any]


class LearnerConfigured(Fact, frozen=True, kw_only=True):
    """The constants that updates naming `digest` were computed with."""

    event_type: ClassVar[str] = "learner.configured"
    digest: str
    hyperparameters: dict[str, Any]


class WeightsUpdated(Fact, frozen=True, kw_only=True):
    """One observation learned. `weight_deltas` are of the served weights; `hyperparameters` is the digest of a
    `learner.configured`."""

    event_type: ClassVar[str] = "weights.updated"
    learner_version: int
    cause: str
    observation: Any
    weight_deltas: Weights
    state_hash: str
    hyperparameters: str = ""


class WeightsBatchUpdated(Fact, frozen=True, kw_only=True):
    """The observations of a batch, learned in order; `learner_version` and `state_hash` are those after the last, and
    `weight_deltas`, from the first to the last, are of the learned weights."""

    event_type: ClassVar[str] = "weights.batch_updated"
    first_version: int
    learner_version: int
    cause: str
    observations: list[Any]
    weight_deltas: Weights
    state_hash: str
    hyperparameters: str


class LearningCheckpointed(Fact, frozen=True, kw_only=True):
    """A learner's whole state, signed; `chain_seq` and `chain_hash` are the end of its chain before this event."""

    event_type: ClassVar[str] = "learning.checkpointed"
    agent_id: str
    learner_version: int
    chain_seq: int
    chain_hash: str
    state: str
    state_hash: str
    public_key: str
    signature: str


class LearningErased(Fact, frozen=True, kw_only=True):
    """What the learner was told up to `until_seq` of its chain may go: the checkpoint of `learner_version`, number
    `checkpoint_seq` of the chain, covers it, and a replay starts there. Envelopes and their hashes stay."""

    event_type: ClassVar[str] = "learning.erased"
    agent_id: str
    until_seq: int
    learner_version: int
    checkpoint_seq: int
    state_hash: str
    reason: str


class WeightsGuarded(Fact, frozen=True, kw_only=True):
    """The learner's score fell and its guard put the last good lesson back, within the update before this event."""

    event_type: ClassVar[str] = "weights.guarded"
    learner_version: int
    weights: Weights


class WeightsRolledBack(Fact, frozen=True, kw_only=True):
    """To version 0 means to the start that the constants of `hyperparameters` give, the process's own at the time."""

    event_type: ClassVar[str] = "weights.rolled_back"
    learner_version: int
    restored_version: int
    state_hash: str
    hyperparameters: str = ""
    restores_values: bool = False  # of single memories: earlier rollbacks left them as they were


class RewardVoided(Fact, frozen=True, kw_only=True):
    """What a person said of a turn teaches nothing: a tool of it was denied, its answer was withdrawn, or a newer word
    replaces it.

    `versions` are the updates that had already learned from such verdicts: the learner was derived again from
    `base_version` on without them. It is at `learner_version` after that; without any it never learned.
    """

    event_type: ClassVar[str] = "reward.voided"
    turn_id: str
    cause: str
    learner_version: int
    state_hash: str
    feedback_id: str | None = None
    iterations: list[int] = []
    versions: list[int] = []
    base_version: int | None = None


class ExperimentCreated(Fact, frozen=True, kw_only=True):
    """`design` holds the arms with their steps of the prior, the method and the planned size."""

    event_type: ClassVar[str] = "experiment.created"
    experiment_id: str
    name: str
    hypothesis: str
    metric: str
    design: dict[str, Any]
    proposed_by: str


class ExperimentDecided(Fact, frozen=True, kw_only=True):
    """`call` is promote, keep, wait (stopped before its time); `statistics` holds samples, t, df, p and d."""

    event_type: ClassVar[str] = "experiment.decided"
    experiment_id: str
    name: str
    call: str
    winner: str | None
    reason: str
    statistics: dict[str, Any]


class ExperimentPromoted(Fact, frozen=True, kw_only=True):
    """The prior of a learner moved by the steps of the winner; the update itself is the `weights.updated` before it."""

    event_type: ClassVar[str] = "experiment.promoted"
    experiment_id: str
    name: str
    winner: str
    changes: dict[str, float]
    prior_before: Weights
    prior_after: Weights
    weights_before: Weights
    weights_after: Weights
    learner_version: int
    state_hash: str
    decided_by: str


FACTS: dict[tuple[str, int], type[Fact]] = {(fact.event_type, fact.version): fact for fact in Fact.__subclasses__()}


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """Whose fact it is, and the stream (chain) that it belongs to."""

    tenant_id: str
    stream: str
    user_id: str | None = None
    agent_id: str | None = None
    conversation_id: str | None = None
    turn_id: str | None = None


def sealed(kind: type[Fact], payload: str, subject: Subject) -> Draft:
    """An event whose payload was encoded elsewhere."""
    return Draft(
        event_id=new_id(),
        event_type=kind.event_type,
        version=kind.version,
        tenant_id=subject.tenant_id,
        stream=subject.stream,
        timestamp=now(),
        payload=payload,
        user_id=subject.user_id,
        agent_id=subject.agent_id,
        conversation_id=subject.conversation_id,
        turn_id=subject.turn_id,
    )


def draft(fact: Fact, subject: Subject, *, event_id: str | None = None, timestamp: str | None = None) -> Draft:
    """An event of `fact` that a writer can append. Raises FactUnfit for one that nobody could read again."""
    return Draft(
        event_id=event_id or new_id(),
        event_type=fact.event_type,
        version=fact.version,
        tenant_id=subject.tenant_id,
        stream=subject.stream,
        timestamp=timestamp or now(),
        payload=_encoded(fact),
        user_id=subject.user_id,
        agent_id=subject.agent_id,
        conversation_id=subject.conversation_id,
        turn_id=subject.turn_id,
    )


def _encoded(fact: Fact) -> str:
    """Types are no promise in Python: what cannot be decoded as what it was is not worth keeping."""
    try:
        payload = msgspec.json.encode(fact)
        msgspec.json.decode(payload, type=type(fact))
        return payload.decode()
    except (TypeError, ValueError, OverflowError, RecursionError, msgspec.MsgspecError) as error:
        raise FactUnfit(f"{FactUnfit.__doc__} ({fact.event_type}: {error})") from error


def fact_of(event: Event) -> Fact | None:
    """The typed payload; None where it was erased. Raises KeyError for a kind that this version does not know."""
    fact = FACTS[event.event_type, event.version]
    return None if event.payload is None else msgspec.json.decode(event.payload, type=fact)
