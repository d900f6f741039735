"""Facts become rows: each fact and the state that follows from it, in one transaction of the log's appender."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from soma.agent.errors import Conflict
from soma.agent.leases import OPEN, Lease, Leases
from soma.agent.record import IterationRecord, Turn, TurnFact, TurnRecord, fold
from soma.events.chain import Event
from soma.events.database import Dialect, Row
from soma.events.ids import now
from soma.events.log import Log
from soma.events.schema import IterationCompleted, Subject, TurnComplete, TurnStarted, draft, fact_of
from soma.events.transaction import Transaction
from soma.events.writer import Writer

TURN_COLUMNS = "id, tenant_id, user_id, conversation_id, content, client_message_id, created_at"
TITLE_LENGTH = 80


@dataclass(frozen=True, slots=True)
class Admitted:
    """The turn of a message; its events come after the conversation position `after`. With a lease it is to begin."""

    turn_id: str
    after: int
    lease: Lease | None = None


class TurnStore:
    """The turn's tables and its stream in the log."""

    def __init__(self, writer: Writer, leases: Leases, *, tokenizer: str) -> None:
        self.leases = leases
        self._writer = writer
        self._log = Log(writer.database)
        self._tokenizer = tokenizer

    async def admit(self, turn: Turn, *, enqueue: bool) -> Admitted:
        """Write the turn down before anything is done for it.

        A client message that was sent before is answered with the first turn of it. Raises Conflict while another turn
        runs, unless this one may queue.
        """
        return await self._writer.write(lambda tx: self._admit(tx, turn, enqueue=enqueue))

    def _admit(self, tx: Transaction, turn: Turn, *, enqueue: bool) -> Admitted:
        scope = [turn.tenant_id, turn.conversation_id]
        if turn.client_message_id is not None:
            known = tx.query(
                "SELECT id, (SELECT COALESCE(MIN(conversation_position), 1) - 1 FROM events e WHERE "
                "e.tenant_id = t.tenant_id AND e.stream = 'turn:' || t.id) FROM agent_turn t "
                "WHERE tenant_id = ? AND conversation_id = ? AND client_message_id = ?",
                [*scope, turn.client_message_id],
            )
            if known:
                [(turn_id, after)] = known
                return Admitted(turn_id, after)
        busy = tx.query(
            f"SELECT id FROM agent_turn WHERE tenant_id = ? AND conversation_id = ? AND {OPEN} LIMIT 1", scope
        )
        if busy and not enqueue:
            raise Conflict(
                f"turn {busy[0][0]} is still running: wait for it, cancel it, or send with on_busy enqueue or cancel",
                code="turn_in_progress",
            )
        state = "queued" if busy else "running"
        until, parameter = self.leases.moment(self.leases.seconds)
        tx.execute(
            f"INSERT INTO agent_turn ({TURN_COLUMNS}, state, worker, lease_expires_at, epoch, total_iterations) "
            f"VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, {until}, 1, 0)",
            [
                turn.id, turn.tenant_id, turn.user_id, turn.conversation_id, turn.content, turn.client_message_id,
                moment(turn.created_at, self._dialect), state, self.leases.worker, parameter,
            ],
        )  # fmt: skip
        return Admitted(turn.id, _position(tx, *scope), None if busy else Lease(turn.id, 1))

    async def record(self, record: TurnRecord, *facts: TurnFact) -> None:
        """Commit facts with their rows, all or none. Raises LeaseLost where a newer run has the turn."""

        def write(tx: Transaction) -> None:
            for fact in facts:
                self._record(tx, record, fact)

        await self._writer.write(write)

    def _record(self, tx: Transaction, record: TurnRecord, fact: TurnFact) -> None:
        turn = record.turn
        self.leases.check(tx, record.lease)
        timestamp = now()
        event = tx.append(draft(fact, subject_of(turn), timestamp=timestamp))
        match fact:
            case TurnStarted():
                self._question(tx, turn, timestamp, tokens=fact.message_tokens)
            case IterationCompleted():
                self._iteration(tx, turn, record.iteration(fact.iteration_number), fact, timestamp)
            case TurnComplete():
                self._answer(tx, record, fact, timestamp)
                self._receipt(tx, record, fact, event)

    def _question(self, tx: Transaction, turn: Turn, timestamp: str, *, tokens: int) -> None:
        at = moment(timestamp, self._dialect)
        _insert(tx, "agent_message", {
            "id": turn.question_id, "tenant_id": turn.tenant_id, "conversation_id": turn.conversation_id,
            "turn_id": turn.id, "role": "user", "parts": _json([{"kind": "text", "text": turn.content}]),
            "token_count": tokens, "latency_ms": None, "model": "", "answer_iteration": None, "created_at": at,
        })  # fmt: skip
        tx.execute(
            "UPDATE agent_conversation SET updated_at = ?, "
            "title = CASE title WHEN '' THEN ? ELSE title END WHERE id = ?",
            [at, " ".join(turn.content.split())[:TITLE_LENGTH], turn.conversation_id],
        )

    def _iteration(
        self, tx: Transaction, turn: Turn, iteration: IterationRecord, fact: IterationCompleted, timestamp: str
    ) -> None:
        _insert(tx, "rlm_iterations", {
            **iteration_row(turn, iteration, fact),
            "started_at": self._began(tx, turn, fact.iteration_number),
            "completed_at": moment(timestamp, self._dialect),
            "created_at": moment(timestamp, self._dialect),
        })  # fmt: skip

    def _began(self, tx: Transaction, turn: Turn, number: int) -> Any:
        """An iteration begins where the one before it ended, the first with the turn."""
        before = tx.query(
            "SELECT completed_at FROM rlm_iterations WHERE tenant_id = ? AND turn_id = ? AND iteration_number = ?",
            [turn.tenant_id, turn.id, number - 1],
        )
        return before[0][0] if before else moment(turn.created_at, self._dialect)

    def _answer(self, tx: Transaction, record: TurnRecord, fact: TurnComplete, timestamp: str) -> None:
        turn, at = record.turn, moment(timestamp, self._dialect)
        _insert(tx, "agent_message", {
            "id": fact.message_id, "tenant_id": turn.tenant_id, "conversation_id": turn.conversation_id,
            "turn_id": turn.id, "role": "assistant",
            "parts": _json([{"kind": "text", "text": fact.content, "citations": fact.citations}]),
            "token_count": fact.completion_tokens, "latency_ms": fact.latency_ms,
            "model": record.started.model if record.started else "", "answer_iteration": fact.answer_iteration,
            "created_at": at,
        })  # fmt: skip
        tx.execute(
            "UPDATE agent_turn SET state = 'complete', exit_reason = ?, convergence_score = ?, total_iterations = ?, "
            "completed_at = ?, worker = NULL, lease_expires_at = NULL WHERE id = ?",
            [fact.exit_reason, fact.convergence_score, fact.total_iterations, at, turn.id],
        )

    def _receipt(self, tx: Transaction, record: TurnRecord, fact: TurnComplete, event: Event) -> None:
        turn, started = record.turn, record.started
        best = record.best
        _insert(tx, "agent_receipt", {
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

    def under_way(self, tenant_id: str, conversation_id: str) -> list[str]:
        """The turns of a conversation that are not complete, the last to be sent first."""
        rows = self._writer.database.query(
            f"SELECT id FROM agent_turn WHERE tenant_id = ? AND conversation_id = ? AND {OPEN} ORDER BY id DESC",
            [tenant_id, conversation_id],
        )
        return [str(turn_id) for (turn_id,) in rows]

    async def reload(self, lease: Lease) -> TurnRecord:
        """The record as committed, every write of ours included that was under way; to go on under `lease`."""
        await self._writer.write(lambda _: None)
        return await asyncio.to_thread(self.load, lease.turn_id, lease)

    def load(self, turn_id: str, lease: Lease | None = None) -> TurnRecord:
        """The turn as its log has it: where an interrupted one resumes, and what a trace shows.

        Without a lease it can only be read.
        """
        row = self._writer.database.query(
            "SELECT t.id, t.tenant_id, t.user_id, t.conversation_id, c.capsule_id, t.content, t.client_message_id, "
            "t.created_at, m.role FROM agent_turn t JOIN agent_conversation c ON c.id = t.conversation_id "
            "LEFT JOIN agent_membership m ON m.tenant_id = t.tenant_id AND m.user_id = t.user_id WHERE t.id = ?",
            [turn_id],
        )[0]
        turn = _turn(row)
        return fold(turn, map(fact_of, self._log.stream(turn.tenant_id, stream_of(turn))), lease)

    @property
    def _dialect(self) -> Dialect:
        return self._writer.database.dialect


def stream_of(turn: Turn) -> str:
    return f"turn:{turn.id}"


def subject_of(turn: Turn) -> Subject:
    return Subject(
        tenant_id=turn.tenant_id,
        stream=stream_of(turn),
        user_id=turn.user_id,
        agent_id=turn.agent_id,
        conversation_id=turn.conversation_id,
        turn_id=turn.id,
    )


def iteration_row(turn: Turn, iteration: IterationRecord, fact: IterationCompleted) -> dict[str, Any]:
    """The `rlm_iterations` row, without its times."""
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


def moment(timestamp: str, dialect: Dialect) -> str:
    """An ISO 8601 moment as Django stores it: SQLite compares the text, so its form must be Django's."""
    return timestamp.replace("T", " ").removesuffix("+00:00") if dialect == "sqlite" else timestamp


def _turn(row: Row) -> Turn:
    turn_id, tenant_id, user_id, conversation_id, agent_id, content, client_message_id, created_at, role = row
    return Turn(
        id=turn_id,
        tenant_id=tenant_id,
        user_id=user_id,
        roles=(role,) if role else (),
        conversation_id=conversation_id,
        agent_id=agent_id,
        content=content,
        created_at=_iso(created_at),
        client_message_id=client_message_id,
    )


def _iso(value: Any) -> str:
    return f"{value.replace(' ', 'T')}+00:00" if isinstance(value, str) else str(value.isoformat())


def _position(tx: Transaction, tenant_id: str, conversation_id: str) -> int:
    rows = tx.query(
        "SELECT COALESCE(MAX(conversation_position), 0) FROM events WHERE tenant_id = ? AND conversation_id = ?",
        [tenant_id, conversation_id],
    )
    return int(rows[0][0])


def _insert(tx: Transaction, table: str, row: dict[str, Any]) -> None:
    columns: Sequence[str] = list(row)
    tx.execute(
        f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})", list(row.values())
    )


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
