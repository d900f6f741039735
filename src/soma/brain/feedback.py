"""A person's feedback: recorded always, learned from where it can be, once by its key."""

from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Generic, NamedTuple, TypeVar

import msgspec

from soma.brain import store
from soma.brain.bodies import Feedback, TurnMetrics
from soma.brain.core.explanation import Explanation
from soma.brain.core.observations import Answer, Evidence, Shown, Source
from soma.brain.core.state import LearnerState
from soma.brain.errors import BrainRefused
from soma.brain.learners import Learners, stream_of
from soma.brain.observations import Learnable
from soma.brain.store import Bundle
from soma.brain.types import FeedbackAnswer, Principal
from soma.brain.values import Values
from soma.brain.views import difference, served_weights
from soma.events.ids import now
from soma.events.schema import FeedbackReceived, Subject, draft
from soma.events.writer import Transaction
from soma.memory.values import Written

T = TypeVar("T")

CAUSE = "feedback"
NO_MODEL = "unknown"


class Told(NamedTuple):
    """One feedback and what was known of its target before the write."""

    principal: Principal
    body: Feedback
    key: str | None
    bundle: Bundle | None = None
    outcome: TurnMetrics | None = None


class Taken(NamedTuple, Generic[T]):
    """A write's answer, and what is to be shown once it is committed."""

    answer: T
    state: LearnerState | None = None
    values: Written = ()


def check(body: Feedback) -> None:
    """Refuse what says nothing, or two things at once."""
    _ = body.conversation
    if body.reward is not None and body.utility is not None:
        raise BrainRefused("reward_and_utility", "`utility` is another name of `reward`: give one of them.", "utility")
    if not (says_evidence(body) or says_verdict(body)):
        message = "Say which memories helped, or give a reward: this feedback says nothing."
        raise BrainRefused("feedback_empty", message, "reward")


def says_evidence(body: Feedback) -> bool:
    return bool(body.helpful or body.unhelpful)


def says_verdict(body: Feedback) -> bool:
    stated = (body.reward, body.utility, body.thumb, body.rating)
    return body.regenerated or body.copied or any(value is not None for value in stated)


def key_of(principal: Principal, body: Feedback) -> str:
    """The given key, or the digest of who says what of which target; either belongs to one user of one agent."""
    if body.idempotency_key is not None:
        return digest(principal, "key", body.idempotency_key)
    target = body.bundle_id or body.turn_id or body.conversation
    said = msgspec.structs.replace(body, tenant=None, tenant_id=None, persona=None, agent_id=None)
    return digest(principal, target, msgspec.json.encode(said, order="sorted").decode())


def digest(principal: Principal, *parts: str) -> str:
    named = [principal.tenant_id, principal.user_id, principal.agent_id, *parts]
    return sha256(msgspec.json.encode(named)).hexdigest()


def observations(told: Told) -> tuple[list[Learnable], str | None]:
    """What the learner is told, and why it is told nothing of the evidence."""
    found: list[Learnable] = []
    reason = None
    if says_evidence(told.body):
        evidence = _evidence(told.body, told.bundle)
        if isinstance(evidence, Evidence):
            found.append(evidence)
        else:
            reason = evidence
    if says_verdict(told.body):
        found.append(_verdict(told))
    return found, reason


def _evidence(body: Feedback, bundle: Bundle | None) -> Evidence | str:
    if bundle is None:
        return "unknown_bundle"
    shown = {memory_id for memory_id, _ in bundle.shown}
    if shown.isdisjoint(body.helpful) and shown.isdisjoint(body.unhelpful):
        return "not_shown"
    return Evidence(
        views=bundle.views,
        shown=tuple(Shown(memory_id, values) for memory_id, values in bundle.shown),
        helpful=body.helpful,
        unhelpful=body.unhelpful,
        source=Source.PERSON,
        diversity=bundle.diversity,
    )


