"""What a person's feedback says: to the learner, to the ledger, and by which key it is known. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any, NamedTuple

import msgspec

from soma.brain.context.bundles import Bundle
from soma.brain.context.corrections import Corrected, Question
from soma.brain.context.corrections import question_of as asked
from soma.brain.core.explanation import Explanation
from soma.brain.core.hyperparameters import Hyperparameters
from soma.brain.core.observations import AnswerVerdict, Evidence, EvidenceSource
from soma.brain.errors import BrainRefused
from soma.brain.experiments.metrics import MetricValue, measured
from soma.brain.feedback.standing_words import CORRECTION, EVIDENCE, VERDICT, Word, echo_of
from soma.brain.learners.observations import Learnable
from soma.brain.learners.reward_gate import REASON, Void
from soma.brain.types import Principal
from soma.brain.wire.requests import Correction, Feedback, TurnMetrics
from soma.events.facts.learning import FeedbackReceived, RewardVoided
from soma.memory.types import NewMemory, Remembered

Row = tuple[Any, ...]

CAUSE = "feedback"
NO_MODEL = "unknown"
QUESTIONS = {"reward": VERDICT, "reciprocal_rank": EVIDENCE}  # by the metric of an experiment


class Told(NamedTuple):
    """One feedback and what was known of its target before the write."""

    principal: Principal
    body: Feedback
    key: str | None
    bundle: Bundle | None = None
    outcome: TurnMetrics | None = None
    void: Void | None = None
    words: tuple[Word, ...] = ()
    question: Question | None = None

    @property
    def echoes(self) -> tuple[Word, ...]:
        """What the turn's own model said of the bundle."""
        return (echo_of(self.principal, self.body.bundle_id),) if self.body.bundle_id else ()

    @property
    def spoken(self) -> tuple[Word, ...]:
        return (*self.words, *self.echoes)

    @property
    def is_voided(self) -> bool:
        """Whether it holds a verdict that teaches nothing."""
        return self.void is not None and self.body.says_verdict


def meant(body: Feedback) -> Feedback:
    """A correction says that the answer was wrong, with or without a thumb."""
    return body if body.correction is None or body.says_verdict else msgspec.structs.replace(body, thumb=-1)


def check(body: Feedback) -> None:
    """Refuse what says nothing, or two things at once."""
    _ = body.conversation
    if body.reward is not None and body.utility is not None:
        raise BrainRefused("reward_and_utility", "`utility` is another name of `reward`: give one of them.", "utility")
    if body.correction is not None:
        _check_correction(body, body.correction)
    if not (body.says_evidence or body.says_verdict):
        message = "Say which memories helped, or give a reward: this feedback says nothing."
        raise BrainRefused("feedback_empty", message, "reward")


def check_of_batch(body: Feedback) -> None:
    check(body)
    if body.correction is not None:
        raise BrainRefused("invalid_body", "A correction is given by itself, not in a batch.", "correction")


def _check_correction(body: Feedback, correction: Correction) -> None:
    if not correction.text.strip():
        raise BrainRefused("invalid_body", "Say what is right: the correction is blank.", "correction")
    if body.praises:
        message = "A correction says that the answer was wrong: give it without praise."
        raise BrainRefused("invalid_body", message, "correction")


def key_of(principal: Principal, body: Feedback) -> str:
    """The given key, or the digest of who says what of which target; either belongs to one user of one agent."""
    if body.idempotency_key is not None:
        return digest(principal, "key", body.idempotency_key)
    return digest(principal, target_of(body), msgspec.json.encode(said(body), order="sorted").decode())


def said(body: Feedback) -> Feedback:
    """Without who says it: two that say the same are equal."""
    return msgspec.structs.replace(body, tenant=None, tenant_id=None, persona=None, agent_id=None)


def digest(principal: Principal, *parts: str) -> str:
    named = [principal.tenant_id, principal.user_id, principal.agent_id, *parts]
    return sha256(msgspec.json.encode(named)).hexdigest()


def observations(told: Told, unheard: Mapping[str, str]) -> tuple[list[Learnable], str | None]:
    """What the learner is told, and why it is not told the rest; `unheard` are reasons by question."""
    found: list[Learnable] = []
    reason = unheard.get(CORRECTION)
    if told.body.says_evidence:
        evidence = _evidence(told.body, told.bundle, unheard.get(EVIDENCE))
        if isinstance(evidence, Evidence):
            found.append(evidence)
        else:
            reason = reason or evidence
    if told.is_voided:
        reason = reason or REASON
    elif told.body.says_verdict:
        if VERDICT in unheard:
            reason = reason or unheard[VERDICT]
        else:
            found.append(_verdict(told))
    return found, reason


def question_of(learned: Learnable) -> str:
    return EVIDENCE if isinstance(learned, Evidence) else VERDICT


def _evidence(body: Feedback, bundle: Bundle | None, unheard: str | None) -> Evidence | str:
    """What it teaches, or why it does not."""
    if bundle is None:
        return "unknown_bundle"
    if unheard is not None:
        return unheard
    shown = {memory_id for memory_id, _ in bundle.shown}
    if shown.isdisjoint(body.helpful) and shown.isdisjoint(body.unhelpful):
        return "not_shown"
    return Evidence(
        views=bundle.views,
        shown=bundle.shown,
        helpful=body.helpful,
        unhelpful=body.unhelpful,
        source=EvidenceSource.PERSON,
        diversity=bundle.diversity,
    )


