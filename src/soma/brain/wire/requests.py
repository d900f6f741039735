"""Requests: every body that may be sent to the brain, with its bounds.

msgspec and not pydantic, because a body of a thousand feedbacks is read here: 0.5 against 4.5 µs an item, measured.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from soma.brain.errors import BrainRefused
from soma.brain.types import LONGEST_CORRECTION

Id = Annotated[str, Meta(min_length=1, max_length=200)]
Text = Annotated[str, Meta(min_length=1, max_length=65_536)]
Share = Annotated[float, Meta(ge=0, le=1)]
Signed = Annotated[float, Meta(ge=-1, le=1)]
HalfLife = Annotated[float, Meta(ge=0.001, le=100_000)]  # days in which a memory becomes half as recent
Amount = Annotated[float, Meta(ge=0, le=1e9)]
Weight = Annotated[float, Meta(ge=-100, le=100)]  # far beyond every box, and far from where numbers end
Ids = Annotated[tuple[Id, ...], Meta(max_length=1_000)]
Name = Annotated[str, Meta(min_length=1, max_length=128)]
BATCH = 1_000
MIDDLE_RATING = 3
Batch = Annotated[list[msgspec.Raw], Meta(min_length=1, max_length=BATCH)]


class PlanOption(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`gain` in [0, 1] is the chance that this alone makes the answer good; cost is money, `token_*` per token read."""

    name: Annotated[str, Meta(min_length=1, max_length=128)]
    gain: Annotated[float, Meta(ge=0, le=1)] = 0.0
    tokens: Annotated[int, Meta(ge=0, le=10_000_000)] = 0
    cost: Amount = 0.0
    latency_ms: Amount = 0.0
    token_cost: Amount = 0.0
    token_ms: Amount = 0.0


Axis = Annotated[tuple[PlanOption, ...], Meta(max_length=100)]


class PlanOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options of each axis, from least to most; an empty axis is taken from `plan.SHIPPED`."""

    prompts: Axis = ()
    models: Axis = ()
    tools: Axis = ()


class RequestBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every body. `tenant`, `tenant_id`, `persona` and `agent_id` may only repeat what the headers say."""

    tenant: str | None = None
    tenant_id: str | None = None
    persona: str | None = None
    agent_id: str | None = None

    @property
    def has_claims(self) -> bool:
        return not (self.tenant is None and self.tenant_id is None and self.persona is None and self.agent_id is None)


def claims(body: RequestBody) -> dict[str, str | None]:
    return {"tenant": body.tenant, "tenant_id": body.tenant_id, "persona": body.persona, "agent_id": body.agent_id}


class ConversationRequest(RequestBody, frozen=True, kw_only=True):
    """Base of a body that names a conversation; `session_id` is another name of `conversation_id`."""

    conversation_id: Id | None = None
    session_id: Id | None = None

    @property
    def conversation(self) -> str:
        self.require_conversation()
        return self.conversation_id or self.session_id or ""

    def require_conversation(self) -> None:
        """Raise BrainRefused unless one conversation is named."""
        if not (named := self.conversation_id or self.session_id):
            raise BrainRefused("invalid_body", "`conversation_id` is required", "conversation_id")
        if self.session_id not in {None, "", named}:
            message = "`session_id` is another name of `conversation_id`; they must not differ"
            raise BrainRefused("invalid_body", message, "session_id")


class Evaluate(ConversationRequest, frozen=True, kw_only=True):
    query: Text
    top_k: Annotated[int, Meta(ge=1, le=200)] | None = None
    token_budget: Annotated[int, Meta(ge=0, le=1_000_000)] | None = None
    namespace: Name = "default"
    at: str | None = None
    half_life_days: HalfLife | None = None
    options: PlanOptions | None = None


class Recall(ConversationRequest, frozen=True, kw_only=True):
    query: Text
    top_k: Annotated[int, Meta(ge=1, le=200)] = 10
    namespace: Name = "default"
    at: str | None = None
    half_life_days: HalfLife | None = None
    with_questions: bool = False


