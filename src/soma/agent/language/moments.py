"""Dates and times as a model reads them: in words, to the minute, in one time zone. Pure, except `server_zone`."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

LOCAL_TIME = Path("/etc/localtime")
OFFSET = "UTC%z"


def now_in_words(moment: str, zone: str) -> str:
    """Say the date and time of the message, an ISO 8601 `moment`, in words."""
    here = datetime.fromisoformat(moment).astimezone(zone_of(zone))
    return f"It is now {here:%A}, {_day(here)}, {here:%H:%M}, {_name_zone(here, zone)}."


def date_in_words(moment: str | None, zone: str, *, was_said: bool) -> str | None:
    """Say in words from when a memory is: by the day if it has no time of day, else to the minute.

    A moment that is not ISO 8601 is quoted as it is.
    """
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
    """Return from when a memory is: the time of a message, or the date that a document states.

    The day on which a document was imported, or its file last changed, is no fact.
    """
    if "document" in metadata:
        dated = metadata.get("dated")
        return dated if isinstance(dated, str) else None
    return occurred_at


def is_day(when: datetime) -> bool:
    """Return whether a moment stands for a whole day: midnight UTC.

    Microseconds are ignored: they keep the parts of a document in order.
    """
    return when.utcoffset() in (None, timedelta()) and (when.hour, when.minute, when.second) == (0, 0, 0)


def zone_of(name: str) -> tzinfo:
    """Return the zone of an IANA name or of an offset such as UTC+0530. Raises ValueError for an unknown one."""
    if name == "UTC":
        return UTC
    try:
        return datetime.strptime(name, OFFSET).tzinfo or UTC  # noqa: DTZ007 - only its zone is of use
    except ValueError:
        pass
    try:
        return ZoneInfo(name)
    except (OSError, LookupError) as error:
        raise ValueError(f"unknown time zone {name!r}") from error


def server_zone() -> str:
    """Return the zone of this machine: its IANA name if that matches the local time, else its offset."""
    now = datetime.now(UTC).astimezone()
    _, _, name = str(LOCAL_TIME.resolve()).partition("zoneinfo/")
    try:
        is_right = bool(name) and now.utcoffset() == now.astimezone(zone_of(name)).utcoffset()
    except ValueError:
        is_right = False
    return name.removeprefix("Etc/") if is_right else now.strftime(OFFSET)


def _day(when: datetime) -> str:
    return f"{when.day} {when:%B %Y}"


def _name_zone(here: datetime, zone: str) -> str:
    offset = timezone(here.utcoffset() or timedelta())
    return str(offset) if zone.startswith("UTC") else f"{zone} ({offset})"
