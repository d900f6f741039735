"""Shapes of the REST API's answers, by the name of the operation, for OpenAPI; tests compare them with real answers."""

from typing import Any

import msgspec

from soma.agent.memory.forget import ForgetReceipt
from soma.brain import types
from soma.brain.document_types import DocumentPage, DocumentPlan, ImportedDocument, RecognisedDocument
from soma.events.facts.turn import RecalledMemory

EVENT_STREAM = "text/event-stream"
JSON_LINES = "application/jsonl"


class Answer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A JSON object with these fields and no other."""


class Error(Answer, frozen=True, kw_only=True):
    """The one error shape. `code` is stable; `field` is there where one is at fault."""

    code: str
    message: str
    request_id: str
    field: str | msgspec.UnsetType = msgspec.UNSET


class Me(Answer, frozen=True, kw_only=True):
    tenant_id: str
    user_id: str
    username: str
    role: str


class Member(Answer, frozen=True, kw_only=True):
    user_id: str
    username: str
    role: str


class Members(Answer, frozen=True, kw_only=True):
    members: list[Member]


class NewTokenOf(Answer, frozen=True, kw_only=True):
    """`token` is shown this once."""

    token_id: str
    name: str
    token: str
    expires_at: str | None


class NewMemberWithToken(NewTokenOf, frozen=True, kw_only=True):
    username: str
    role: str


class NewTenantWithToken(NewTokenOf, frozen=True, kw_only=True):
    id: str
    owner: str


class LiveToken(Answer, frozen=True, kw_only=True):
    id: str
    name: str
    username: str
    role: str
    created_at: str
    expires_at: str | None
    is_current: bool


class Tokens(Answer, frozen=True, kw_only=True):
    tokens: list[LiveToken]


class CapsuleAnswer(Answer, frozen=True, kw_only=True):
    id: str
    name: str
    version: int
    status: str
    description: str
    system_prompt: str
    capabilities: dict[str, Any]
    models: dict[str, Any]
    rlm: dict[str, Any]


class Capsules(Answer, frozen=True, kw_only=True):
    capsules: list[CapsuleAnswer]


class CapsuleModel(Answer, frozen=True, kw_only=True):
    """A capsule with a model of its own; `fault` says why that cannot be had."""

    capsule: str
    model: str
    fault: str


class ModelAnswer(Answer, frozen=True, kw_only=True):
    name: str
    reason: str
    unused: list[str]
    capsules: list[CapsuleModel]


class ConversationAnswer(Answer, frozen=True, kw_only=True):
    id: str
    title: str
    agent_id: str
    created_at: str
    updated_at: str


class Conversations(Answer, frozen=True, kw_only=True):
    conversations: list[ConversationAnswer]
    total: int


class MessageAnswer(Answer, frozen=True, kw_only=True):
    id: str
    turn_id: str | None
    role: str
    content: str
    parts: list[dict[str, Any]] | None
    note: str | None
    token_count: int | None
    latency_ms: float | None
    model: str | None
    answer_iteration: int | None
    created_at: str


class Messages(Answer, frozen=True, kw_only=True):
    """`previous` is the `before` of the page before this one."""

    messages: list[MessageAnswer]
    previous: str | None


class ConversationWithMessages(ConversationAnswer, frozen=True, kw_only=True):
    messages: list[MessageAnswer]
    previous: str | None


class DeletedConversation(Answer, frozen=True, kw_only=True):
    deleted: str
    stays: str


class CompleteTurn(Answer, frozen=True, kw_only=True):
    """The payload of `chat.turn_complete`; `detail=light` leaves the weights and moods out."""

    turn_id: str
    convergence_score: float | None
    exit_reason: str
    total_iterations: int
    output_hash: str
    message_id: str
    content: str
    answer_iteration: int | None
    citations: list[dict[str, Any]]
    prompt_tokens: int
    completion_tokens: int
    latency_ms: float
    error: dict[str, Any] | None
    finish_reason: str | None
    note: str | None
    final_weights: dict[str, float] | msgspec.UnsetType = msgspec.UNSET
    final_neuromodulators: dict[str, float] | msgspec.UnsetType = msgspec.UNSET


class TurnAnswer(Answer, frozen=True, kw_only=True):
    turn_id: str
    conversation_id: str
    state: str
    exit_reason: str | None
    convergence_score: float | None
    total_iterations: int
    created_at: str
    completed_at: str | None


class Trace(Answer, frozen=True, kw_only=True):
    """A turn whole: what was recalled, said, decided, judged and learned in each iteration."""

    turn_id: str
    conversation_id: str
    content: str
    created_at: str
    total_iterations: int
    exit_reason: str | None
    convergence_score: float | None
    answer_iteration: int | None
    answer: str | None
    citations: list[dict[str, Any]]
    error: dict[str, Any] | None
    finish_reason: str | None
    note: str | None
    degraded: str | None
    model: str | None
    latency_ms: float | None
    unreadable: list[str]
    credit: list[dict[str, Any]]
    iterations: list[dict[str, Any]]
    messages: list[MessageAnswer] | None
    receipt: dict[str, Any] | None


class TurnInShort(Answer, frozen=True, kw_only=True):
    turn_id: str
    total_iterations: int
    convergence_score: float | None
    exit_reason: str | None
    created_at: str


class TracesOfConversation(Answer, frozen=True, kw_only=True):
    conversation_id: str
    total_turns: int
    traces: list[TurnInShort]


class ExperimentsAnswer(Answer, frozen=True, kw_only=True):
    experiments: list[types.Experiment]


class RecordedOutcomes(Answer, frozen=True, kw_only=True):
    recorded: int


class RememberAnswer(Answer, frozen=True, kw_only=True):
    results: list[types.RememberedItem]


class Hits(Answer, frozen=True, kw_only=True):
    hits: list[RecalledMemory]


class GoneDocuments(Answer, frozen=True, kw_only=True):
    documents: int
    chunks: int
    receipt_id: str | None


ANSWERS: dict[str, Any] = {
    "create_conversation": ConversationAnswer,
    "list_conversations": Conversations,
    "get_conversation": ConversationWithMessages,
    "rename_conversation": ConversationAnswer,
    "delete_conversation": DeletedConversation,
    "send_message": CompleteTurn,
    "list_messages": Messages,
    "follow_conversation": EVENT_STREAM,
    "get_turn": TurnAnswer,
    "cancel_turn": TurnAnswer,
    "withdraw_answer": types.Withdrawn,
    "get_last_trace": Trace,
    "list_traces": TracesOfConversation,
    "get_trace": Trace,
    "list_capsules": Capsules,
    "get_capsule": CapsuleAnswer,
    "get_model": ModelAnswer,
    "give_feedback": types.FeedbackAnswer,
    "get_learner": types.LearnerView,
    "get_learning_history": types.LearnerHistory,
    "preview_learning": types.PreviewAnswer,
    "roll_back_learning": types.RolledBack,
    "list_experiments": ExperimentsAnswer,
    "get_experiment": types.Experiment,
    "create_experiment": types.Experiment,
    "record_outcomes": RecordedOutcomes,
    "decide_experiment": types.Experiment,
    "import_document": ImportedDocument,
    "list_documents": DocumentPage,
    "plan_documents": DocumentPlan,
    "recognise_document": RecognisedDocument,
    "forget_documents": GoneDocuments,
    "remember_memories": RememberAnswer,
    "recall_memories": Hits,
    "list_memories": types.MemoryPage,
    "forget_memories": ForgetReceipt,
    "import_memories": types.ImportedLines,
    "export_memories": JSON_LINES,
    "link_memories": types.LinkAnswer,
    "get_memory_status": types.MemoryStatus,
    "verify_memories": types.VerifyAnswer,
    "list_consolidations": types.Consolidations,
    "undo_consolidation": types.UndoAnswer,
    "get_me": Me,
    "list_members": Members,
    "invite_member": NewMemberWithToken,
    "change_member_role": Member,
    "expel_member": None,
    "create_tenant": NewTenantWithToken,
    "readmit_member": NewTokenOf,
    "list_tokens": Tokens,
    "create_token": NewTokenOf,
    "revoke_token": None,
}
