"""Endings of turns that do not end by their loop: with what there is, else with less, at last with the end alone.

Only storage that takes no writes at all leaves a turn where it stands: then its lease runs out and it goes on later.
"""

import asyncio
import logging
import time
from dataclasses import dataclass

from soma.agent.llm.base import ModelError
from soma.agent.record.turn import Lease, TurnFact, TurnRecord
from soma.agent.storage.leases import LeaseLost
from soma.agent.storage.turn_store import TurnStore
from soma.agent.turn.feed import Feed
from soma.agent.turn.steps.answer import answer
from soma.agent.turn.steps.start import minimal_start
from soma.brain.errors import BrainError
from soma.events.errors import LogError, WriteRefused
from soma.events.facts.turn import TurnComplete

logger = logging.getLogger(__name__)

MISTAKE = {"code": "internal", "message": "The server made a mistake; its log says which."}


@dataclass(frozen=True, slots=True)
class EarlyEnd:
    """The reason for which a turn ends before its loop ends it."""

    reason: str
    error: dict[str, str] | None = None


def early_end_of(lease: Lease, loop: asyncio.Task[None]) -> EarlyEnd | None:
    """Return how a loop was cut short; None where it ended by itself.

    Raises LeaseLost and LogError: these leave the turn where it stands.
    """
    if loop.cancelled():
        return EarlyEnd("cancelled")
    match loop.exception():
        case None:
            return None
        case TimeoutError():
            return EarlyEnd("timeout")
        case ModelError() | BrainError() | WriteRefused() as refused:
            return EarlyEnd("error", {"code": refused.code, "message": str(refused)})
        case LeaseLost() | LogError() as lost:
            raise lost
        case mistake:
            logger.error("turn %s failed", lease.turn_id, exc_info=mistake)
            return EarlyEnd("error", MISTAKE)


class Endings:
    """Ends turns by what their log holds: a commit that was under way when a turn was cut short counts."""

    def __init__(self, store: TurnStore, feed: Feed) -> None:
        self._store = store
        self._feed = feed

    async def end_early(self, lease: Lease, early_end: EarlyEnd) -> TurnComplete | None:
        """End a turn. Returns the end, or None where no event of it could be written.

        Raises LeaseLost, and LogError while storage takes no writes.
        """
        record = await self._store.reload(lease)
        if record.complete is not None or record.unreadable:
            return await self.set_aside(record, early_end)
        was_asked = record.was_asked
        try:
            return await self._end(record, early_end, was_asked=was_asked, partial=self._text_so_far(record))
        except Exception as refused:
            _raise_if_away(refused)
            logger.exception("turn %s ends with less: its whole end was refused", lease.turn_id)
            return await self._end_with_less(
                record, early_end, was_asked=was_asked, why=f"its end was refused: {refused}"
            )

    async def set_aside(self, record: TurnRecord, early_end: EarlyEnd | None = None) -> TurnComplete | None:
        """End a turn whose log cannot be read, and mark it: it is not known where it would go on."""
        why = "; ".join(map(str, record.unreadable)) or "it has an end but was not ended"
        logger.error("turn %s of tenant %s is set aside: %s", record.turn.id, record.turn.tenant_id, why)
        message = "What is stored of this turn cannot be read, so it could not go on. Ask again."
        unreadable = EarlyEnd(
            early_end.reason if early_end else "error", {"code": "unreadable_turn", "message": message}
        )
        end = None
        if record.complete is None:
            end = await self._end_with_less(record, unreadable, was_asked=record.was_asked, why=why)
        elif record.lease is not None:
            await self._store.close(record.lease, exit_reason=record.complete.exit_reason, why=why)
        await self._store.set_aside(record.turn.id, why)
        return end

    async def _end_with_less(
        self, record: TurnRecord, early_end: EarlyEnd, *, was_asked: bool, why: str
    ) -> TurnComplete | None:
        """End without what was said or learned; where even that is refused, mark the end in the turn's row alone."""
        error = early_end.error or {"code": WriteRefused.code, "message": str(WriteRefused.__doc__)}
        try:
            return await self._end(
                TurnRecord(record.turn, record.lease), EarlyEnd(early_end.reason, error), was_asked=was_asked
            )
        except Exception as refused:
            _raise_if_away(refused)
            if record.lease is None:
                raise
            logger.exception("turn %s ends without an event: it was refused", record.turn.id)
            await self._store.close(record.lease, exit_reason=early_end.reason, why=why)
            turn = record.turn
            self._feed.interrupt(turn.tenant_id, turn.conversation_id, WriteRefused(WriteRefused.__doc__))
            return None

    async def _end(
        self, record: TurnRecord, early_end: EarlyEnd, *, was_asked: bool, partial: str = ""
    ) -> TurnComplete:
        """Record the end, behind the beginning where it has none."""
        began: list[TurnFact] = [] if was_asked else [minimal_start(record.turn)]
        for fact in began:
            record.apply(fact)
        complete = answer(record, early_end.reason, now=time.time(), error=early_end.error, partial=partial)
        await self._store.record(record, *began, complete)
        return complete

    def _text_so_far(self, record: TurnRecord) -> str:
        turn = record.turn
        return self._feed.text_so_far(turn.tenant_id, turn.conversation_id, turn.id)


def _raise_if_away(error: Exception) -> None:
    """Raise again what no smaller end can mend: storage that takes no writes, a lease that was lost."""
    if isinstance(error, LeaseLost) or (isinstance(error, LogError) and not isinstance(error, WriteRefused)):
        raise error
