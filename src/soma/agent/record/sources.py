"""Sources of a turn: the texts that it has seen and its user did not write."""

from collections.abc import Iterable

from soma.agent.record.turn import IterationRecord, ToolUse, TurnRecord
from soma.agent.tools.taint import Source

OURS = ("invalid", "denied", "breaker_open", "unknown")  # of calls that end without a word of the tool


def sources_of(record: TurnRecord, computing: frozenset[str] = frozenset()) -> list[Source]:
    """Return the memories and tool results of a turn, as sources to compare arguments and answers with.

    Left out are results of the tools in `computing` whose arguments carry nothing from outside.
    """
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
