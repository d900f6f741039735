"""What is done beside the requests: bundles whose time is over go; the log stays."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from soma.brain import store
from soma.events.errors import LogError
from soma.events.writer import Writer

HOURLY = 3_600.0

logger = logging.getLogger(__name__)


@asynccontextmanager
async def kept_tidy(writer: Writer, *, every_seconds: float = HOURLY) -> AsyncIterator[None]:
    task = asyncio.create_task(_tidy(writer, every_seconds))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _tidy(writer: Writer, every_seconds: float) -> None:
    while True:
        try:
            await writer.write(store.drop_expired_bundles)
        except LogError:
            logger.exception("expired bundles stay for another hour")
        await asyncio.sleep(every_seconds)
