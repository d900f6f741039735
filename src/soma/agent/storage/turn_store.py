"""The store of turns: each fact and the rows that follow from it, in one transaction of the log's writer."""

import asyncio
from dataclasses import dataclass
from typing import Any

from soma.agent.errors import Conflict, NotFound
from soma.agent.record.turn import Lease, TurnFact, TurnHeader, TurnRecord, Unreadable, fold
from soma.agent.storage.leases import OPEN, Leases
from soma.agent.storage.turn_bounds import TurnBounds
from soma.agent.storage.turn_rows import TurnRows, moment
from soma.agent.storage.withheld import WithheldContent, find_withheld, is_withheld
from soma.events.chain import Event
from soma.events.database import Dialect, Row
from soma.events.facts.base import Fact
from soma.events.facts.codec import Subject, draft, fact_of
from soma.events.facts.turn import IterationCompleted, TurnComplete, TurnStarted
from soma.events.ids import now
from soma.events.log import Log
from soma.events.transaction import Transaction
from soma.events.writer import Writer
from soma.validation.json_errors import DECODING_ERRORS

IN_PROGRESS = "turn_in_progress"
TURN_COLUMNS = "id, tenant_id, user_id, conversation_id, content, client_message_id, created_at"
ASIDE = (
    "FROM agent_turn t JOIN agent_conversation c ON c.id = t.conversation_id "
    "WHERE t.set_aside IS NOT NULL AND c.deleted_at IS NULL"
)
EARLIER_MESSAGES = 20  # of a conversation, with which an answer is compared


@dataclass(frozen=True, slots=True)
class Admission:
    """The turn of a message. Its events come after the conversation position `after`; with a lease it may begin."""

    turn_id: str
    after: int
    lease: Lease | None = None


