"""The tool port: a schema, a promise about repeats, and one verb.

A tool knows nothing of policy, approval or breakers: `toolset.py` wraps it in those.
"""

from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolContext:
    """The turn and the user that a tool acts for. It comes from the turn, never from the arguments.

    `said` are the user's own messages, of this turn and those that the model still reads. `sources` are the ids of the
    texts that the arguments carry, where policy let that pass. `confirmed` are the memories that the user has just
    agreed to forget, as the turn of `earlier_turns` proposed; `proposed_for` are the words that they were found by.
    """

    tenant_id: str
    user_id: str
    agent_id: str
    conversation_id: str
    turn_id: str
    iteration_number: int
    call_id: str
    role: str = "member"
    said: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    confirmed: tuple[str, ...] = ()
    earlier_turns: tuple[str, ...] = ()
    proposed_for: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResult:
    """The result of a tool: `content` for the model, and `sources`, the memory ids or document places that it rests on.

    `proposed` are groups of memories that the tool would forget if the user says yes in the next turn.
    """

    content: str
    is_error: bool = False
    sources: tuple[str, ...] = ()
    proposed: tuple[tuple[str, ...], ...] = ()


class Tool(Protocol):
    """One thing that the agent can do.

    `idempotent` tools are run again after a crash, others are not. Arguments of `egress` tools leave the system. A tool
    of category `read` or `compute` changes nothing; the result of a `compute` tool depends only on its arguments and
    the clock; one of category `erase` proposes, and then forgets what was `confirmed`.

    `parameters` is a JSON Schema of type object. The `format` of a property (`expression`, `path`, `query`,
    `statement`, `timezone`) says what kind of text it takes, so that the offline model can fill it.
    """

    name: str
    description: str
    parameters: dict[str, Any]
    category: str
    idempotent: bool
    egress: bool
    timeout_seconds: float

    async def run(self, arguments: dict[str, Any], context: ToolContext) -> ToolResult: ...


class ToolFailed(Exception):
    """The tool cannot do what it was asked to do. The message is for the model."""

    code = "tool_failed"


class ToolUnavailable(ToolFailed):
    """The world's fault, not the arguments'. Counts against the tool's breaker."""

    code = "tool_unavailable"