class Metadata(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Cost of an answer. Further names are accepted and ignored."""

    tokens: Annotated[int, Meta(ge=0, le=1_000_000_000)] | None = None
    model: Name | None = None
    cost: Amount | None = None
    latency_ms: Amount | None = None


class Correction(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The right answer in the person's words. `key` is that of the memory it becomes; by default it is the text's."""

    text: Annotated[str, Meta(min_length=1, max_length=LONGEST_CORRECTION)]
    key: Id | None = None


CreditSource = Literal["asked_again", "corrected_in_chat", "used_by_tool", "copied"]


class Feedback(ConversationRequest, frozen=True, kw_only=True, omit_defaults=True):
    """One person's feedback: evidence (which memories helped), a verdict on the answer, what is right, or several.

    `source` other than `person`: nobody gave it, it was concluded from what happened; `again` is then the bundle of the
    second answer to a question that was asked again.
    """

    bundle_id: Id | None = None
    turn_id: Id | None = None
    query: str | None = None
    helpful: Ids = ()
    unhelpful: Ids = ()
    reward: Signed | None = None
    utility: Signed | None = None
    thumb: Literal[-1, 1] | None = None
    rating: Annotated[int, Meta(ge=1, le=5)] | None = None
    correction: Correction | None = None
    regenerated: bool = False
    copied: bool = False
    response_text: str | None = None
    metadata: Metadata | None = None
    idempotency_key: Id | None = None
    source: Literal["person"] | CreditSource = "person"
    again: Id | None = None

    @property
    def is_credit(self) -> bool:
        """True if no person gave it."""
        return self.source != "person"

    @property
    def has_evidence(self) -> bool:
        return bool(self.helpful or self.unhelpful)

    @property
    def has_verdict(self) -> bool:
        return (
            self.reward is not None
            or self.utility is not None
            or self.thumb is not None
            or self.rating is not None
            or self.regenerated
            or self.copied
        )

    @property
    def is_praise(self) -> bool:
        given = (self.reward, self.utility, self.thumb, None if self.rating is None else self.rating - MIDDLE_RATING)
        return self.copied or any(value is not None and value > 0 for value in given)


class SecondAnswer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The answer to a question that may ask the same again: what it was shown, and which of it it rests on."""

    bundle_id: Id
    used: Ids = ()


class Credit(ConversationRequest, frozen=True, kw_only=True):
    """Something that happened to an answer and tells of the memories that it was shown; nobody judged anything.

    `used` are the memories that the answer rests on, `question` is the person's message that it answered. `words` are
    the passage that was copied, the arguments of a tool call that worked, or what a correction says; `said` are the
    person's own messages, whose words in those arguments come from no memory. `again` is the next answer, `correction`
    what the person said is right.
    """

    source: CreditSource
    bundle_id: Id
    turn_id: Id | None = None
    question: Text | None = None
    used: Ids = ()
    words: Text | None = None
    said: Annotated[tuple[Text, ...], Meta(max_length=1_000)] = ()
    again: SecondAnswer | None = None
    correction: Correction | None = None


Feedbacks = Annotated[list[Feedback], Meta(min_length=1, max_length=BATCH)]


class FeedbackBatch(RequestBody, frozen=True, kw_only=True):
    items: msgspec.Raw
    idempotency_key: Id | None = None


class TurnMetrics(ConversationRequest, frozen=True, kw_only=True):
    """Metrics of one iteration. `extractive`: the model only quotes what it was shown, so its citations say nothing."""

    turn_id: Id
    iteration_number: Annotated[int, Meta(ge=0, le=100_000)]
    tools_used: Annotated[list[Name], Meta(max_length=1_000)] = []
    tool_outcomes: dict[Name, str | bool] = {}
    confidence: Share | None = None
    latency_ms: Amount | None = None
    weights: dict[str, float] = {}
    neuromodulators: dict[str, float] = {}
    bundle_id: Id | None = None
    cited: Ids = ()
    progress: Signed | None = None
    cost: Amount | None = None
    tokens: Annotated[int, Meta(ge=0, le=1_000_000_000)] | None = None
    model: Name | None = None
    extractive: bool = False
    raw_confidence: Share | None = None
    learn: bool = True

    @property
    def stated_confidence(self) -> float | None:
        """Confidence that calibration labels: as the model gave it, where that is known."""
        return self.confidence if self.raw_confidence is None else self.raw_confidence


class Rollback(RequestBody, frozen=True, kw_only=True):
    turn_id: Id | None = None
    iteration_number: Annotated[int, Meta(ge=0, le=100_000)] | None = None
    version: Annotated[int, Meta(ge=0, le=2**53)] | None = None


class Withdraw(RequestBody, frozen=True, kw_only=True):
    turn_id: Id


class Preview(RequestBody, frozen=True, kw_only=True):
    """A query to try. `weights` by name replace those in use; without any, the shipped ones are compared."""

    query: Text
    weights: dict[Name, Weight] | None = None
    top_k: Annotated[int, Meta(ge=1, le=200)] | None = None
    token_budget: Annotated[int, Meta(ge=0, le=1_000_000)] | None = None
    namespace: Name = "default"
    conversation_id: Id | None = None
    session_id: Id | None = None
    at: str | None = None


class ArmBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An arm. `changes` are steps of the prior by the weights' names; an arm without any is the control."""

    name: Name
    changes: dict[Name, float] = {}


class NewExperiment(RequestBody, frozen=True, kw_only=True):
    """An experiment to create. Without arms it is the shipped one of that name."""

    name: Name
    arms: tuple[ArmBody, ArmBody] | None = None
    hypothesis: Annotated[str, Meta(max_length=2_000)] = ""
    metric: Literal["reward", "reciprocal_rank", "recorded"] = "reward"
    method: Literal["welch", "anytime"] = "welch"
    planned: Annotated[int, Meta(ge=2, le=1_000_000)] = 100
    share: Annotated[float, Meta(ge=0.01, le=0.99)] = 0.5


class OutcomeItem(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Outcome of a subject. With a `key` it counts once however often it is sent; without one, each time."""

    subject: Id
    value: Annotated[float, Meta(ge=-1e9, le=1e9)]
    key: Id | None = None


class RecordOutcomes(RequestBody, frozen=True, kw_only=True):
    items: Annotated[tuple[OutcomeItem, ...], Meta(min_length=1, max_length=1_000)]


class AssignSubject(RequestBody, frozen=True, kw_only=True):
    subject: Id


class Decide(RequestBody, frozen=True, kw_only=True):
    """A decision now. `stop` ends the experiment whatever its size, and promotes nothing."""

    stop: bool = False


class LinkBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    to_key: str
    relation: str
    weight: float = 1.0


class RememberItem(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A text to remember. The memory checks bounds of texts, keys and times, for every way into it."""

    text: str
    key: str | None = None
    kind: Literal["episodic", "semantic", "procedural"] = "episodic"
    scope: Literal["user", "agent", "tenant"] = "user"
    occurred_at: str | None = None
    importance: float = 0.5
    metadata: dict[str, Any] = {}
    conversation_id: str | None = None
    links: list[LinkBody] = []
    derived_from: Ids = ()


class Remember(RequestBody, frozen=True, kw_only=True):
    """Texts to remember. `are_messages`: they come from a conversation, and their metadata may name the role."""

    items: Annotated[list[RememberItem], Meta(min_length=1, max_length=1_000)]
    namespace: Name = "default"
    are_messages: bool = False


class Forget(RequestBody, frozen=True, kw_only=True):
    ids: Ids = ()
    keys: Annotated[tuple[str, ...], Meta(max_length=1_000)] = ()
    namespace: Name = "default"
    dry_run: bool = False


class ImportLines(RequestBody, frozen=True, kw_only=True):
    """Lines of JSON, each a memory as an export writes it; `scope` is that of a line which names none."""

    lines: Annotated[list[str], Meta(min_length=1)]
    scope: Literal["user", "agent", "tenant"] = "user"
    namespace: Name = "default"


class NewLinkBody(RequestBody, frozen=True, kw_only=True):
    from_key: str
    to_key: str
    relation: str
    weight: float = 1.0
    namespace: Name = "default"


class Verify(RequestBody, frozen=True, kw_only=True):
    """A comparison of projections with texts. `whole` includes what the caller does not see: for tenant owners."""

    repair: bool = False
    whole: bool = False


class UndoConsolidation(RequestBody, frozen=True, kw_only=True):
    id: str
    namespace: Name = "default"