def _verdict(told: Told) -> Answer:
    body, outcome = told.body, told.outcome
    took = body.metadata
    return Answer(
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


class FeedbackDesk:
    """Takes feedback within a write."""

    def __init__(self, learners: Learners, values: Values) -> None:
        self._learners = learners
        self._values = values

    def take(self, transaction: Transaction, told: Told) -> Taken[FeedbackAnswer]:
        """One feedback; a repeated one gets the first answer."""
        principal, key = told.principal, told.key or ""
        if (first := store.first_answers(transaction, principal.tenant_id, [key]).get(key)) is not None:
            return Taken(self._repeated(transaction, principal, first))
        subject = _subject(principal, told.body)
        before = self._learners.current(transaction, principal).state
        learned, reason = observations(told)
        fact = FeedbackReceived(feedback_id=key, target=_target(told.body), observation=msgspec.to_builtins(told.body))
        event = transaction.append(draft(fact, subject))
        lesson = self._learners.teach(transaction, principal, subject, learned, CAUSE)
        written = self._values.move(transaction, principal, values_of(lesson.explanations))
        applied = any(map(changes, lesson.explanations))
        constants = self._learners.hyperparameters
        weights_before, weights_after = served_weights(before, constants), served_weights(lesson.after, constants)
        answer = FeedbackAnswer(
            accepted=True,
            adaptation_applied=applied,
            weights_before=weights_before,
            weights_after=weights_after,
            weight_deltas=difference(weights_before, weights_after),
            feedback_id=key,
            reason=None if applied else reason or "nothing_to_compare",
            version=lesson.after.version,
            clipped=sorted({name for explanation in lesson.explanations for name in explanation.clipped}),
        )
        row = row_of(
            told,
            (event.position, 0),
            reward=_reward(lesson.explanations),
            version=lesson.after.version if learned else None,
            reason=answer.reason,
            at=now(),
        )
        store.keep_feedback(transaction, [row])
        store.keep_answers(transaction, principal.tenant_id, [(key, msgspec.json.encode(answer).decode())])
        store.keep_usage(transaction, ledger(principal, taken_by([told.body]), told.body.conversation))
        return Taken(answer, lesson.after, written)

    def _repeated(self, transaction: Transaction, principal: Principal, first: str) -> FeedbackAnswer:
        if first:
            return msgspec.structs.replace(msgspec.json.decode(first, type=FeedbackAnswer), status="duplicate")
        state = self._learners.current(transaction, principal).state  # it came in a batch, which answers in sums
        weights = served_weights(state, self._learners.hyperparameters)
        return FeedbackAnswer(
            accepted=True,
            adaptation_applied=False,
            weights_before=weights,
            weights_after=weights,
            weight_deltas={},
            feedback_id="",
            status="duplicate",
            reason="duplicate",
            version=state.version,
        )


def changes(explanation: Explanation) -> bool:
    """Whether it moved more than the mood: a verdict always does, evidence where there was something to compare."""
    if isinstance(explanation.observation, Evidence):
        return explanation.judgement is not None or bool(explanation.values) or bool(explanation.signal)
    return True


def values_of(explanations: Iterable[Explanation]) -> list[tuple[str, bool]]:
    return [value for explanation in explanations for value in explanation.values]


def _subject(principal: Principal, body: Feedback) -> Subject:
    return Subject(
        tenant_id=principal.tenant_id,
        stream=stream_of(principal),
        user_id=principal.user_id,
        agent_id=principal.agent_id,
        conversation_id=body.conversation,
        turn_id=body.turn_id,
    )


def _target(body: Feedback) -> str:
    return body.bundle_id or body.turn_id or body.conversation


def _reward(explanations: Iterable[Explanation]) -> float | None:
    return next((explanation.reward for explanation in explanations if explanation.reward is not None), None)


def row_of(
    told: Told, place: tuple[int, int], *, reward: float | None, version: int | None, reason: str | None, at: str
) -> tuple[object, ...]:
    """A row of `feedback_events`; `place` is its event's position and its number there."""
    principal, body = told.principal, told.body
    return (
        *place, principal.tenant_id, principal.user_id, principal.agent_id, body.conversation, body.bundle_id, reward,
        len(body.helpful), len(body.unhelpful), int(reason is None), reason, version, at,
    )  # fmt: skip


Spent = Mapping[str | None, tuple[int, float, int]]  # (tokens, cost, calls) of a model


def taken_by(bodies: Iterable[Feedback]) -> Spent:
    """What the answers took."""
    sums: dict[str | None, tuple[int, float, int]] = {}
    for body in bodies:
        took = body.metadata
        if took is not None and (took.tokens is not None or took.cost is not None):
            tokens, cost, calls = sums.get(took.model, (0, 0.0, 0))
            sums[took.model] = (tokens + (took.tokens or 0), cost + (took.cost or 0.0), calls + 1)
    return sums


def ledger(principal: Principal, spent: Spent, conversation_id: str | None) -> list[tuple[object, ...]]:
    """An entry a model."""
    at = now()
    return [
        (principal.tenant_id, principal.agent_id, conversation_id, at[:10], model or NO_MODEL, tokens, cost, calls, at)
        for model, (tokens, cost, calls) in spent.items()
    ]
