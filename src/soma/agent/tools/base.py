"""The tool port: a schema, a promise about repeats, and one verb.

A tool knows nothing of policy, approval or breakers: `toolset.py` wraps those round it.
"""

from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolContext:
    """Who the tool acts for, taken from the turn and never from the arguments.

    `said` are the user's own messages, this turn's and those that the model still reads; `sources` the ids of what the
    arguments carry text of, where policy let that pass; `confirmed` the memories that the user has just agreed to have
    erased, as the turn of `earlier_turns` proposed; `proposed_for` the words that these were found by.
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
    """`content` is for the model, `sources` are memory ids or document places that it rests on; `proposed` are groups
    of memories that a tool would erase, if the user says yes in the next turn.
    """

    content: str
    is_error: bool = False
    sources: tuple[str, ...] = ()
    proposed: tuple[tuple[str, ...], ...] = ()


class Tool(Protocol):
    """One thing the agent can do. `idempotent` tools are run again after a crash, others are not; the
    arguments of `egress` tools leave the system. A tool of category `read` or `compute` changes nothing; what a
    `compute` tool says depends on its arguments and the clock alone; one of category `erase` proposes, and erases what
    was `confirmed`.

    `parameters` is a JSON Schema of type object whose property `format`s (`expression`, `path`, `query`,
    `statement`) say what kind of text is wanted, so that a model without a language sense can fill them.
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
    """The tool cannot do what it was asked; the message is an observation for the model."""

    code = "tool_failed"


class ToolUnavailable(ToolFailed):
    """The world's fault, not the arguments': counts against the tool's breaker."""

    code = "tool_unavailable"
