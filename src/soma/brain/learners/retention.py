"""Retention: erase what people told a learner after its time, once a signed checkpoint covers it. The chain stays.

First an event says so (`learning.erased`, with the checkpoint that a replay starts at from then on), in one commit.
Then payloads and rows go in small commits. A kill between any two leaves a log that verifies: what has not gone yet
goes in the next round.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

import msgspec

from soma.brain.core.state import LearnerState
from soma.brain.errors import BrainRefused
from soma.brain.learners.chain import LEARNED, stream_of
from soma.brain.learners.learners import Learners
from soma.brain.learners.replay_start import ReplayStart, find_start
from soma.brain.types import Principal
from soma.events.chain import Head
from soma.events.database import Reader
from soma.events.facts.codec import Subject, draft
from soma.events.facts.learning import LearningErased
from soma.events.log import Log
from soma.events.sql import placeholders
from soma.events.transaction import Transaction
from soma.events.writer import Writer

ERASABLE = ("feedback.received", "feedback.batch_received", "weights.updated", "weights.batch_updated")
REFERRING = ("weights.rolled_back", "reward.voided")  # replayed from a version before them
PREFIX = "learner:"
APART = timedelta(days=1)  # between two checkpoints of one learner for this reason, so that they stay few
EVENTS = 200  # of one commit at most, and
CHARACTERS = 400_000  # of payload: some milliseconds of the writer, two batches or so
PAGE = 1_000  # rows looked at together
PAUSE_SECONDS = 0.05  # between two commits, which belongs to those who wait

logger = logging.getLogger(__name__)


class Boundary(NamedTuple):
    """End of the past that may be erased: its last event, and the state after that."""

    head: Head
    state: LearnerState


class Stretch(NamedTuple):
    """Erasures of one commit: events of the chain in (after, until] by their positions, and versions of snapshots."""

    after: int
    until: int
    positions: list[int]
    snapshots: list[int]


class Version(msgspec.Struct):
    learner_version: int


class Reference(msgspec.Struct):
    restored_version: int | None = None
    base_version: int | None = None


class Retention:
    """`days` of 0 keeps everything."""

    def __init__(self, writer: Writer, learners: Learners, *, days: int) -> None:
        self._writer = writer
        self._reads = writer.database
        self._learners = learners
        self._days = days

    async def erase_old(self, *, at: datetime | None = None) -> int:
        """Erase what is older than `days` at `at` (now); return the number of commits that it took."""
        if not self._days:
            return 0
        horizon = (at or datetime.now(UTC)) - timedelta(days=self._days)
        commits = 0
        for learner in await asyncio.to_thread(lambda: list(find_learners(self._reads))):
            commits += await self._erase_past(learner, horizon)
        before = horizon.isoformat(timespec="microseconds")
        commits += await self._drop_old_answers(before) + await self._drop_old_outcomes(before)
        return commits + await self._drop_old_statements(before[:10])

    # What a learner was told

    async def _erase_past(self, learner: Principal, horizon: datetime) -> int:
        commits = 0
        try:
            boundary = await asyncio.to_thread(find_boundary, self._reads, self._learners, learner, horizon)
        except BrainRefused as refused:  # a checkpoint that is not believed: nothing more is erased behind it
            logger.error("what %s %s was told stays: %s", learner.tenant_id, learner.agent_id, refused)  # noqa: TRY400
            return 0
        if boundary is not None:
            before = await asyncio.to_thread(find_start, self._reads, learner)
            commits += await self._write(lambda transaction: self._declare(transaction, learner, before, boundary))
        while (stretch := await asyncio.to_thread(find_stretch, self._reads, learner)) is not None:
            commits += await self._write(partial(erase, learner=learner, stretch=stretch))
        return commits

    def _declare(
        self, transaction: Transaction, learner: Principal, before: ReplayStart | None, boundary: Boundary
    ) -> None:
        """Make the learner begin at the checkpoint, unless another process was faster."""
        if find_start(transaction, learner) != before:
            return
        head, state = boundary
        subject = Subject(tenant_id=learner.tenant_id, stream=stream_of(learner), agent_id=learner.agent_id)
        checkpoint = self._learners.signer.checkpoint(learner.tenant_id, learner.agent_id, state, head)
        placed = transaction.append(draft(checkpoint, subject))
        fact = LearningErased(
            agent_id=learner.agent_id,
            until_seq=head.seq,
            learner_version=state.version,
            checkpoint_seq=placed.seq,
            state_hash=checkpoint.state_hash,
            reason=f"older than {self._days} days",
        )
        transaction.append(draft(fact, subject))
        transaction.execute(
            "INSERT INTO learner_starts (tenant_id, agent_id, version, seq, checkpoint_seq, erased_seq) "
            "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (tenant_id, agent_id) DO UPDATE SET "
            "version = excluded.version, seq = excluded.seq, checkpoint_seq = excluded.checkpoint_seq",
            [learner.tenant_id, learner.agent_id, state.version, head.seq, placed.seq, 0],
        )

    # First answers: an index on their age would cost each feedback more than this does

    async def _drop_old_answers(self, horizon: str) -> int:
        """Drop first answers page by page in the order of arrival, until one is young."""
        commits, after = 0, 0
        while True:
            found = await asyncio.to_thread(
                self._reads.query,
                "SELECT answer_id, created_at FROM feedback_keys WHERE answer_id > ? ORDER BY answer_id LIMIT ?",
                [after, PAGE],
            )
            if aged := [(answer_id,) for answer_id, created_at in found if created_at < horizon]:
                sql = "DELETE FROM feedback_keys WHERE answer_id = ?"
                commits += await self._write(partial(_execute_many, sql=sql, rows=aged))
            if len(aged) < PAGE:
                return commits
            [after] = aged[-1]

    async def _drop_old_outcomes(self, horizon: str) -> int:
        """Drop first outcomes page by page along the primary key."""
        commits, after = 0, ("", "")
        while True:
            found = await asyncio.to_thread(
                self._reads.query,
                "SELECT tenant_id, turn_id, created_at FROM turn_metrics WHERE (tenant_id, turn_id) > (?, ?) "
                "ORDER BY tenant_id, turn_id LIMIT ?",
                [*after, PAGE],
            )
            if aged := [(*row[:2], horizon) for row in found if row[2] < horizon]:
                sql = "DELETE FROM turn_metrics WHERE tenant_id = ? AND turn_id = ? AND created_at < ?"
                commits += await self._write(partial(_execute_many, sql=sql, rows=aged))
            if len(found) < PAGE:
                return commits
            after = found[-1][:2]

    async def _drop_old_statements(self, day: str) -> int:
        """Drop standing statements page by page along the primary key."""
        commits, after = 0, ("", "")
        while True:
            found = await asyncio.to_thread(
                self._reads.query,
                "SELECT tenant_id, name, day FROM standing_words WHERE (tenant_id, name) > (?, ?) "
                "ORDER BY tenant_id, name LIMIT ?",
                [*after, PAGE],
            )
            if aged := [row[:2] for row in found if row[2] < day]:
                sql = "DELETE FROM standing_words WHERE tenant_id = ? AND name = ?"
                commits += await self._write(partial(_execute_many, sql=sql, rows=aged))
            if len(found) < PAGE:
                return commits
            after = found[-1][:2]

    async def _write(self, work: Callable[[Transaction], None]) -> int:
        await self._writer.write(work)
        await asyncio.sleep(PAUSE_SECONDS)
        return 1


def find_learners(reads: Reader) -> Iterator[Principal]:
    """Find every learner that was ever told something: one seek in the log's index a chain."""
    after = ("", "")
    while found := reads.query(
        "SELECT tenant_id, stream FROM events WHERE (tenant_id, stream) > (?, ?) ORDER BY tenant_id, stream LIMIT 1",
        [*after],
    ):
        after = found[0]
        tenant_id, stream = after
        if stream.startswith(PREFIX):
            yield Principal(tenant_id=tenant_id, user_id="", agent_id=stream.removeprefix(PREFIX))


