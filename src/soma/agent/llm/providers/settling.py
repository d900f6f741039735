"""The end of an answer whose stream stays open: shortly after its reason to end."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import TypeVar

T = TypeVar("T")

SETTLING_SECONDS = 1.0  # the wait for usage and for the end of the stream


async def read_until_settled(
    pieces: AsyncIterator[T], said_since_finished: Callable[[], int | None], broken: type[Exception]
) -> AsyncGenerator[T]:
    """Yield the pieces of a stream. After the answer has finished, silence or a `broken` stream only ends it.

    Some servers name a reason to end with every chunk: while more is said, the wait begins again.
    """
    until, said = None, None
    while True:
        if (now_said := said_since_finished()) != said:
            said, until = now_said, asyncio.get_running_loop().time() + SETTLING_SECONDS
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
            if said is not None:
                return
            raise
        yield piece