class TurnStore:
    """The turn's tables and its stream in the log."""

    def __init__(self, writer: Writer, leases: Leases, *, tokenizer: str, bounds: TurnBounds) -> None:
        self.leases = leases
        self._bounds = bounds
        self._writer = writer
        self._log = Log(writer.database)
        self._rows = TurnRows(writer.database.dialect, tokenizer=tokenizer)

    async def admit(self, turn: TurnHeader, *, enqueue: bool) -> Admission:
        """Write a turn down before anything is done for it.

        A client message that was sent before gets its first turn. Raises Conflict where the id of the client message
        was used for another text, and while another turn runs, unless this one may queue; Busy where too many run.
        """
        return await self._writer.write(lambda transaction: self._admit(transaction, turn, enqueue=enqueue))

    def _admit(self, transaction: Transaction, turn: TurnHeader, *, enqueue: bool) -> Admission:
        scope = [turn.tenant_id, turn.conversation_id]
        if turn.client_message_id is not None:
            known = transaction.query(
                "SELECT id, content, (SELECT COALESCE(MIN(conversation_position), 1) - 1 FROM events e WHERE "
                "e.tenant_id = t.tenant_id AND e.stream = 'turn:' || t.id) FROM agent_turn t "
                "WHERE tenant_id = ? AND conversation_id = ? AND client_message_id = ?",
                [*scope, turn.client_message_id],
            )
            if known:
                [(turn_id, content, after)] = known
                if content != turn.content:
                    raise Conflict(
                        "this id was used for another message of the conversation; use a new id",
                        code="client_message_id_used",
                        field="client_message_id",
                    )
                return Admission(turn_id, after)
        busy = transaction.query(
            f"SELECT id FROM agent_turn WHERE tenant_id = ? AND conversation_id = ? AND {OPEN} LIMIT 1", scope
        )
        if busy and not enqueue:
            raise Conflict(
                f"turn {busy[0][0]} is still running; wait for it, cancel it, or send with on_busy enqueue or cancel",
                code=IN_PROGRESS,
            )
        self._bounds.check(transaction, tenant_id=turn.tenant_id, user_id=turn.user_id)
        state = "queued" if busy else "running"
        until, parameter = self.leases.moment(self.leases.seconds)
        transaction.execute(
            f"INSERT INTO agent_turn ({TURN_COLUMNS}, state, worker, lease_expires_at, epoch, total_iterations, "
            f"number) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, {until}, 1, 0, "
            "(SELECT COALESCE(MAX(number), 0) + 1 FROM agent_turn WHERE tenant_id = ? AND conversation_id = ?))",
            [
                turn.id, turn.tenant_id, turn.user_id, turn.conversation_id, turn.content, turn.client_message_id,
                moment(turn.created_at, self._dialect), state, self.leases.worker, parameter,
                *scope,
            ],
        )  # fmt: skip
        return Admission(turn.id, _position(transaction, *scope), None if busy else Lease(turn.id, 1))

    async def record(self, record: TurnRecord, *facts: TurnFact) -> None:
        """Commit facts with their rows, all or none. Raises LeaseLost where a newer run has the turn."""

        def write(transaction: Transaction) -> None:
            for fact in facts:
                self._record(transaction, record, fact)

        await self._writer.write(write)

    def _record(self, transaction: Transaction, record: TurnRecord, fact: TurnFact) -> None:
        turn = record.turn
        self.leases.check(transaction, record.lease)
        timestamp = now()
        event = transaction.append(draft(fact, subject_of(turn), timestamp=timestamp))
        match fact:
            case TurnStarted():
                self._rows.question(transaction, turn, timestamp, tokens=fact.message_tokens)
            case IterationCompleted():
                self._rows.iteration(transaction, turn, record.iteration(fact.iteration_number), fact, timestamp)
            case TurnComplete():
                self._rows.answer(transaction, record, fact, timestamp)
                self._rows.receipt(transaction, record, fact, event)

    def find_under_way(self, tenant_id: str, conversation_id: str) -> list[str]:
        """Return the turns of a conversation that are not complete, the newest first."""
        rows = self._writer.database.query(
            f"SELECT id FROM agent_turn WHERE tenant_id = ? AND conversation_id = ? AND {OPEN} ORDER BY number DESC",
            [tenant_id, conversation_id],
        )
        return [str(turn_id) for (turn_id,) in rows]

    async def reload(self, lease: Lease) -> TurnRecord:
        """Return the record as committed, with every write that was under way; to go on under `lease`."""
        await self._writer.write(lambda _: None)
        return await asyncio.to_thread(self.load, lease.turn_id, lease)

    def read_earlier_messages(self, turn_id: str) -> list[str]:
        """Return the user's messages in earlier turns of the conversation, the newest first, at most twenty."""
        rows = self._writer.database.query(
            "SELECT b.content FROM agent_turn t JOIN agent_turn b ON b.tenant_id = t.tenant_id "
            "AND b.conversation_id = t.conversation_id AND b.number < t.number "
            "WHERE t.id = ? ORDER BY b.number DESC LIMIT ?",
            [turn_id, EARLIER_MESSAGES],
        )
        return [str(content) for (content,) in rows]

    def is_withheld(self, turn_id: str) -> bool:
        return is_withheld(self._writer.database, turn_id)

    def find_withheld(self, record: TurnRecord) -> WithheldContent:
        """Find what no prompt of the turn may hold: turns of its conversation, and memories that it has seen."""
        shown = {memory.id for done in record.iterations.values() if done.bundle for memory in done.bundle.memories}
        used = {source for use in record.tool_uses if use.finished for source in use.finished.sources}
        return find_withheld(self._writer.database, record.turn.tenant_id, record.turn.conversation_id, shown | used)

    def load(self, turn_id: str, lease: Lease | None = None) -> TurnRecord:
        """Return the turn by its log: an interrupted turn resumes there, a trace shows it.

        Without a lease it can only be read. Raises NotFound where there is no such turn.
        """
        rows = self._writer.database.query(
            "SELECT t.id, t.tenant_id, t.user_id, t.conversation_id, c.capsule_id, t.content, t.client_message_id, "
            "t.created_at, m.role FROM agent_turn t JOIN agent_conversation c ON c.id = t.conversation_id "
            "LEFT JOIN agent_membership m ON m.tenant_id = t.tenant_id AND m.user_id = t.user_id WHERE t.id = ?",
            [turn_id],
        )
        if not rows:
            raise NotFound(f"unknown turn {turn_id}", code="unknown_turn")
        turn = _turn(rows[0])
        return fold(turn, map(_read, self._log.read_stream(turn.tenant_id, stream_of(turn))), lease)

    async def close(self, lease: Lease, *, exit_reason: str, why: str) -> None:
        """End a turn for which no more events can be stored: only its row says so, and that it is set aside."""

        def write(transaction: Transaction) -> None:
            self.leases.check(transaction, lease)
            transaction.execute(
                "UPDATE agent_turn SET state = 'complete', exit_reason = ?, completed_at = ?, set_aside = ?, "
                "worker = NULL, lease_expires_at = NULL WHERE id = ?",
                [exit_reason, moment(now(), self._dialect), why, lease.turn_id],
            )

        await self._writer.write(write)

    async def set_aside(self, turn_id: str, why: str) -> None:
        """Set aside a turn that cannot be read: the others go on, and the operator sees it."""
        await self._writer.write(
            lambda transaction: transaction.execute("UPDATE agent_turn SET set_aside = ? WHERE id = ?", [why, turn_id])
        )

    def count_aside(self) -> int:
        """Count the turns that are set aside; those of deleted conversations are settled."""
        [[count]] = self._writer.database.query(f"SELECT COUNT(*) {ASIDE}")
        return int(count)

    def list_aside(self, *, limit: int) -> list[tuple[str, str]]:
        """Return turns that are set aside, with the reasons, the newest first."""
        rows = self._writer.database.query(
            f"SELECT t.id, t.set_aside {ASIDE} ORDER BY t.id DESC LIMIT ?",
            [limit],
        )
        return [(str(turn_id), str(why)) for turn_id, why in rows]

    def greatest_ids(self) -> list[str]:
        """Return the greatest ids that are stored: new ids must be greater."""
        query = "SELECT (SELECT MAX(id) FROM agent_turn), (SELECT MAX(recent) FROM agent_conversation)"
        return [str(stored) for stored in self._writer.database.query(query)[0] if stored]

    @property
    def _dialect(self) -> Dialect:
        return self._writer.database.dialect


def _read(event: Event) -> Fact | Unreadable | None:
    """Return the fact of an event, or why it cannot be read: the events after it are read all the same."""
    try:
        return fact_of(event)
    except KeyError:
        return Unreadable(event.seq, event.event_type, "this version of Soma does not know it")
    except DECODING_ERRORS as error:
        return Unreadable(event.seq, event.event_type, str(error))


def stream_of(turn: TurnHeader) -> str:
    return f"turn:{turn.id}"


def subject_of(turn: TurnHeader) -> Subject:
    return Subject(
        tenant_id=turn.tenant_id,
        stream=stream_of(turn),
        user_id=turn.user_id,
        agent_id=turn.agent_id,
        conversation_id=turn.conversation_id,
        turn_id=turn.id,
    )


def _turn(row: Row) -> TurnHeader:
    turn_id, tenant_id, user_id, conversation_id, agent_id, content, client_message_id, created_at, role = row
    return TurnHeader(
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


def _position(transaction: Transaction, tenant_id: str, conversation_id: str) -> int:
    rows = transaction.query(
        "SELECT COALESCE(MAX(conversation_position), 0) FROM events WHERE tenant_id = ? AND conversation_id = ?",
        [tenant_id, conversation_id],
    )
    return int(rows[0][0])
