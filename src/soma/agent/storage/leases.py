"""Leases: which run may write to a turn. Of all runs of one turn, in any process, only the newest may.

`turn/runner.py` takes leases, renews them, and resumes turns whose lease ran out.

A process that has its database to itself (SQLite) counts on its own monotonic clock, several on one PostgreSQL count
on the server's clock: a wall clock that is set moves no lease.
"""

import time
from collections.abc import Collection, Sequence
from typing import Any

from soma.agent.record.turn import Lease
from soma.events.transaction import Transaction
from soma.events.writer import Writer

OPEN = "state IN ('queued', 'running')"  # as the partial index `turn_open` has it: written otherwise it is not used
SERVER_CLOCK = "EXTRACT(EPOCH FROM clock_timestamp())::float8"


class LeaseLost(Exception):
    """A newer run has the turn, or the turn is over: this run must not write to it any more."""


class Leases:
    """Gives, renews and checks the leases of one worker."""

    def __init__(self, writer: Writer, *, worker: str, seconds: float) -> None:
        self.seconds = seconds
        self.worker = worker
        self._writer = writer

    def moment(self, seconds: float = 0.0) -> tuple[str, float]:
        """Return SQL of the moment `seconds` from now, and its parameter."""
        if self._writer.database.dialect == "sqlite":
            return "?", time.monotonic() + seconds
        return f"{SERVER_CLOCK} + ?", seconds

    async def take_over(self, *, running: Collection[str], is_alone: bool = False) -> list[Lease]:
        """Take the turns that no worker runs: those whose lease ran out, and queued ones that are next.

        Turns in `running` run here and are left alone, whatever their lease says. `is_alone`: no other worker can be
        alive, so no lease is waited for.
        """

        def take(transaction: Transaction) -> list[Lease]:
            now, parameter = self.moment()
            expired = "1 = 1" if is_alone else f"lease_expires_at < {now}"
            rows = transaction.query(
                f"SELECT id, epoch FROM agent_turn t WHERE t.{OPEN} AND ((t.state = 'running' AND {expired}) "
                "OR (t.state = 'queued' AND NOT EXISTS (SELECT 1 FROM agent_turn o WHERE o.tenant_id = t.tenant_id "
                f"AND o.conversation_id = t.conversation_id AND o.{OPEN} "
                "AND (o.state = 'running' OR o.number < t.number))))",  # unordered: SQLite would go by all ids
                [] if is_alone else [parameter],
            )
            free = [Lease(str(turn_id), int(epoch) + 1) for turn_id, epoch in sorted(rows) if turn_id not in running]
            for lease in free:
                self._give(transaction, lease, "state = 'running', ")
            return free

        return await self._writer.write(take)

    async def claim(self, turn_id: str) -> Lease | None:
        """Take a turn, whichever worker has it, to end it; None where it is over."""

        def take(transaction: Transaction) -> Lease | None:
            rows = transaction.query(f"SELECT epoch FROM agent_turn WHERE id = ? AND {OPEN}", [turn_id])
            if not rows:
                return None
            lease = Lease(turn_id, int(rows[0][0]) + 1)
            self._give(transaction, lease)
            return lease

        return await self._writer.write(take)

    async def renew(self, leases: Sequence[Lease]) -> list[Lease]:
        """Renew the leases of turns that run here. Returns those that a newer run has taken."""

        def renew(transaction: Transaction) -> list[Lease]:
            until, parameter = self.moment(self.seconds)
            transaction.executemany(
                f"UPDATE agent_turn SET lease_expires_at = {until} WHERE id = ? AND epoch = ? AND {OPEN}",
                [[parameter, lease.turn_id, lease.epoch] for lease in leases],
            )
            newest: dict[Any, Any] = dict(transaction.query(f"SELECT id, epoch FROM agent_turn WHERE {OPEN}"))
            return [lease for lease in leases if newest.get(lease.turn_id, lease.epoch) != lease.epoch]

        return await self._writer.write(renew) if leases else []

    def check(self, transaction: Transaction, lease: Lease | None) -> None:
        """Raise LeaseLost where `lease` is not the turn's newest."""
        held = lease and transaction.query(
            f"SELECT 1 FROM agent_turn WHERE id = ? AND epoch = ? AND {OPEN}", [lease.turn_id, lease.epoch]
        )
        if not held:
            raise LeaseLost(lease.turn_id if lease else "a turn that was only read")

    def _give(self, transaction: Transaction, lease: Lease, state: str = "") -> None:
        until, parameter = self.moment(self.seconds)
        values: list[Any] = [self.worker, lease.epoch, parameter, lease.turn_id]
        transaction.execute(
            f"UPDATE agent_turn SET {state}worker = ?, epoch = ?, lease_expires_at = {until} WHERE id = ?", values
        )
