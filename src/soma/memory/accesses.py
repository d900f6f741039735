"""Counts of how often memories were shown, gathered for a moment and written in one transaction.

The counts are for people. Recall does not read them, so replay meets nothing that they change; a kill loses a moment.
"""

import asyncio
import logging
from collections.abc import Iterable
from contextlib import suppress

from soma.events.errors import LogError
from soma.events.ids import now
from soma.events.writer import Writer
from soma.memory.rows.memories import count_accesses

GATHERING_SECONDS = 1.0

ShownCounts = dict[tuple[str, str], tuple[int, str]]  # how often and when last, by tenant and id

logger = logging.getLogger(__name__)


class Accesses:
    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._shown: ShownCounts = {}
        self._writing: asyncio.Task[None] | None = None
        self._hurry = asyncio.Event()

    def add(self, tenant_id: str, ids: Iterable[str]) -> None:
        """Count at once; write soon, with what else is shown until then."""
        moment = now()
        for memory_id in ids:
            count, _ = self._shown.get((tenant_id, memory_id), (0, ""))
            self._shown[tenant_id, memory_id] = count + 1, moment
        if self._shown and (self._writing is None or self._writing.done()):
            self._writing = asyncio.create_task(self._soon(), name="accesses")

    async def settle(self) -> None:
        """Wait until everything that was counted is written."""
        self._hurry.set()
        if self._writing is not None:
            await self._writing
        self._hurry.clear()

    async def _soon(self) -> None:
        while self._shown:
            with suppress(TimeoutError):
                async with asyncio.timeout(GATHERING_SECONDS):
                    await self._hurry.wait()
            await self._write()

    async def _write(self) -> None:
        """Write the counts, or drop them: a database that is away has worse to report."""
        shown, self._shown = self._shown, {}
        try:
            await self._writer.write(lambda transaction: count_accesses(transaction, shown))
        except LogError as error:
            logger.warning("%d memories were shown and not counted: %s", len(shown), error)
