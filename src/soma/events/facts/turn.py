"""Facts of a turn: what came in, what the model was shown and said, which tools ran, how it ended."""

from typing import Any, ClassVar

import msgspec

from soma.events.facts.base import Fact, Neuromodulators, Weights


class RecalledMemory(msgspec.Struct, frozen=True, kw_only=True):
    """A ranked memory, as the brain answers it and the model was shown it.

    `parts` is each view in [0, 1]; `views` the same as integers k of k / 65535, the learner's only input. `author` is
    the verified user who wrote a shared memory; None for a private one. `taught`: the user said before that it answers
    this question. `similarity` is the cosine of its meaning and the question's, `bearing` how it bears on the question
    where that was measured; early events have neither.
    """

    id: str
    key: str
    text: str
    score: float
    attention: float
    parts: dict[str, float]
    views: dict[str, int] = {}
    occurred_at: str | None = None
    source: str | None = None
    metadata: dict[str, Any] = {}
    author: str | None = None
    taught: bool = False
    similarity: float | None = None
    bearing: float | None = None


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
    credit: list[dict[str, Any]] = []


class BundleBuilt(Fact, frozen=True, kw_only=True):
    event_type: ClassVar[str] = "chat.bundle_built"
    iteration_number: int
    query: str
    bundle_id: str | None
    memories: list[RecalledMemory]
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
    credit: list[dict[str, Any]] = []


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
