"""The forget tool, through the brain (ARCH-001): the first call finds and asks, the second needs a yes.

Whose yes it was, and to what, is read from the conversation's log and the user's message (`steps/proposal.py`), never
from the model's words.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from soma.agent.language.requests_to_forget import asks_not_to_remember, names_nothing
from soma.agent.language.statements import is_same_statement
from soma.agent.tools.base import ToolContext, ToolFailed, ToolResult
from soma.agent.tools.brain import PrincipalOf, translate_brain_errors
from soma.agent.tools.forget.matching import Memory, one_holds_all, select_matching, without_summaries
from soma.agent.tools.forget.parts import parts_of, without_exceptions
from soma.agent.tools.forget.redaction import LONGEST_SENTENCE
from soma.agent.tools.forget.wording import (
    MOST,
    MemoryGroup,
    ask_to_forget,
    foreign_stays,
    own_stays,
    report_forgotten,
)
from soma.brain.types import Forgotten, MemoryPage, Principal, StoredMemory
from soma.events.facts.turn import RecalledMemory

TurnPlace = tuple[str, str]  # a turn and its conversation

LOOKED_AT = 200  # memories recalled for a request: the most that the brain returns
ASK_WHAT = (
    "Say what I shall forget, by a name or some words of it. I do not forget everything at once: `soma memory list` "
    "shows what is remembered, `soma memory forget` forgets it."
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


class Matches(NamedTuple):
    """Memories that the caller may forget, shared ones of others, and the parts of a request that match nothing."""

    own: list[Memory]
    foreign: list[RecalledMemory]
    unmatched: list[str]


class ForgetClient(Protocol):
    """The part of the brain's client that this tool needs."""

    async def recall(
        self,
        principal: Principal,
        *,
        query: str,
        top_k: int = 10,
        conversation_id: str | None = None,
        with_questions: bool = False,
    ) -> list[RecalledMemory]: ...

    async def memories(self, principal: Principal, *, limit: int = 50, search: str | None = None) -> MemoryPage: ...

    async def forget(
        self, principal: Principal, *, ids: Sequence[str] = (), keys: Sequence[str] = (), dry_run: bool = False
    ) -> Forgotten: ...


class ReceiptLike(Protocol):
    """The receipt of a forget."""

    @property
    def receipt_id(self) -> str: ...
    @property
    def forgotten(self) -> Sequence[str]: ...
    @property
    def withheld_turns(self) -> Sequence[str]: ...


class Forgetter(Protocol):
    """Forgets at every place that the agent knows; `turns` are withheld from models in any case."""

    async def forget(
        self, principal: Principal, *, ids: Sequence[str] = (), turns: Sequence[TurnPlace] = ()
    ) -> ReceiptLike: ...


