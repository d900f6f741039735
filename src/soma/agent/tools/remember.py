"""Keep a fact that the user states, through the brain (ARCH-001)."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from soma.agent.kept import statement_key
from soma.agent.tools.base import ToolContext, ToolFailed, ToolResult
from soma.agent.tools.brain import PrincipalOf, asking_brain
from soma.brain.types import Principal, RememberedItem
from soma.events.ids import now

MAX_LENGTH = 4_000
MAX_SOURCES, LONGEST_ID = 64, 200  # as the brain takes them

PARAMETERS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "statement": {
            "type": "string",
            "format": "statement",
            "minLength": 1,
            "maxLength": MAX_LENGTH,
            "description": "The fact in the user's words, for example: my cat is called Miso",
        },
    },
    "required": ["statement"],
    "additionalProperties": False,
}


class Remembers(Protocol):
    """The part of the brain's client that this tool needs."""

    async def remember(self, principal: Principal, items: Sequence[Mapping[str, Any]]) -> list[RememberedItem]: ...


class Remember:
    """Idempotent: the key is made of the text, so keeping the same fact twice leaves one memory."""

    name = "remember"
    description = "Remember a fact for later: note, store, save or keep in mind what the user states."
    parameters = PARAMETERS
    category = "write"
    idempotent = True
    egress = False
    timeout_seconds = 10.0

    def __init__(self, brain: Remembers, principal_of: PrincipalOf) -> None:
        self._brain = brain
        self._principal_of = principal_of

    async def run(self, arguments: dict[str, Any], context: ToolContext) -> ToolResult:
        statement = " ".join(arguments["statement"].split())
        if not statement:
            raise ToolFailed("there is nothing to remember: the statement is empty")
        item = {
            "key": statement_key(statement, now()),
            "text": statement,
            "kind": "semantic",
            "scope": "user",
            "conversation_id": context.conversation_id,
            "metadata": {"source": "remember", "turn_id": context.turn_id},
            "derived_from": [name for name in context.sources if len(name) <= LONGEST_ID][:MAX_SOURCES],
        }
        with asking_brain():
            (kept,) = await self._brain.remember(self._principal_of(context), [item])
        verb = "I will remember" if kept.status == "created" else "I already knew"
        return ToolResult(content=f"{verb}: {statement}", sources=(kept.id,))