def _verdict(told: Told) -> AnswerVerdict:
    body, outcome = told.body, told.outcome
    took = body.metadata
    return AnswerVerdict(
        reward=body.reward if body.reward is not None else body.utility,
        thumb=body.thumb or 0,
        rating=body.rating,
        regenerated=body.regenerated,
        copied=body.copied,
        raw_confidence=None if outcome is None else outcome.stated_confidence,
        gain=told.bundle.gain if told.bundle else None,
        cost=took.cost if took else None,
        latency_ms=took.latency_ms if took else None,
        tools=tuple(outcome.tools_used) if outcome else (),
    )


def received(told: Told) -> FeedbackReceived:
    """The fact that is logged of it, without the text of a correction: that is a memory, and forgotten with it."""
    observation = msgspec.structs.replace(told.body, correction=None)
    return FeedbackReceived(feedback_id=told.key or "", target=target_of(told.body), observation=observation)


def memory_of(told: Told) -> NewMemory | None:
    """The memory that a correction becomes, as what its user asks to remember; None where nothing was typed."""
    body = told.body
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


def corrected(told: Told, version: int | None) -> list[Corrected]:
    """What a word on memories, learned at `version`, says of the question that they were shown for.

    With praise it says nothing of the order, which was right; a former word on the bundle stands no longer.
    """
    bundle, body = told.bundle, told.body
    if bundle is None or version is None:
        return []
    shown = {memory_id for memory_id, _ in bundle.shown}
    unhelpful = tuple(name for name in dict.fromkeys(body.unhelpful) if name in shown)
    helpful = tuple(name for name in dict.fromkeys(body.helpful) if name in shown and name not in unhelpful)
    if body.praises:
        helpful = unhelpful = ()
    question = told.question or asked(bundle.query, bundle.embedding)
    return [Corrected(bundle.bundle_id, question, helpful, unhelpful, version)]


def typed(told: Told, remembered: Sequence[Remembered], version: int | None) -> list[Corrected]:
    """What a person typed as right, now remembered, says of the question."""
    bundle, question = told.bundle, told.question
    if question is None and bundle is not None:
        question = asked(bundle.query, bundle.embedding)
    if question is None or version is None:
        return []
    ids = tuple(memory.id for memory in remembered)
    return [Corrected(target_of(told.body), question, ids, (), version, told.body.turn_id or "")]


def changes(explanation: Explanation) -> bool:
    """Whether it moved more than the mood: a verdict always does, evidence where there was something to compare."""
    if isinstance(explanation.observation, Evidence):
        return explanation.judgement is not None or bool(explanation.values) or bool(explanation.signal)
    return True


def rewarded(told: Told, learned: Sequence[Learnable]) -> str | None:
    """The turn whose verdict was learned, if it was named: the last observation is the verdict."""
    return told.body.turn_id if learned and isinstance(learned[-1], AnswerVerdict) else None


def void_of(told: Told, version: int) -> RewardVoided | None:
    """What is recorded of a verdict that taught nothing; `version` is the learner's then."""
    if told.void is None or not told.is_voided:
        return None
    return RewardVoided(
        turn_id=told.body.turn_id or "",
        cause=told.void.cause,
        learner_version=version,
        state_hash="",
        feedback_id=told.key,
        iterations=list(told.void.iterations),
    )


def measure(
    told: Told, learned: Sequence[Learnable], metrics: Collection[str], constants: Hyperparameters
) -> list[tuple[str, MetricValue]]:
    """Measure what was learned by `metrics` of experiments, each under the name of the word that says it."""
    found = measured(learned, metrics, told.body.conversation, constants)
    return [(_word_behind(each, told.words), each) for each in found]


def _word_behind(found: MetricValue, words: Iterable[Word]) -> str:
    return next(word.name for word in words if word.question == QUESTIONS[found.metric])


def target_of(body: Feedback) -> str:
    return body.bundle_id or body.turn_id or body.conversation


def row_of(told: Told, *, reward: float | None, version: int | None, reason: str | None, at: str) -> Row:
    """A row of `feedback_events` but for its place: the position of its event and its number there."""
    principal, body = told.principal, told.body
    return (
        principal.tenant_id, principal.user_id, principal.agent_id, body.conversation, body.bundle_id, reward,
        len(body.helpful), len(body.unhelpful), int(reason is None), reason, version, at,
    )  # fmt: skip


Spent = Mapping[str | None, tuple[int, float, int]]  # (tokens, cost, calls) of a model


def taken_by(all_told: Iterable[Told]) -> Spent:
    """What the answers took, but for those of turns whose iterations were reported: these are in the ledger already."""
    sums: dict[str | None, tuple[int, float, int]] = {}
    for told in all_told:
        took = told.body.metadata if told.outcome is None else None
        if took is not None and (took.tokens is not None or took.cost is not None):
            tokens, cost, calls = sums.get(took.model, (0, 0.0, 0))
            sums[took.model] = (tokens + (took.tokens or 0), cost + (took.cost or 0.0), calls + 1)
    return sums


def ledger(principal: Principal, spent: Spent, conversation_id: str | None, *, at: str) -> list[Row]:
    """An entry a model."""
    return [
        (principal.tenant_id, principal.agent_id, conversation_id, at[:10], model or NO_MODEL, tokens, cost, calls, at)
        for model, (tokens, cost, calls) in spent.items()
    ]
