"""Rows that follow from a turn's facts, in the transaction of each fact: messages, iterations, receipts."""

from collections.abc import Sequence
from typing import Any

import msgspec

from soma.agent.record.turn import IterationRecord, TurnHeader, TurnRecord
from soma.agent.storage.search import ConversationKey, index_message
from soma.events.chain import Event
from soma.events.database import Dialect
from soma.events.facts.turn import IterationCompleted, TurnComplete
from soma.events.sql import placeholders
from soma.events.transaction import Transaction

TITLE_LENGTH = 80


class TurnRows:
    """Writes rows in the form of one dialect."""

    def __init__(self, dialect: Dialect, *, tokenizer: str) -> None:
        self._dialect = dialect
        self._tokenizer = tokenizer

    def question(self, transaction: Transaction, turn: TurnHeader, timestamp: str, *, tokens: int) -> None:
        at = moment(timestamp, self._dialect)
        _insert(transaction, "agent_message", {
            "id": turn.question_id, "tenant_id": turn.tenant_id, "conversation_id": turn.conversation_id,
            "turn_id": turn.id, "turn_number": _number(transaction, turn), "role": "user",
            "parts": _json([{"kind": "text", "text": turn.content}]),
            "token_count": tokens, "latency_ms": None, "model": "", "answer_iteration": None, "created_at": at,
        })  # fmt: skip
        index_message(transaction, _key(turn), turn.content)
        transaction.execute(
            "UPDATE agent_conversation SET updated_at = ?, recent = ?, "
            "title = CASE title WHEN '' THEN ? ELSE title END WHERE id = ?",
            [at, turn.id, " ".join(turn.content.split())[:TITLE_LENGTH], turn.conversation_id],
        )

    def iteration(
        self,
        transaction: Transaction,
        turn: TurnHeader,
        iteration: IterationRecord,
        fact: IterationCompleted,
        timestamp: str,
    ) -> None:
        _insert(transaction, "rlm_iterations", {
            **iteration_row(turn, iteration, fact),
            "started_at": self._began(transaction, turn, fact.iteration_number),
            "completed_at": moment(timestamp, self._dialect),
            "created_at": moment(timestamp, self._dialect),
        })  # fmt: skip

    def _began(self, transaction: Transaction, turn: TurnHeader, number: int) -> Any:
        """Return when an iteration began: when the one before it ended, or with the turn."""
        before = transaction.query(
            "SELECT completed_at FROM rlm_iterations WHERE tenant_id = ? AND turn_id = ? AND iteration_number = ?",
            [turn.tenant_id, turn.id, number - 1],
        )
        return before[0][0] if before else moment(turn.created_at, self._dialect)

    def answer(self, transaction: Transaction, record: TurnRecord, fact: TurnComplete, timestamp: str) -> None:
        turn, at = record.turn, moment(timestamp, self._dialect)
        _insert(transaction, "agent_message", {
            "id": fact.message_id, "tenant_id": turn.tenant_id, "conversation_id": turn.conversation_id,
            "turn_id": turn.id, "turn_number": _number(transaction, turn), "role": "assistant",
            "parts": _json([_answer_part(fact)]),
            "token_count": fact.completion_tokens, "latency_ms": fact.latency_ms,
            "model": record.started.model if record.started else "", "answer_iteration": fact.answer_iteration,
            "created_at": at,
        })  # fmt: skip
        index_message(transaction, _key(turn), fact.content, [str(one.get("id")) for one in fact.citations])
        transaction.execute(
            "UPDATE agent_turn SET state = 'complete', exit_reason = ?, convergence_score = ?, total_iterations = ?, "
            "completed_at = ?, worker = NULL, lease_expires_at = NULL WHERE id = ?",
            [fact.exit_reason, fact.convergence_score, fact.total_iterations, at, turn.id],
        )

    def receipt(self, transaction: Transaction, record: TurnRecord, fact: TurnComplete, event: Event) -> None:
        turn, started = record.turn, record.started
        best = record.best
        _insert(transaction, "agent_receipt", {
            "turn_id": turn.id, "tenant_id": turn.tenant_id, "conversation_id": turn.conversation_id,
            "capsule": turn.agent_id, "capsule_version": started.capsule_version if started else 0,
            "aiq_predicted": None, "aiq_observed": None,
            "confidence": best.judged.confidence if best and best.judged else None,
            "lanes": _json(best.spoken.lanes if best else {}), "level": started.level if started else "L0",
            "path": "fast", "iterates": record.iterates, "tool_k": record.tool_k or 0,
            "iterations": fact.total_iterations,
            "exit_reason": fact.exit_reason, "tokens": fact.prompt_tokens + fact.completion_tokens,
            "cost": sum(said.cost or 0.0 for said in record.responses),
            "latency_ms": fact.latency_ms, "tokenizer": self._tokenizer, "chain_head": event.hash,
            "at": moment(event.timestamp, self._dialect),
        })  # fmt: skip


