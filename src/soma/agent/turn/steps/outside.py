"""Texts from outside a turn and words of its user: what the arguments of a tool are compared with."""

from soma.agent.record.sources import sources_of
from soma.agent.record.turn import TurnRecord
from soma.agent.tools.taint import Outside
from soma.agent.turn.steps.doors import Doors


async def outside_of(record: TurnRecord, doors: Doors) -> Outside:
    """Gather what this turn saw, and what earlier turns saw whose answers the model still reads and may repeat."""
    earlier = await doors.shown_before()
    written = [use.requested.arguments or {} for use in record.tool_uses if use.decided and not use.decided.taint]
    return Outside([*sources_of(record, doors.tools.computing), *earlier], own_messages(record, doors), written)


def own_messages(record: TurnRecord, doors: Doors) -> tuple[str, ...]:
    """The user's words: this turn's message, and those that the model still reads."""
    return (record.turn.content, *(exchange.user for exchange in doors.history))
