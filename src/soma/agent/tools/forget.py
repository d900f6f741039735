"""Forget what is remembered, through the brain (ARCH-001): the first call finds and asks, the second needs a yes.

Whose yes it was, and to what, is read from the conversation's log and the user's message (`steps/asked.py`), never from
the model's words.
"""

import re
from collections.abc import Sequence
from typing import Any, Protocol

from soma.agent.consent import names_nothing
from soma.agent.kept import same_statement
from soma.agent.tools.base import ToolContext, ToolFailed, ToolResult
from soma.agent.tools.brain import PrincipalOf, asking_brain
from soma.agent.tools.own_words import stems_of
from soma.brain.types import MemoryPage, Principal, RecalledMemory

Place = tuple[str, str]  # a turn and its conversation

LOOKED_AT = 30  # memories that are recalled for what is to be forgotten
MOST = 10  # of them that are proposed at once
COVERED = 0.6  # share of the words that are sought which a memory must hold
NEAR_BEST = 0.75
SHOWN = 60  # characters of a memory that are shown
WHAT = (
    "Say what I shall forget, by a name or some words of it. I do not forget everything at once: `soma memory list` "
    "shows what is remembered, `soma memory forget` forgets it."
)
SECRET = re.compile(
    r"(\b\w*(?:password|passwort|passcode|pin|code|secret|key|token|kennwort|mot de passe|contraseña|clave)\b"
    r"[^.!?]*?(?:\bis\b|\bist\b|\best\b|\bes\b|=|:)\s*).+",
    re.IGNORECASE | re.DOTALL,
)

PARAMETERS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "what": {
            "type": "string",
            "minLength": 1,
            "maxLength": 1_000,
            "description": "What is to be forgotten, in the user's words. Finds it, and proposes what would go.",
        },
        "confirmed": {
            "type": "boolean",
            "description": "True once the user has said yes to what was proposed in the turn before.",
        },
    },
    "additionalProperties": False,
}


class Looks(Protocol):
    """The part of the brain's client that this tool needs."""

    async def recall(
        self, principal: Principal, *, query: str, top_k: int = 10, conversation_id: str | None = None
    ) -> list[RecalledMemory]: ...

    async def memories(self, principal: Principal, *, limit: int = 50, search: str | None = None) -> MemoryPage: ...


class Receipt(Protocol):
    """The answer to a forget."""

    @property
    def receipt_id(self) -> str: ...
    @property
    def forgotten(self) -> Sequence[str]: ...
    @property
    def withheld_turns(self) -> Sequence[str]: ...


class Forgets(Protocol):
    """Forgets at every place that the agent knows; `turns` are withheld from models in any case."""

    async def forget(
        self, principal: Principal, *, ids: Sequence[str] = (), turns: Sequence[Place] = ()
    ) -> Receipt: ...


class Forget:
    name = "forget"
    description = (
        "Forget something that is remembered. First call it with `what`: it names what it would forget; ask the user. "
        "Only when the user has said yes, call it with `confirmed`."
    )
    parameters = PARAMETERS
    category = "erase"
    idempotent = True
    egress = False
    timeout_seconds = 30.0

    def __init__(self, brain: Looks, forgetting: Forgets, principal_of: PrincipalOf) -> None:
        self._brain = brain
        self._forgetting = forgetting
        self._principal_of = principal_of

    async def run(self, arguments: dict[str, Any], context: ToolContext) -> ToolResult:
        if arguments.get("confirmed"):
            return await self._forget(context)
        if not arguments.get("what", "").strip():
            raise ToolFailed("give `what` is to be forgotten, in the user's words")
        if names_nothing(arguments["what"]):
            return ToolResult(content=WHAT)
        return await self._propose(arguments["what"], context)

    async def _propose(self, what: str, context: ToolContext) -> ToolResult:
        principal = self._principal_of(context)
        with asking_brain():
            hits = await self._brain.recall(
                principal, query=what, top_k=LOOKED_AT, conversation_id=context.conversation_id
            )
            found = [hit for hit in matching(what, hits) if _is_own(hit, context)][:MOST]
            groups = [await self._alike(principal, hit) for hit in found]
        if not found:
            return ToolResult(content="Nothing in memory that may be forgotten matches that.")
        lines = [f"{number}. {shortened(hit)}" for number, hit in enumerate(found, 1)]
        asks = "Shall I forget it? Yes or no." if len(found) == 1 else "Shall I forget them? Yes, no, or the numbers."
        return ToolResult(
            content="\n".join(["I would forget:", *lines, asks]), proposed=tuple(tuple(group) for group in groups)
        )

    async def _alike(self, principal: Principal, hit: RecalledMemory) -> list[str]:
        """Find what says the very same as this memory: else that would be recalled in its place."""
        page = await self._brain.memories(principal, limit=200, search=hit.text[:SHOWN])
        same = [
            memory.id for memory in page.memories if memory.scope == "user" and same_statement(memory.text, hit.text)
        ]
        return list(dict.fromkeys([hit.id, *same]))

    async def _forget(self, context: ToolContext) -> ToolResult:
        if not context.confirmed:
            raise ToolFailed("the user has not said yes to a proposal: call this tool with `what`, then ask the user")
        with asking_brain():
            receipt = await self._forgetting.forget(
                self._principal_of(context),
                ids=context.confirmed,
                turns=[(turn_id, context.conversation_id) for turn_id in (context.turn_id, *context.earlier_turns)],
            )
        count, made = len(set(context.confirmed)), len(set(receipt.forgotten) - set(context.confirmed))
        also = f", and {made} that came of {'it' if count == 1 else 'them'}" if made else ""
        return ToolResult(content=(
            f"Forgotten: {count} {'memory' if count == 1 else 'memories'}{also}. Receipt: {receipt.receipt_id}. "
            f"Turns that speak of it: {len(receipt.withheld_turns)}. No model is shown them any more; you can still "
            "read them, and their traces, in your conversations."
        ))  # fmt: skip


def matching(what: str, hits: Sequence[RecalledMemory]) -> list[RecalledMemory]:
    """Choose the memories that hold most of the words sought, the best first (pure)."""
    wanted = stems_of(what)
    shares = [(len(wanted & stems_of(hit.text)) / max(1, len(wanted)), hit) for hit in hits]
    least = max(COVERED, NEAR_BEST * max((share for share, _ in shares), default=0.0))
    return [hit for share, hit in sorted(shares, key=lambda pair: -pair[0]) if share >= least]


def shortened(hit: RecalledMemory) -> str:
    """Enough to know it by, and not the secret itself: what follows "the password is", and words with a digit, go."""
    text = SECRET.sub(r"\1…", " ".join(hit.text.split()))
    text = " ".join("…" if any(map(str.isdigit, word)) else word for word in text.split())
    short = text if len(text) <= SHOWN else f"{text[:SHOWN].rsplit(' ', 1)[0]} …"
    day = f" ({hit.occurred_at[:10]})" if hit.occurred_at else ""
    return f'"{short}"{day}'


def _is_own(hit: RecalledMemory, context: ToolContext) -> bool:
    """A shared memory is its author's and the tenant owners'; what consolidation made goes with its sources."""
    return hit.author in {None, context.user_id} or context.role == "owner"
