"""Housekeeping: every hour, drop bundles and daily counts that have expired, and erase old feedback (retention)."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from soma.brain.context.bundles import drop_expired_bundles
from soma.brain.feedback import daily_bounds
from soma.brain.learners.retention import Retention
from soma.events.writer import Writer

HOURLY = 3_600.0
SETTLED = 60.0  # seconds after the start before the first round: callers that waited for the start come first

logger = logging.getLogger(__name__)


@asynccontextmanager
async def run_housekeeping(
    writer: Writer, retention: Retention, *, settled_seconds: float = SETTLED
) -> AsyncIterator[None]:
    task = asyncio.create_task(_tidy(writer, retention, settled_seconds))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _tidy(writer: Writer, retention: Retention, settled_seconds: float) -> None:
    await asyncio.sleep(settled_seconds)
    while True:
        try:
            await writer.write(drop_expired_bundles)
            await writer.write(daily_bounds.drop_past)
            await retention.erase_old()
        except Exception:
            logger.exception("what is too old stays for another hour")
        await asyncio.sleep(HOURLY)
