"""The recall tool: looks something up in memory, through the brain (ARCH-001)."""

from typing import Any, Protocol

from soma.agent.language.authorship import attribution, count_sources, speaker_of
from soma.agent.language.moments import moment_of
from soma.agent.tools.base import ToolContext, ToolResult
from soma.agent.tools.brain import AuthorSigner, PrincipalOf, translate_brain_errors
from soma.brain.types import Principal
from soma.events.facts.turn import RecalledMemory

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


class RecallClient(Protocol):
    """The part of the brain's client that this tool needs."""

    async def recall(
        self, principal: Principal, *, query: str, top_k: int = 10, conversation_id: str | None = None
    ) -> list[RecalledMemory]: ...


class RecallTool:
    name = "recall"
    description = "Recall memories: search, find or look up what was said earlier."
    parameters = PARAMETERS
    category = "read"
    idempotent = True
    egress = False
    timeout_seconds = 10.0

    def __init__(self, brain: RecallClient, principal_of: PrincipalOf, sign: AuthorSigner) -> None:
        self._brain = brain
        self._principal_of = principal_of
        self._sign = sign

    async def run(self, arguments: dict[str, Any], context: ToolContext) -> ToolResult:
        with translate_brain_errors():
            hits = await self._brain.recall(
                self._principal_of(context),
                query=arguments["query"],
                top_k=arguments.get("top_k", DEFAULT_HITS),
                conversation_id=context.conversation_id,
            )
        if not hits:
            return ToolResult(content="Nothing in memory matches.")
        told = [_line(hit) for hit in await self._sign(context.tenant_id, hits)]
        return ToolResult(content="\n".join(told), sources=tuple(hit.id for hit in hits))


def _line(hit: RecalledMemory) -> str:
    """Write a hit on one line, so that its text cannot pass for another hit."""
    made_from = count_sources(hit.metadata)
    author = attribution(hit.author, hit.metadata) if hit.author else speaker_of(hit.metadata)
    about = (
        f"a summary of {made_from} memories" if made_from else author,
        (moment_of(hit.metadata, hit.occurred_at) or "")[:10],
    )
    head = ", ".join(str(part) for part in about if part)
    line = f"({head}) {hit.text}" if head else hit.text
    return f"- {' '.join(line.split())}"
