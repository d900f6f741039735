"""The meaning of feedback: what it teaches a learner, what it costs, by which key it is known. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any, NamedTuple

import msgspec

from soma.brain.context.bundles import Bundle
from soma.brain.context.corrections import CorrectedQuestion, LearnedCorrection, question_of
from soma.brain.context.held_out import is_held_out
from soma.brain.core.explanation import Explanation
from soma.brain.core.hyperparameters import Hyperparameters
from soma.brain.core.observations import AnswerVerdict, Evidence, EvidenceSource
from soma.brain.errors import BrainRefused
from soma.brain.experiments.metrics import MetricValue, measure_metrics
from soma.brain.feedback.statements import (
    CORRECTION,
    CREDIT,
    EVIDENCE,
    VERDICT,
    Statement,
    citation_of,
    digest_of_said,
    evidence_of,
)
from soma.brain.learners.observations import Learnable
from soma.brain.learners.reward_gate import REASON, Void
from soma.brain.types import Principal
from soma.brain.wire.requests import Correction, Feedback, TurnMetrics
from soma.events.facts.learning import FeedbackReceived, RewardVoided
from soma.memory.types import NewMemory, RememberResult

Row = tuple[Any, ...]

CAUSE = "feedback"
NO_MODEL = "unknown"
ASPECTS = {"reward": VERDICT, "reciprocal_rank": EVIDENCE}  # by the metric of an experiment


class FeedbackWithTarget(NamedTuple):
    """One feedback and what was known of its target before the write.

    `key` is the digest by which it comes but once, `outcome` the report of the turn's last iteration, `void` why
    verdicts on the turn teach nothing, `question` the question as the person put it.
    """

    principal: Principal
    body: Feedback
    key: str | None
    bundle: Bundle | None = None
    outcome: TurnMetrics | None = None
    void: Void | None = None
    statements: tuple[Statement, ...] = ()
    question: CorrectedQuestion | None = None

    @property
    def said_under_key(self) -> str:
        """Digest of what is said under a key of the caller's own; empty where it has none."""
        return said_under_key(self.body)

    @property
    def outspoken(self) -> tuple[Statement, ...]:
        """Statements on the bundle that this one takes back: of the turn's own model, and what nobody gave.

        A person outspeaks them, and so does a question that was asked again, for its first answer failed.
        """
        if not self.body.bundle_id or self.body.source in {"used_by_tool", "copied"}:
            return ()
        standing = citation_of(self.principal, self.body.bundle_id)
        return () if any(one.name == standing.name for one in self.statements) else (standing,)

    @property
    def persons(self) -> tuple[Statement, ...]:
        """Statements of a person that keep credit from being learned."""
        bundle_id = self.body.bundle_id if self.body.is_credit else None
        return (evidence_of(self.principal, bundle_id),) if bundle_id else ()

    @property
    def all_statements(self) -> tuple[Statement, ...]:
        return (*self.statements, *self.outspoken, *self.persons)

    @property
    def is_voided(self) -> bool:
        """True if it holds a verdict that teaches nothing."""
        return self.void is not None and self.body.has_verdict


# Checking


def imply_verdict(body: Feedback) -> Feedback:
    """Add the thumb down that a correction implies."""
    return body if body.correction is None or body.has_verdict else msgspec.structs.replace(body, thumb=-1)


def check_feedback(body: Feedback) -> None:
    """Raise BrainRefused where it says nothing, or two things at once."""
    body.require_conversation()
    if body.reward is not None and body.utility is not None:
        raise BrainRefused("reward_and_utility", "`utility` is another name of `reward`: give one of them.", "utility")
    if body.correction is not None:
        _check_correction(body, body.correction)
    if not (body.has_evidence or body.has_verdict):
        message = "Say which memories helped, or give a reward: this feedback says nothing."
        raise BrainRefused("feedback_empty", message, "reward")


def check_batch_item(body: Feedback) -> None:
    check_feedback(body)
    if body.correction is not None:
        raise BrainRefused("invalid_body", "A correction is given by itself, not in a batch.", "correction")
    if body.is_credit:
        raise BrainRefused(
            "invalid_body", "Credit that nobody gave is reported one at a time, not in a batch.", "source"
        )


def _check_correction(body: Feedback, correction: Correction) -> None:
    if not correction.text.strip():
        raise BrainRefused("invalid_body", "Say what is right: the correction is blank.", "correction")
    if body.is_praise:
        message = "A correction says that the answer was wrong: give it without praise."
        raise BrainRefused("invalid_body", message, "correction")


