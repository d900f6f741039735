"""Dates and times as a model reads them: in words, to the minute, in one zone (pure, but for `server_zone`)."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

LOCAL_TIME = Path("/etc/localtime")
OFFSET = "UTC%z"


def now_in_words(moment: str, zone: str) -> str:
    """The current date and time, for the ISO 8601 `moment` of the message."""
    here = datetime.fromisoformat(moment).astimezone(zone_of(zone))
    return f"It is now {here:%A}, {_day(here)}, {here:%H:%M}, {_named(here, zone)}."


def date_in_words(moment: str | None, zone: str, *, was_said: bool) -> str | None:
    """When a memory is of; one that has a day and no time of day is told by the day, one in other words by these."""
    if moment is None:
        return None
    try:
        when = datetime.fromisoformat(moment)
    except ValueError:
        return f"of {moment}"
    if is_day(when):
        return f"of {_day(when)}"
    here = when.astimezone(zone_of(zone))
    return f"{'said on' if was_said else 'of'} {_day(here)} at {here:%H:%M}"


def moment_of(metadata: Mapping[str, Any], occurred_at: str | None) -> str | None:
    """When a memory is of: a message says when it was said, a document what it says itself. The day on which a document
    was imported, or its file last changed, is no fact.
    """
    if "document" in metadata:
        dated = metadata.get("dated")
        return dated if isinstance(dated, str) else None
    return occurred_at


def is_day(when: datetime) -> bool:
    """Whether it stands for a whole day: midnight of UTC, but for the microseconds that keep parts in their order."""
    return when.utcoffset() in (None, timedelta()) and (when.hour, when.minute, when.second) == (0, 0, 0)


def zone_of(name: str) -> tzinfo:
    """The zone of an IANA name, or of an offset such as UTC+0530. Raises ValueError where there is none."""
    if name == "UTC":
        return UTC
    try:
        return datetime.strptime(name, OFFSET).tzinfo or UTC  # noqa: DTZ007 - only its zone is of use
    except ValueError:
        pass
    try:
        return ZoneInfo(name)
    except (OSError, LookupError) as error:
        raise ValueError(f"no time zone is called {name!r}") from error


def server_zone() -> str:
    """The zone of this machine: its IANA name where it has one that is right, else its offset."""
    now = datetime.now(UTC).astimezone()
    _, _, name = str(LOCAL_TIME.resolve()).partition("zoneinfo/")
    try:
        is_right = bool(name) and now.utcoffset() == now.astimezone(zone_of(name)).utcoffset()
    except ValueError:
        is_right = False
    return name.removeprefix("Etc/") if is_right else now.strftime(OFFSET)


def _day(when: datetime) -> str:
    return f"{when.day} {when:%B %Y}"


def _named(here: datetime, zone: str) -> str:
    offset = timezone(here.utcoffset() or timedelta())
    return str(offset) if zone.startswith("UTC") else f"{zone} ({offset})"
