"""When an answer is over though its stream is not: shortly after the reason to end, whatever else was to come."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import TypeVar

T = TypeVar("T")

SETTLING_SECONDS = 1.0  # that usage is waited for, and the end of the stream


async def until_settled(
    pieces: AsyncIterator[T], is_finished: Callable[[], bool], broken: type[Exception]
) -> AsyncGenerator[T]:
    """The pieces of a stream. Once the answer is finished, silence and what breaks it (`broken`) only end it."""
    until: float | None = None
    while True:
        if until is None and is_finished():
            until = asyncio.get_running_loop().time() + SETTLING_SECONDS
        try:
            async with asyncio.timeout_at(until) as clock:
                piece = await anext(pieces)
        except StopAsyncIteration:
            return
        except TimeoutError:
            if clock.expired():
                return
            raise
        except broken:
            if is_finished():
                return
            raise
        yield piece
