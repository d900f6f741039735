"""The remember tool: keeps a fact that the user states, through the brain (ARCH-001).

A statement that the user's words do not carry is the model's own: it is kept as the model's answers are, and proves
nothing.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from soma.agent.language.hidden import without_hidden
from soma.agent.language.statements import answer_key, statement_key
from soma.agent.tools.base import ToolContext, ToolFailed, ToolResult
from soma.agent.tools.brain import PrincipalOf, translate_brain_errors
from soma.agent.tools.own_words import is_said_by_user
from soma.brain.types import Principal, RememberedItem
from soma.events.ids import now

MAX_LENGTH = 4_000
MAX_SOURCES, LONGEST_ID = 64, 200  # the brain's own limits
OWN = {"role": "assistant"}

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


class RememberClient(Protocol):
    """The part of the brain's client that this tool needs."""

    async def remember(
        self, principal: Principal, items: Sequence[Mapping[str, Any]], *, are_messages: bool = False
    ) -> list[RememberedItem]: ...


class RememberTool:
    """Idempotent: the key is made of the text, so keeping the same fact twice leaves one memory."""

    name = "remember"
    description = "Remember a fact for later: note, store, save or keep in mind what the user states."
    parameters = PARAMETERS
    category = "write"
    idempotent = True
    egress = False
    timeout_seconds = 10.0

    def __init__(self, brain: RememberClient, principal_of: PrincipalOf) -> None:
        self._brain = brain
        self._principal_of = principal_of

    async def run(self, arguments: dict[str, Any], context: ToolContext) -> ToolResult:
        statement = " ".join(without_hidden(arguments["statement"]).split())
        if not statement:
            raise ToolFailed("there is nothing to remember: the statement is empty")
        is_own = not is_said_by_user(statement, context.said)
        item = {
            "key": answer_key(statement) if is_own else statement_key(statement, now()),
            "text": statement,
            "kind": "semantic",
            "scope": "user",
            "conversation_id": context.conversation_id,
            "metadata": {"source": "remember", "turn_id": context.turn_id, **(OWN if is_own else {})},
            "derived_from": [name for name in context.sources if len(name) <= LONGEST_ID][:MAX_SOURCES],
        }
        with translate_brain_errors():
            (kept,) = await self._brain.remember(self._principal_of(context), [item], are_messages=is_own)
        verb = "I will remember" if kept.status == "created" else "I already knew"
        whose = ", as your own words, for the user did not say it" if is_own else ""
        return ToolResult(content=f"{verb}{whose}: {statement}", sources=(kept.id,))
