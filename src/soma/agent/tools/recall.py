"""Look something up in memory, through the brain (ARCH-001)."""

from collections.abc import Sequence
from typing import Any, Protocol

from soma.agent.tools.base import ToolContext, ToolResult
from soma.agent.tools.remember import field

MAX_HITS = 20
DEFAULT_HITS = 5

PARAMETERS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "query": {"type": "string", "format": "query", "minLength": 1, "maxLength": 1_000},
        "top_k": {"type": "integer", "minimum": 1, "maximum": MAX_HITS, "default": DEFAULT_HITS},
    },
    "required": ["query"],
    "additionalProperties": False,
}


class Recalls(Protocol):
    """The part of the brain's client that this tool needs."""

    async def recall(self, principal: Any, *, query: str, top_k: int, conversation_id: str | None) -> Sequence[Any]:
        """Return hits of id, text, score, occurred_at, metadata, best first."""
        ...


class Recall:
    name = "recall"
    description = "Recall memories: search, find or look up what was said earlier."
    parameters = PARAMETERS
    category = "read"
    idempotent = True
    egress = False
    timeout_seconds = 10.0

    def __init__(self, brain: Recalls, principal_of: Any = None) -> None:
        """`principal_of` makes the brain's principal of a context; without it the context itself is passed."""
        self._brain = brain
        self._principal_of = principal_of or (lambda context: context)

    async def run(self, arguments: dict[str, Any], context: ToolContext) -> ToolResult:
        hits = await self._brain.recall(
            self._principal_of(context),
            query=arguments["query"],
            top_k=arguments.get("top_k", DEFAULT_HITS),
            conversation_id=context.conversation_id,
        )
        if not hits:
            return ToolResult(content="Nothing in memory matches.")
        lines = [_line(hit) for hit in hits]
        return ToolResult(content="\n".join(lines), sources=tuple(str(field(hit, "id")) for hit in hits))


def _line(hit: Any) -> str:
    """One hit a line, so that a text cannot pass itself off as another hit."""
    text = " ".join(str(field(hit, "text")).split())
    said = str(field(hit, "occurred_at") or "")[:10]
    author = field(field(hit, "metadata") or {}, "author")
    head = ", ".join(str(part) for part in (author, said) if part)
    return f"- ({head}) {text}" if head else f"- {text}"