class ForgetTool:
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

    def __init__(self, brain: ForgetClient, forgetting: Forgetter, principal_of: PrincipalOf) -> None:
        self._brain = brain
        self._forgetting = forgetting
        self._principal_of = principal_of

    async def run(self, arguments: dict[str, Any], context: ToolContext) -> ToolResult:
        if arguments.get("confirmed"):
            return await self._forget(context)
        if not arguments.get("what", "").strip():
            raise ToolFailed("`what` is missing: say what is to be forgotten, in the user's words")
        if names_nothing(without_exceptions(arguments["what"])):
            return ToolResult(content=ASK_WHAT)
        return await self._propose(arguments["what"], context)

    async def _propose(self, what: str, context: ToolContext) -> ToolResult:
        principal = self._principal_of(context)
        with translate_brain_errors():
            own, foreign, unmatched = await self._matches(what, context)
            groups = await self._groups(principal, own[:MOST])
            ids = list(dict.fromkeys(memory_id for group in groups for memory_id in group.ids))
            gone = await self._brain.forget(principal, ids=ids, dry_run=True) if ids else None
        if gone is None:
            stays = [foreign_stays(len(foreign))] if foreign else []
            return ToolResult(content=" ".join([_nothing_found(context), *stays]))
        asked = ask_to_forget(
            what,
            groups,
            waiting=len(own[MOST:]),
            made=len(set(gone.forgotten) - set(ids)),
            foreign=len(foreign),
            unmatched=unmatched,
        )
        return ToolResult(content=asked, proposed=tuple(group.ids for group in groups))

    async def _groups(self, principal: Principal, own: Sequence[Memory]) -> list[MemoryGroup]:
        """Group memories that say the same: one choice each."""
        groups: list[MemoryGroup] = []
        for hit in own:
            if not any(hit.id in group.ids for group in groups):
                groups.append(MemoryGroup(hit, tuple(await self._alike(principal, hit))))
        return groups

    async def _matches(self, what: str, context: ToolContext) -> Matches:
        """Return the memories that match, and the parts of the request that match nothing.

        Recall shows one of several memories that say the same: a private one may be hidden by another user's.
        """
        principal = self._principal_of(context)
        found, unmatched = await self._find(without_exceptions(what), context)
        own: list[Memory] = [hit for hit in found if _is_own(hit, context)]
        foreign = [hit for hit in found if not _is_own(hit, context)]
        known = {hit.id for hit in own}
        for hit in foreign[:MOST]:
            same = await self._private_like(principal, hit)
            if known.isdisjoint(memory.id for memory in same):
                own += same[:1]
        return Matches(without_summaries(own), foreign, unmatched)

    async def _find(self, what: str, context: ToolContext) -> tuple[list[RecalledMemory], list[str]]:
        """Return what matches as a whole if one memory holds it, else part by part; and the parts that match nothing.

        If no part finds anything, what holds most of the whole still counts.
        """
        hits = await self._brain.recall(
            self._principal_of(context),
            query=what,
            top_k=LOOKED_AT,
            conversation_id=context.conversation_id,
            with_questions=True,
        )
        parts, unmatched = parts_of(what), [what]
        if len(parts) > 1 and not one_holds_all(parts, hits):
            answers = [await self._find(part, context) for part in parts]
            unmatched = [part for _, nothing in answers for part in nothing]
            if found := {hit.id: hit for some, _ in answers for hit in some}:
                return list(found.values()), unmatched
        whole = select_matching(what, hits)
        return whole, [] if whole else unmatched

    async def _alike(self, principal: Principal, hit: Memory) -> list[str]:
        """Return the ids of all memories that say the same as this one: else they would be recalled in its place."""
        same = await self._private_like(principal, hit)
        return list(dict.fromkeys([hit.id, *(memory.id for memory in same)]))

    async def _private_like(self, principal: Principal, hit: Memory) -> list[StoredMemory]:
        page = await self._brain.memories(principal, limit=200, search=hit.text[:LONGEST_SENTENCE])
        return [
            memory for memory in page.memories if memory.scope == "user" and is_same_statement(memory.text, hit.text)
        ]

    async def _forget(self, context: ToolContext) -> ToolResult:
        if not context.confirmed:
            raise ToolFailed("the user has not agreed to a proposal of the turn before: call it with `what`, and ask")
        with translate_brain_errors():
            stays = await self._report_staying(context)
            receipt = await self._forgetting.forget(
                self._principal_of(context),
                ids=context.confirmed,
                turns=[(turn_id, context.conversation_id) for turn_id in (context.turn_id, *context.earlier_turns)],
            )
        made = len(set(receipt.forgotten) - set(context.confirmed))
        done = report_forgotten(len(set(context.confirmed)), made, receipt.receipt_id, len(receipt.withheld_turns))
        return ToolResult(content=" ".join([done, *stays]))

    async def _report_staying(self, context: ToolContext) -> list[str]:
        """Say which memories match but were not confirmed, so that "Forgotten" does not hide them."""
        if not context.proposed_for:
            return []
        own, foreign, _ = await self._matches(context.proposed_for, context)
        left = [hit for hit in own if hit.id not in context.confirmed]
        return [*([own_stays(len(left))] if left else []), *([foreign_stays(len(foreign))] if foreign else [])]


def _is_own(hit: RecalledMemory, context: ToolContext) -> bool:
    """Return whether the caller may forget a memory: shared ones are their author's and the owners'.

    A summary is forgotten with its sources.
    """
    return hit.author in {None, context.user_id} or context.role == "owner"


def _nothing_found(context: ToolContext) -> str:
    """Say that nothing matches; to somebody who says what must not be remembered, that it is not."""
    if context.said and asks_not_to_remember(context.said[0]):
        return "What you said just now is not remembered, and nothing in memory that may be forgotten matches it."
    return "Nothing in memory that may be forgotten matches that."