# Keys


def key_of(principal: Principal, body: Feedback) -> str:
    """Digest of its own key, else of who says what of which target; either belongs to one user of one agent."""
    if body.idempotency_key is not None:
        return digest_of(principal, "key", body.idempotency_key)
    return digest_of(principal, target_of(body), msgspec.json.encode(drop_identity(body), order="sorted").decode())


def said_under_key(body: Feedback) -> str:
    """Digest of what is said under a key of the caller's own; empty where it has none.

    A retry that measures cost or latency anew still says the same.
    """
    return "" if body.idempotency_key is None else digest_of_said(body)


def drop_identity(body: Feedback) -> Feedback:
    """Leave out who says it: two that say the same are equal then."""
    return msgspec.structs.replace(body, tenant=None, tenant_id=None, persona=None, agent_id=None)


def digest_of(principal: Principal, *parts: str) -> str:
    named = [principal.tenant_id, principal.user_id, principal.agent_id, *parts]
    return sha256(msgspec.json.encode(named)).hexdigest()


def target_of(body: Feedback) -> str:
    return body.bundle_id or body.turn_id or body.conversation


# Learning


def observations_of(
    feedback: FeedbackWithTarget, refused: Mapping[str, str], hyperparameters: Hyperparameters
) -> tuple[list[Learnable], str | None]:
    """Return what the learner learns, and why it does not learn the rest; `refused` holds reasons by aspect."""
    found: list[Learnable] = []
    reason = refused.get(CORRECTION)
    if feedback.body.has_evidence:
        aspect = CREDIT if feedback.body.is_credit else EVIDENCE
        evidence = _evidence(feedback.body, feedback.bundle, refused.get(aspect), hyperparameters)
        if isinstance(evidence, Evidence):
            found.append(evidence)
        else:
            reason = reason or evidence
    if feedback.is_voided:
        reason = reason or REASON
    elif feedback.body.has_verdict:
        if VERDICT in refused:
            reason = reason or refused[VERDICT]
        else:
            found.append(_verdict(feedback))
    return found, reason


def aspect_of(learned: Learnable) -> str:
    if not isinstance(learned, Evidence):
        return VERDICT
    return EVIDENCE if learned.source is EvidenceSource.PERSON else CREDIT


def _evidence(
    body: Feedback, bundle: Bundle | None, refused: str | None, hyperparameters: Hyperparameters
) -> Evidence | str:
    """Evidence, or the reason why there is none."""
    if bundle is None:
        return "unknown_bundle"
    if refused is not None:
        return refused
    shown = {memory_id for memory_id, _ in bundle.shown}
    if shown.isdisjoint(body.helpful) and shown.isdisjoint(body.unhelpful):
        return "not_shown"
    return Evidence(
        views=bundle.views,
        shown=bundle.shown,
        helpful=body.helpful,
        unhelpful=body.unhelpful,
        source=EvidenceSource(body.source),
        held_out=is_held_out(bundle.query, hyperparameters),
        bearings=bundle.bearings,
        nearness=bundle.nearness,
        diversity=bundle.diversity,
    )


def _verdict(feedback: FeedbackWithTarget) -> AnswerVerdict:
    body, outcome, cost = feedback.body, feedback.outcome, feedback.body.metadata
    return AnswerVerdict(
        reward=body.reward if body.reward is not None else body.utility,
        thumb=body.thumb or 0,
        rating=body.rating,
        regenerated=body.regenerated,
        copied=body.copied,
        raw_confidence=None if outcome is None else outcome.stated_confidence,
        gain=feedback.bundle.gain if feedback.bundle else None,
        cost=cost.cost if cost else None,
        latency_ms=cost.latency_ms if cost else None,
        tools=tuple(outcome.tools_used) if outcome else (),
    )


def has_effect(explanation: Explanation) -> bool:
    """True if it moved more than the mood: a verdict always does, evidence where there was something to compare."""
    if isinstance(explanation.observation, Evidence):
        return explanation.judgement is not None or bool(explanation.values) or bool(explanation.signal)
    return True


# What is recorded beside the learner


def receipt_of(feedback: FeedbackWithTarget) -> FeedbackReceived:
    """Fact for the log, without the text of a correction: that is a memory, and forgotten with it."""
    observation = msgspec.structs.replace(feedback.body, correction=None)
    return FeedbackReceived(feedback_id=feedback.key or "", target=target_of(feedback.body), observation=observation)