def find_boundary(reads: Reader, learners: Learners, learner: Principal, horizon: datetime) -> Boundary | None:
    """Find the last event before `horizon` behind which nothing kept refers back; None if not yet worth it."""
    log, start = Log(reads), find_start(reads, learner)
    of = learner.tenant_id, stream_of(learner)
    begin = start.seq if start else 0
    first = log.find_numbered(*of, begin + 1)
    if first is None or _parse_time(first.timestamp) >= horizon - APART:
        return None
    newest = reads.query("SELECT MAX(seq) FROM events WHERE tenant_id = ? AND stream = ?", [*of])[0][0]

    def version_at(seq: int) -> int:
        event = log.find_newest(*of, LEARNED, after=begin, until=seq)
        if event is None or event.payload is None:
            return start.version if start else 0
        return msgspec.json.decode(event.payload, type=Version).learner_version

    def is_old(seq: int) -> bool:
        event = log.find_numbered(*of, seq)
        return event is not None and _parse_time(event.timestamp) < horizon

    until = _last_where(begin, newest, is_old)
    needed = _oldest_needed(reads, of, until)
    if needed is not None and needed < version_at(until):
        until = _last_where(begin, until, lambda seq: version_at(seq) <= needed)
    covered = log.find_numbered(*of, until)
    if covered is None or log.find_newest(*of, ERASABLE, after=begin, until=until) is None:
        return None
    return Boundary(Head(covered.seq, covered.hash), learners.state_at(reads, learner, version_at(until)))


