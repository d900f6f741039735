"""Consumers of the log: a cursor each, at least once, in order.

A consumer whose effect is in the same database moves its cursor in the transaction of the effect (once). One whose
effect is elsewhere moves it after the effect (at least once), so the effect must be keyed.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from soma.events.chain import Event
from soma.events.log import Log
from soma.events.transaction import Transaction
from soma.events.writer import Writer

logger = logging.getLogger(__name__)

PAUSE_SECONDS = 2.0  # after a failure, doubled each time
LONGEST_PAUSE_SECONDS = 60.0


def move_cursor(transaction: Transaction, consumer: str, position: int, *, partition: int = 0) -> None:
    transaction.execute(
        "INSERT INTO cursors (consumer, partition, position) VALUES (?, ?, ?) "
        "ON CONFLICT (consumer, partition) DO UPDATE SET position = excluded.position",
        [consumer, partition, position],
    )


class Consumer:
    """A reader of the log: hands events of `types` to `handle`, batch by batch, and remembers how far it came."""

    def __init__(
        self,
        name: str,
        *,
        writer: Writer,
        types: Sequence[str],
        handle: Callable[[Sequence[Event]], Awaitable[None]],
    ) -> None:
        self.name = name
        self._writer = writer
        self._log = Log(writer.database)
        self._types = types
        self._handle = handle

    def position(self) -> int:
        rows = self._writer.database.query(
            "SELECT position FROM cursors WHERE consumer = ? AND partition = 0", [self.name]
        )
        return int(rows[0][0]) if rows else 0

    async def run(self) -> None:
        """Follow the log until cancelled. A failing `handle` stops the cursor, not the consumer."""
        loop, woken = asyncio.get_running_loop(), asyncio.Event()
        stop = self._writer.listen(lambda _: loop.call_soon_threadsafe(woken.set))
        pause = PAUSE_SECONDS
        try:
            while True:
                woken.clear()
                try:
                    while await self.step():
                        pause = PAUSE_SECONDS
                    await woken.wait()
                except Exception:
                    logger.exception("consumer %s waits %.0f s", self.name, pause)
                    await asyncio.sleep(pause)
                    pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
        finally:
            stop()

    async def step(self) -> int:
        """Handle the next events; return how many there were."""
        position = await asyncio.to_thread(self.position)
        events = await asyncio.to_thread(self._log.read_after, position, types=self._types)
        if events:
            await self._handle(events)
            last = events[-1].position
            await self._writer.write(lambda transaction: move_cursor(transaction, self.name, last))
        return len(events)
