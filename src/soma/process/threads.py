"""Work in threads: what would hold up the event loop is done beside it."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any, TypeVar

T = TypeVar("T")


async def run_in_thread(threads: Executor, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    return await asyncio.get_running_loop().run_in_executor(threads, lambda: function(*args, **kwargs))