def _oldest_needed(reads: Reader, of: tuple[str, str], seq: int) -> int | None:
    """Find the oldest version that an event after `seq` goes back to, but for 0, which can always be had."""
    rows = reads.query(
        "SELECT payload FROM events WHERE tenant_id = ? AND stream = ? AND seq > ? "
        f"AND event_type IN ({placeholders(REFERRING)})",
        [*of, seq, *REFERRING],
    )
    facts = [msgspec.json.decode(payload, type=Reference) for (payload,) in rows]
    versions = [fact.restored_version or fact.base_version for fact in facts]
    return min((version for version in versions if version), default=None)


def find_stretch(reads: Reader, learner: Principal) -> Stretch | None:
    """Find what to erase in the next commit; None if all of it has gone."""
    start = find_start(reads, learner)
    if start is None or start.erased_seq >= start.seq:
        return None
    rows = reads.query(
        "SELECT seq, position, LENGTH(payload) FROM events "
        "WHERE tenant_id = ? AND stream = ? AND seq > ? AND seq <= ? ORDER BY seq LIMIT ?",
        [learner.tenant_id, stream_of(learner), start.erased_seq, start.seq, EVENTS],
    )
    positions: list[int] = []
    until, characters = start.erased_seq, 0
    for seq, position, length in rows:
        characters += length or 0
        if positions and characters > CHARACTERS:
            break
        until = seq
        positions.append(position)
    stored = reads.query(
        "SELECT version, seq FROM learner_snapshots WHERE tenant_id = ? AND agent_id = ? AND version <= ? "
        "ORDER BY version LIMIT ?",
        [learner.tenant_id, learner.agent_id, start.version, EVENTS],
    )
    return Stretch(start.erased_seq, until, positions, [version for version, seq in stored if seq <= until])


def erase(transaction: Transaction, learner: Principal, stretch: Stretch) -> None:
    """Erase payloads, the rows of the same feedback, and snapshots from which nothing can be replayed any more."""
    of = [learner.tenant_id, stream_of(learner), stretch.after, stretch.until]
    transaction.execute(
        "UPDATE events SET payload = NULL WHERE tenant_id = ? AND stream = ? AND seq > ? AND seq <= ? "
        f"AND event_type IN ({placeholders(ERASABLE)})",
        [*of, *ERASABLE],
    )
    transaction.executemany("DELETE FROM feedback_events WHERE position = ?", [(each,) for each in stretch.positions])
    transaction.executemany(
        "DELETE FROM learner_snapshots WHERE tenant_id = ? AND agent_id = ? AND version = ?",
        [(learner.tenant_id, learner.agent_id, version) for version in stretch.snapshots],
    )
    transaction.execute(
        "UPDATE learner_starts SET erased_seq = ? WHERE tenant_id = ? AND agent_id = ? AND erased_seq = ?",
        [stretch.until, learner.tenant_id, learner.agent_id, stretch.after],
    )


def _execute_many(transaction: Transaction, sql: str, rows: Sequence[Sequence[Any]]) -> None:
    transaction.executemany(sql, rows)


def _last_where(low: int, high: int, holds: Callable[[int], bool]) -> int:
    """Bisect for the greatest number in [low, high] up to which `holds`; `low` is taken to."""
    while low < high:
        middle = (low + high + 1) // 2
        if holds(middle):
            low = middle
        else:
            high = middle - 1
    return low


def _parse_time(timestamp: str) -> datetime:
    return datetime.fromisoformat(timestamp)
