"""Feedback by the thousand: one write, one event of what was said and one of what was learned from it."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from soma.brain import store
from soma.brain.feedback import CAUSE, Taken, Told, changes, ledger, observations, row_of, taken_by
from soma.brain.learners import Learners, Pupil, stream_of
from soma.brain.types import BatchAnswer, Principal, RejectedItem
from soma.brain.values import Values
from soma.events.ids import now
from soma.events.schema import FeedbackBatchReceived, Subject, draft
from soma.events.writer import Transaction


class BatchDesk:
    """Takes batches within a write."""

    def __init__(self, learners: Learners, values: Values) -> None:
        self._learners = learners
        self._values = values

    def take(
        self,
        transaction: Transaction,
        principal: Principal,
        items: Sequence[Told],
        *,
        key: str | None,
        rejected: Sequence[RejectedItem],
    ) -> Taken[BatchAnswer]:
        """In order; `key` stands for all of them, else each item has its own."""
        keys = [item.key for item in items if item.key is not None]
        known = store.first_answers(transaction, principal.tenant_id, [*keys, *([key] if key else [])])
        if key in known:
            return Taken(msgspec.json.decode(known[key], type=BatchAnswer))
        fresh = list(_fresh(items, known))
        learned = self._learn(transaction, principal, fresh, key) if fresh else Taken(0)
        answer = BatchAnswer(
            accepted=len(fresh),
            rejected=list(rejected),
            duplicates=len(items) - len(fresh),
            adapted=learned.answer,
        )
        new = [(item.key, "") for item in fresh if item.key is not None]
        if key:
            new.append((key, msgspec.json.encode(answer).decode()))
        store.keep_answers(transaction, principal.tenant_id, new)
        return Taken(answer, learned.state, learned.values)

    def _learn(
        self, transaction: Transaction, principal: Principal, fresh: Sequence[Told], key: str | None
    ) -> Taken[int]:
        subject = Subject(
            tenant_id=principal.tenant_id,
            stream=stream_of(principal),
            user_id=principal.user_id,
            agent_id=principal.agent_id,
        )
        fact = FeedbackBatchReceived(key=key or "", items=[item.body for item in fresh])
        event = transaction.append(draft(fact, subject))
        pupil = self._learners.pupil(transaction, principal)
        rows, named, applied = _lessons(pupil, fresh, event.position)
        self._learners.keep_batch(transaction, principal, subject, pupil, CAUSE)
        written = self._values.move(transaction, principal, named)
        store.keep_feedback(transaction, rows)
        store.keep_usage(transaction, ledger(principal, taken_by(item.body for item in fresh), None))
        return Taken(applied, pupil.state, written)


def _lessons(
    pupil: Pupil, items: Sequence[Told], position: int
) -> tuple[list[tuple[object, ...]], list[tuple[str, bool]], int]:
    """Teach each item: the rows to keep, the memories named, and how many items moved something."""
    rows: list[tuple[object, ...]] = []
    named: list[tuple[str, bool]] = []
    applied, at = 0, now()
    for number, item in enumerate(items):
        learned, reason = observations(item)
        changed, reward = False, None
        for observation in learned:
            explanation = pupil.learn(observation)
            changed = changed or changes(explanation)
            named += explanation.values
            reward = explanation.reward if reward is None else reward
        applied += changed
        rows.append(
            row_of(
                item,
                (position, number),
                reward=reward,
                version=pupil.state.version if learned else None,
                reason=None if changed else reason or "nothing_to_compare",
                at=at,
            )
        )
    return rows, named, applied


def _fresh(items: Sequence[Told], known: Mapping[str, str]) -> Iterable[Told]:
    seen = set(known)
    for item in items:
        if item.key is None:
            yield item
        elif item.key not in seen:
            seen.add(item.key)
            yield item
