"""The learned usefulness of each tool, in [0, 1], from a prior of 1."""

from operator import attrgetter

import msgspec

PRIOR = 1.0
TOOLS_LIMIT = 64


class Tool(msgspec.Struct, frozen=True, gc=False):
    name: str
    usefulness: float
    calls: int


Tools = tuple[Tool, ...]


def usefulness(tools: Tools, name: str) -> float:
    for tool in tools:
        if tool.name == name:
            return tool.usefulness
    return PRIOR


def learned(tools: Tools, name: str, outcome: float, rate: float) -> Tools:
    """u += rate (outcome - u), sorted by name; past the limit the least called tool is forgotten."""
    calls = {tool.name: tool for tool in tools}
    old = calls.get(name, Tool(name, PRIOR, 0))
    calls[name] = Tool(name, old.usefulness + rate * (outcome - old.usefulness), old.calls + 1)
    kept = sorted(calls.values(), key=attrgetter("name"))
    if len(kept) > TOOLS_LIMIT:
        kept.remove(min(kept, key=lambda tool: (tool.name == name, tool.calls, tool.name)))
    return tuple(kept)
