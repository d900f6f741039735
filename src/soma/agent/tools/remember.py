"""Keep a fact that the user states, through the brain (ARCH-001)."""

import hashlib
from typing import Any, Protocol

from soma.agent.tools.base import ToolContext, ToolFailed, ToolResult

MAX_LENGTH = 4_000

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

    async def remember(self, principal: Any, items: list[dict[str, Any]]) -> list[Any]:
        """Return {id, key, status} of each item, in order."""
        ...


class Remember:
    """Idempotent: the key is made of the text, so keeping the same fact twice leaves one memory."""

    name = "remember"
    description = "Remember a fact for later: note, store, save or keep in mind what the user states."
    parameters = PARAMETERS
    category = "write"
    idempotent = True
    egress = False
    timeout_seconds = 10.0

    def __init__(self, brain: Remembers, principal_of: Any = None) -> None:
        """`principal_of` makes the brain's principal of a context; without it the context itself is passed."""
        self._brain = brain
        self._principal_of = principal_of or (lambda context: context)

    async def run(self, arguments: dict[str, Any], context: ToolContext) -> ToolResult:
        statement = " ".join(arguments["statement"].split())
        if not statement:
            raise ToolFailed("there is nothing to remember: the statement is empty")
        item = {
            "key": f"stated:{hashlib.sha256(statement.casefold().encode()).hexdigest()[:32]}",
            "text": statement,
            "kind": "semantic",
            "scope": "user",
            "conversation_id": context.conversation_id,
            "metadata": {"source": "remember", "turn_id": context.turn_id},
        }
        kept = (await self._brain.remember(self._principal_of(context), items=[item]))[0]
        known = field(kept, "status") == "unchanged"
        verb = "I already knew" if known else "I will remember"
        return ToolResult(content=f"{verb}: {statement}", sources=(str(field(kept, "id")),))


def field(row: Any, name: str) -> Any:
    """Of a wire dictionary or of a typed row: the brain's client decides which."""
    return row.get(name) if isinstance(row, dict) else getattr(row, name, None)
