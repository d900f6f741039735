"""The learned usefulness of each tool, in [0, 1], from a prior of 1."""

from operator import attrgetter

import msgspec

PRIOR = 1.0
TOOLS_LIMIT = 64


class ToolUsefulness(msgspec.Struct, frozen=True, gc=False):
    name: str
    usefulness: float
    calls: int


Tools = tuple[ToolUsefulness, ...]


def update_usefulness(tools: Tools, name: str, outcome: float, rate: float, *, floor: float = 0.0) -> Tools:
    """u += rate (outcome - u), never below `floor`, for one tool by its name.

    The tools stay sorted by name. Past the limit the least called one is forgotten, the first by name among equals.
    """
    calls = {tool.name: tool for tool in tools}
    old = calls.get(name, ToolUsefulness(name, PRIOR, 0))
    moved = old.usefulness + rate * (outcome - old.usefulness)
    calls[name] = ToolUsefulness(name, max(moved, floor), old.calls + 1)
    kept = sorted(calls.values(), key=attrgetter("name"))
    if len(kept) > TOOLS_LIMIT:
        kept.remove(min(kept, key=lambda tool: (tool.name == name, tool.calls, tool.name)))
    return tuple(kept)
