"""Taking one feedback: recorded always, learned from where it can be, once by its key."""

import msgspec

from soma.brain import store
from soma.brain.changed_mind import known_again
from soma.brain.feedback import (
    CAUSE,
    Told,
    changes,
    ledger,
    observations,
    rewarded,
    row_of,
    taken_by,
    target_of,
    void_of,
)
from soma.brain.learners import Learners, subject_of
from soma.brain.reward_gate import WITHDRAWN, Void, is_withdrawn, keep_rewards
from soma.brain.types import FeedbackAnswer, Principal
from soma.brain.values import Taken, Values
from soma.brain.views import difference, of_every_weight
from soma.events.ids import now
from soma.events.schema import FeedbackReceived, draft
from soma.events.transaction import Transaction


class FeedbackDesk:
    """Takes feedback within a write."""

    def __init__(self, learners: Learners, values: Values) -> None:
        self._learners = learners
        self._values = values

    def take(self, transaction: Transaction, told: Told) -> Taken[FeedbackAnswer]:
        """One feedback; a repeated one gets the first answer."""
        principal = told.principal
        told, first = _first(transaction, told)
        if first is not None:
            return Taken(self._repeated(transaction, principal, first))
        told = _gated(transaction, told)
        key = told.key or ""
        subject = subject_of(principal, turn_id=told.body.turn_id)
        learned, reason = observations(told)
        fact = FeedbackReceived(feedback_id=key, target=target_of(told.body), observation=told.body)
        event = transaction.append(draft(fact, subject))
        lesson = self._learners.teach(transaction, principal, subject, learned, CAUSE)
        written = self._values.move(transaction, principal, lesson.named)
        applied = any(map(changes, lesson.explanations))
        weights_before, weights_after = dict(lesson.before.weights), dict(lesson.after.weights)
        version = lesson.after.state.version
        if (turn_id := rewarded(told, learned)) is not None:
            keep_rewards(transaction, principal, [(turn_id, version)])
        if (void := void_of(told, version)) is not None:
            transaction.append(draft(void, subject))
        answer = FeedbackAnswer(
            accepted=True,
            adaptation_applied=applied,
            weights_before=weights_before,
            weights_after=weights_after,
            weight_deltas=of_every_weight(lesson.deltas, weights_after),
            feedback_id=key,
            reason=None if applied else reason or "nothing_to_compare",
            version=version,
            clipped=sorted({name for explanation in lesson.explanations for name in explanation.clipped}),
            voided=told.is_voided,
        )
        at = now()
        row = row_of(
            told,
            reward=next((each.reward for each in lesson.explanations if each.reward is not None), None),
            version=version if learned else None,
            reason=answer.reason,
            at=at,
        )
        store.keep_feedback(transaction, event.position, [row])
        store.keep_answers(transaction, principal.tenant_id, [(key, brief(answer))], at=at)
        store.keep_usage(transaction, ledger(principal, taken_by([told]), told.body.conversation, at=at))
        return Taken(answer, lesson.after.state, written)

    def _repeated(self, transaction: Transaction, principal: Principal, first: str) -> FeedbackAnswer:
        if first:
            return msgspec.structs.replace(whole(first), status="duplicate")
        standing = self._learners.current(transaction, principal)  # it came in a batch, which answers in sums
        weights = dict(standing.weights)
        return FeedbackAnswer(
            accepted=True,
            adaptation_applied=False,
            weights_before=weights,
            weights_after=weights,
            weight_deltas={},
            feedback_id="",
            status="duplicate",
            reason="duplicate",
            version=standing.state.version,
        )


def _first(transaction: Transaction, told: Told) -> tuple[Told, str | None]:
    """The feedback by its key, and what was answered to it before, if it was."""
    tenant_id, key = told.principal.tenant_id, told.key or ""
    first = store.first_answer(transaction, tenant_id, key)
    if first is None or (again := known_again(transaction, told)) in {None, key}:
        return told, first
    return told._replace(key=again), store.first_answer(transaction, tenant_id, again or "")


def _gated(transaction: Transaction, told: Told) -> Told:
    """The answer may have been withdrawn since the target was looked up."""
    turn_id = told.body.turn_id
    if told.void is None and turn_id is not None and is_withdrawn(transaction, told.principal, turn_id):
        return told._replace(void=Void(WITHDRAWN))
    return told


def brief(answer: FeedbackAnswer) -> str:
    """As it is kept for who asks again, without what can be worked out."""
    before, after = answer.weights_before, answer.weights_after
    changed = {name: weight for name, weight in after.items() if before.get(name) != weight}
    return msgspec.json.encode(msgspec.structs.replace(answer, weights_after=changed, weight_deltas={})).decode()


def whole(kept: str) -> FeedbackAnswer:
    """The inverse of `brief`, to the bit."""
    answer = msgspec.json.decode(kept, type=FeedbackAnswer)
    after = answer.weights_before | answer.weights_after
    deltas = difference(answer.weights_before, after)
    return msgspec.structs.replace(answer, weights_after=after, weight_deltas=deltas)
