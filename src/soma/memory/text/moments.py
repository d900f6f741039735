"""Moments as programs write them: ISO 8601 with its leap seconds and midnights, and numbers of an epoch. Pure."""

import re
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
UNITS = ((1e11, 1_000_000), (1e14, 1_000), (1e17, 1))  # below which size, in how many microseconds; above: nanoseconds
NANOSECONDS = 1_000  # a microsecond

ZONE = r"(?:Z|[+-]\d\d(?::?\d\d){0,2})?"
NUMBER = re.compile(r"-?\d{9,19}(?:\.\d{1,9})?")
COMPACT = {12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}  # by the number of digits
END_OF_DAY = re.compile(rf"(\S{{7,10}})[Tt ]24(?::?00){{0,2}}(?:[.,]0+)?({ZONE})")
LEAP_SECOND = re.compile(rf"(\S{{7,10}}[Tt ]\d\d:?\d\d:?)60((?:[.,]\d+)?{ZONE})")


def moment_of(value: str | float) -> datetime:
    """Parse an aware moment in UTC; without a zone it is UTC. Raises ValueError, OverflowError."""
    if not isinstance(value, str):
        return _since_epoch(value)
    text = value.strip()
    if NUMBER.fullmatch(text):
        return _parse_digits(text)
    if match := END_OF_DAY.fullmatch(text):
        return _parse_iso(f"{match[1]}T00:00:00{match[2]}") + timedelta(days=1)
    if match := LEAP_SECOND.fullmatch(text):
        before = _parse_iso(f"{match[1]}59{match[2]}")
        if (before.hour, before.minute) != (23, 59):
            raise ValueError("a leap second is the last of a day in UTC")
        return before + timedelta(seconds=1)
    return _parse_iso(text)


def _parse_iso(text: str) -> datetime:
    parsed = datetime.fromisoformat(text)
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).astimezone(UTC)


def _parse_digits(text: str) -> datetime:
    """Parse a date without signs between its numbers where it can be one, else a number of an epoch."""
    if layout := COMPACT.get(len(text)):
        try:
            return datetime.strptime(text, layout).replace(tzinfo=UTC)
        except ValueError:
            pass
    return _since_epoch(float(text) if "." in text else int(text))


def _since_epoch(number: float) -> datetime:
    """Convert seconds, milliseconds, microseconds or nanoseconds, by the size: each is a moment of our time."""
    for bound, microseconds in UNITS:
        if abs(number) < bound:
            return EPOCH + timedelta(microseconds=round(number * microseconds))
    return EPOCH + timedelta(microseconds=round(number) // NANOSECONDS)