def iteration_row(turn: TurnHeader, iteration: IterationRecord, fact: IterationCompleted) -> dict[str, Any]:
    """Return the row of `rlm_iterations`, without its times."""
    spoken, judged = iteration.spoken, iteration.judged
    uses = list(iteration.tools.values())
    bundle = iteration.bundle
    return {
        "id": f"{turn.id}.{fact.iteration_number}",
        "tenant_id": turn.tenant_id,
        "turn_id": turn.id,
        "conversation_id": turn.conversation_id,
        "iteration_number": fact.iteration_number,
        "state": "complete",
        "content": spoken.text,
        "model": spoken.model,
        "confidence_raw": judged.confidence_raw if judged else None,
        "confidence": fact.confidence,
        "success_factor": judged.success_factor if judged else None,
        "tool_utility": judged.tool_utility if judged else None,
        "convergence_score": fact.convergence_score,
        "exit_reason": fact.exit_reason,
        "prompt_tokens": spoken.prompt_tokens,
        "completion_tokens": spoken.completion_tokens,
        "latency_ms": fact.latency_ms,
        "tool_calls": _json([use.requested for use in uses]),
        "tool_results": _json([use.finished for use in uses if use.finished]),
        "verdicts": _json([use.decided for use in uses if use.decided]),
        "lanes": _json(spoken.lanes),
        "weights_before": _json(fact.weights_before),
        "weights_after": _json(fact.weights_after),
        "weight_deltas": _json(fact.weight_deltas),
        "neuromodulators_before": _json(fact.neuromodulators_before),
        "neuromodulators_after": _json(fact.neuromodulators_after),
        "reward": fact.reward,
        "reward_terms": _json(fact.reward_terms),
        "salience": fact.salience,
        "learning_rate": fact.learning_rate,
        "gated": fact.gated,
        "brain_version": fact.brain_version,
        "metadata": _json({"bundle_id": bundle.bundle_id, "learning": fact.learning} if bundle else {}),
    }


def _key(turn: TurnHeader) -> ConversationKey:
    return ConversationKey(tenant_id=turn.tenant_id, user_id=turn.user_id, conversation_id=turn.conversation_id)


def moment(timestamp: str, dialect: Dialect) -> str:
    """Return an ISO 8601 moment as Django stores it: SQLite compares the text, so its form must be Django's."""
    return timestamp.replace("T", " ").removesuffix("+00:00") if dialect == "sqlite" else timestamp


def _number(transaction: Transaction, turn: TurnHeader) -> int:
    """Return the turn's number in its conversation, by which its messages are ordered."""
    return int(transaction.query("SELECT number FROM agent_turn WHERE id = ?", [turn.id])[0][0])


def _insert(transaction: Transaction, table: str, row: dict[str, Any]) -> None:
    columns: Sequence[str] = list(row)
    transaction.execute(
        f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({placeholders(columns)})", list(row.values())
    )


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _answer_part(fact: TurnComplete) -> dict[str, Any]:
    part = {"kind": "text", "text": fact.content, "citations": fact.citations}
    return part if fact.note is None else {**part, "note": fact.note}
