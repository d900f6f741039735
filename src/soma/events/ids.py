"""Time-ordered identifiers (UUID version 7, RFC 9562) and the clock they come from."""

import os
import threading
import time
from datetime import UTC, datetime
from functools import lru_cache
from uuid import UUID

_lock = threading.Lock()
_last = 0
_pool = b""

VERSION = 7
POOL = 4_096  # bytes of randomness asked for at once: each time costs a turn of Python's lock


def new_id() -> str:
    """Return a UUIDv7 greater than every earlier one of this process, also when the clock is set back."""
    global _last, _pool  # noqa: PLW0603 - the one counter that keeps ids ordered, what is left of the randomness
    # 48 bits of milliseconds and 12 bits of sub-millisecond fraction (RFC 9562, section 6.2, method 3)
    milliseconds, nanoseconds = divmod(time.time_ns(), 1_000_000)
    ticks = milliseconds << 12 | nanoseconds * 4096 // 1_000_000
    with _lock:
        _last = ticks = max(_last + 1, ticks)
        _pool = _pool or os.urandom(POOL)
        noise, _pool = _pool[:8], _pool[8:]
    value = (ticks >> 12) << 80 | VERSION << 76 | (ticks & 0xFFF) << 64 | 0b10 << 62 | int.from_bytes(noise) >> 2
    digits = f"{value:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def continue_after(stored: str) -> None:
    """Make every new id greater than a stored one, which an earlier process made when the clock was ahead."""
    global _last  # noqa: PLW0603 - as above
    try:
        value = UUID(stored)
    except ValueError:
        return
    if value.version == VERSION:
        with _lock:
            _last = max(_last, value.int >> 80 << 12 | value.int >> 64 & 0xFFF)


def now() -> str:
    """Return the present moment, UTC, ISO 8601 with microseconds."""
    seconds, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
    return f"{_second(seconds)}.{nanoseconds // 1_000:06d}+00:00"


@lru_cache(2)
def _second(seconds: int) -> str:
    """Format a second; cached while it lasts, for one event takes several stamps."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
