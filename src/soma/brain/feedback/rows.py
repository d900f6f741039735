"""Rows of what people and iterations said: one a feedback, one an iteration."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from soma.brain.types import FeedbackRow, Principal
from soma.events.database import Reader
from soma.events.ids import now
from soma.events.transaction import Transaction

FEEDBACK = (
    "position", "item", "tenant_id", "user_id", "agent_id", "conversation_id", "bundle_id", "reward", "helpful",
    "unhelpful", "applied", "reason", "learner_version", "created_at",
)  # fmt: skip


def keep_feedback(transaction: Transaction, position: int, rows: Sequence[tuple[Any, ...]]) -> None:
    """Keep the rows of one event, in its order."""
    placed = [(position, number, *row) for number, row in enumerate(rows)]
    transaction.insert("feedback_events", FEEDBACK, placed)


def list_feedback(reads: Reader, principal: Principal, conversation_id: str, *, limit: int) -> list[FeedbackRow]:
    """List a conversation's feedback, newest first."""
    rows = reads.query(
        "SELECT created_at, bundle_id, reward, helpful, unhelpful, applied, reason, learner_version "
        "FROM feedback_events WHERE tenant_id = ? AND conversation_id = ? AND user_id = ? AND agent_id = ? "
        "ORDER BY position DESC, item DESC LIMIT ?",
        [principal.tenant_id, conversation_id, principal.user_id, principal.agent_id, limit],
    )
    return [
        FeedbackRow(
            at=at,
            bundle_id=bundle_id,
            reward=reward,
            helpful=helpful,
            unhelpful=unhelpful,
            applied=bool(applied),
            reason=reason,
            version=version,
        )
        for at, bundle_id, reward, helpful, unhelpful, applied, reason, version in rows
    ]


class FirstOutcome(NamedTuple):
    """The first report of an iteration: whose it was, where it left the learner, what was answered."""

    agent_id: str
    learner_version: int
    answer: str


def find_first_outcome(
    transaction: Transaction, principal: Principal, turn_id: str, number: int
) -> FirstOutcome | None:
    def load() -> FirstOutcome | None:
        rows = transaction.peek(
            "SELECT agent_id, learner_version, answer FROM turn_metrics "
            "WHERE tenant_id = ? AND turn_id = ? AND iteration_number = ?",
            [principal.tenant_id, turn_id, number],
        )
        return FirstOutcome(*rows[0]) if rows else None

    return transaction.get_noted(("outcome", principal.tenant_id, turn_id, number), load)


def list_outcomes(reads: Reader, principal: Principal, turn_id: str) -> list[str]:
    """List the bodies of a turn's iterations of this agent, in order."""
    rows = reads.query(
        "SELECT body FROM turn_metrics WHERE tenant_id = ? AND turn_id = ? AND agent_id = ? ORDER BY iteration_number",
        [principal.tenant_id, turn_id, principal.agent_id],
    )
    return [body for (body,) in rows]


OUTCOME = (
    "tenant_id", "turn_id", "iteration_number", "agent_id", "learner_version", "body", "answer", "created_at",
)  # fmt: skip


def keep_outcome(
    transaction: Transaction, principal: Principal, turn_id: str, number: int, *, body: str, first: FirstOutcome
) -> None:
    row = (principal.tenant_id, turn_id, number, first.agent_id, first.learner_version, body, first.answer, now())
    transaction.insert("turn_metrics", OUTCOME, [row])
    transaction.note(("outcome", principal.tenant_id, turn_id, number), first)
