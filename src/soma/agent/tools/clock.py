"""The clock: the current date and time, in any time zone."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from soma.agent.tools.base import ToolContext, ToolFailed, ToolResult


def utc_now() -> datetime:
    return datetime.now(UTC)


PARAMETERS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "timezone": {
            "type": "string",
            "format": "timezone",
            "description": "An IANA name such as Europe/Berlin. UTC if left out.",
        },
    },
    "additionalProperties": False,
}


class ClockTool:
    name = "clock"
    description = "Tell the current date and time: what time, day, month or year it is today, now."
    parameters = PARAMETERS
    category = "read"
    idempotent = True
    egress = False
    timeout_seconds = 2.0

    def __init__(self, now: Callable[[], datetime] = utc_now) -> None:
        self._now = now

    async def run(self, arguments: dict[str, Any], context: ToolContext) -> ToolResult:  # noqa: ARG002
        name = arguments.get("timezone", "UTC")
        try:
            here = self._now().astimezone(ZoneInfo(name))
        except (OSError, ValueError, LookupError) as error:
            raise ToolFailed(f"unknown time zone {name!r}") from error
        return ToolResult(content=f"{here:%A}, {here.day} {here:%B %Y}, {here:%H:%M:%S} {name}")
