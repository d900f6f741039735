"""Time-ordered identifiers (UUID version 7, RFC 9562) and the clock they come from."""

import os
import threading
import time
from datetime import UTC, datetime

_lock = threading.Lock()
_last = 0
_pool = b""


def new_id() -> str:
    """A UUIDv7 that is greater than every earlier one of this process, also when the clock is set back."""
    global _last  # noqa: PLW0603 - the one counter that keeps ids ordered
    with _lock:
        # 48 bits of milliseconds and 12 bits of sub-millisecond fraction (RFC 9562, section 6.2, method 3)
        milliseconds, nanoseconds = divmod(time.time_ns(), 1_000_000)
        _last = max(_last + 1, milliseconds << 12 | nanoseconds * 4096 // 1_000_000)
        ticks = _last
    value = (ticks >> 12) << 80 | 0x7 << 76 | (ticks & 0xFFF) << 64
    value |= 0b10 << 62 | int.from_bytes(_random_bytes()) >> 2
    digits = f"{value:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def _random_bytes() -> bytes:
    """Eight bytes of the system's randomness, which is asked for rarely: each time costs a turn of Python's lock."""
    global _pool  # noqa: PLW0603 - what is left of the last answer
    with _lock:
        if not _pool:
            _pool = os.urandom(4_096)
        some, _pool = _pool[:8], _pool[8:]
    return some


def now() -> str:
    """The present moment, UTC, ISO 8601 with microseconds."""
    return datetime.now(UTC).isoformat(timespec="microseconds")