def memory_of(feedback: FeedbackWithTarget) -> NewMemory | None:
    """Memory that a typed correction becomes; None where nothing was typed."""
    body = feedback.body
    if body.correction is None:
        return None
    turn = {"turn_id": body.turn_id} if body.turn_id else {}
    return NewMemory(
        text=body.correction.text,
        key=body.correction.key,
        kind="semantic",
        conversation_id=body.conversation,
        metadata={"source": "correction", **turn},
    )


def corrections_of(feedback: FeedbackWithTarget, version: int | None) -> list[LearnedCorrection]:
    """Order of memories that evidence, learned at `version`, teaches for the question that they were shown for.

    Praise teaches no order, since the order was right; what was said of the bundle before no longer stands. Nor does
    credit that nobody gave, but for a correction.
    """
    bundle, body = feedback.bundle, feedback.body
    if bundle is None or version is None or body.source not in {"person", "corrected_in_chat"}:
        return []
    shown = {memory_id for memory_id, _ in bundle.shown}
    unhelpful = tuple(name for name in dict.fromkeys(body.unhelpful) if name in shown)
    helpful = tuple(name for name in dict.fromkeys(body.helpful) if name in shown and name not in unhelpful)
    if body.is_praise:
        helpful = unhelpful = ()
    question = feedback.question or question_of(bundle.query, bundle.embedding)
    return [LearnedCorrection(bundle.bundle_id, question, helpful, unhelpful, version)]


def typed_corrections_of(
    feedback: FeedbackWithTarget, remembered: Sequence[RememberResult], version: int | None
) -> list[LearnedCorrection]:
    """Order that a typed correction, now remembered, teaches for its question."""
    bundle, question = feedback.bundle, feedback.question
    if question is None and bundle is not None:
        question = question_of(bundle.query, bundle.embedding)
    if question is None or version is None:
        return []
    ids = tuple(memory.id for memory in remembered)
    return [LearnedCorrection(target_of(feedback.body), question, ids, (), version, feedback.body.turn_id or "")]


def void_of(feedback: FeedbackWithTarget, version: int) -> RewardVoided | None:
    """Fact of a verdict that taught nothing, with the learner's `version` at the time; None where all was learned."""
    if feedback.void is None or not feedback.is_voided:
        return None
    return RewardVoided(
        turn_id=feedback.body.turn_id or "",
        cause=feedback.void.cause,
        learner_version=version,
        state_hash="",
        feedback_id=feedback.key,
        iterations=list(feedback.void.iterations),
    )


def measure(
    feedback: FeedbackWithTarget,
    learned: Sequence[Learnable],
    metrics: Collection[str],
    hyperparameters: Hyperparameters,
) -> list[tuple[str, MetricValue]]:
    """Measure what was learned by `metrics` of experiments, each under the name of the statement that says it."""
    found = measure_metrics(learned, metrics, feedback.body.conversation, hyperparameters)
    return [(_statement_behind(each, feedback.statements), each) for each in found]


def _statement_behind(found: MetricValue, statements: Iterable[Statement]) -> str:
    return next(one.name for one in statements if one.aspect == ASPECTS[found.metric])


def row_of(
    feedback: FeedbackWithTarget, *, reward: float | None, version: int | None, reason: str | None, at: str
) -> Row:
    """Row of `feedback_events` without its place: the position of its event and its number there."""
    principal, body = feedback.principal, feedback.body
    return (
        principal.tenant_id, principal.user_id, principal.agent_id, body.conversation, body.bundle_id, reward,
        len(body.helpful), len(body.unhelpful), int(reason is None), reason, version, at,
    )  # fmt: skip


Spending = dict[str | None, tuple[int, float, int]]  # (tokens, cost, calls) by model


def add_spending(sums: Spending, feedback: FeedbackWithTarget) -> None:
    """Add what the answer took, unless its iterations were reported: these are in the ledger already."""
    took = feedback.body.metadata if feedback.outcome is None else None
    if took is not None and (took.tokens is not None or took.cost is not None):
        tokens, cost, calls = sums.get(took.model, (0, 0.0, 0))
        sums[took.model] = (tokens + (took.tokens or 0), cost + (took.cost or 0.0), calls + 1)


def ledger_rows(principal: Principal, spent: Spending, conversation_id: str | None, *, at: str) -> list[Row]:
    """Rows of the ledger of tokens, one a model."""
    return [
        (principal.tenant_id, principal.agent_id, conversation_id, at[:10], model or NO_MODEL, tokens, cost, calls, at)
        for model, (tokens, cost, calls) in spent.items()
    ]
