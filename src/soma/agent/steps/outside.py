"""Text that a turn has seen and its user did not write: the sources that arguments and answers are compared with."""

from collections.abc import Iterable

from soma.agent.record import IterationRecord, ToolUse, TurnRecord
from soma.agent.steps.doors import Doors
from soma.agent.tools.taint import Outside, Source

OURS = ("invalid", "denied", "breaker_open", "unknown")  # ends of a call in which no tool has spoken


async def outside_of(record: TurnRecord, doors: Doors) -> Outside:
    """Gather what this turn saw, and what earlier turns saw whose answers the model still reads and may repeat."""
    earlier = await doors.shown_before()
    written = [use.requested.arguments or {} for use in record.tool_uses if use.decided and not use.decided.taint]
    return Outside([*sources_of(record, doors.tools.computing), *earlier], own_messages(record, doors), written)


def own_messages(record: TurnRecord, doors: Doors) -> tuple[str, ...]:
    """The user's words: this turn's message, and those that the model still reads."""
    return (record.turn.content, *(exchange.user for exchange in doors.history))


def sources_of(record: TurnRecord, computing: frozenset[str] = frozenset()) -> list[Source]:
    """Memories and tool results; not what tools of `computing` made of arguments that carry nothing from outside."""
    memories = _memories(record.iterations.values())
    return [*memories, *(source for use in record.tool_uses if (source := _result(use, computing)))]


def _memories(iterations: Iterable[IterationRecord]) -> list[Source]:
    shown = (memory for done in iterations if done.bundle for memory in done.bundle.memories)
    return list({memory.id: Source(memory.text, (memory.id,)) for memory in shown}.values())


def _result(use: ToolUse, computing: frozenset[str]) -> Source | None:
    if use.finished is None or use.finished.status in OURS:
        return None
    if use.requested.tool in computing and use.decided is not None and not use.decided.taint:
        return None
    return Source(use.finished.content, tuple(use.finished.sources) or (use.requested.call_id,))
