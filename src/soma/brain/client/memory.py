"""The client's verbs on memory."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from soma.brain.client.transport import Calls, drop_none
from soma.brain.types import (
    ConsolidationEntry,
    Consolidations,
    ExportPage,
    Forgotten,
    ImportedLines,
    LinkAnswer,
    MemoryPage,
    MemoryStatus,
    Principal,
    RememberedItem,
    UndoAnswer,
    VerifyAnswer,
)
from soma.events.facts.turn import RecalledMemory

LONG_SECONDS = 600.0  # for what works through many memories


class MemoryCalls(Calls):
    async def remember(
        self,
        principal: Principal,
        items: Sequence[Mapping[str, Any]],
        *,
        namespace: str = "default",
        are_messages: bool = False,
    ) -> list[RememberedItem]:
        """Remember each; `are_messages` of a conversation may say in their metadata in which role."""
        body = {"items": [dict(item) for item in items], "namespace": namespace, "are_messages": are_messages}
        answer = await self._commit(principal, "/v1/memory/remember", body, _RememberAnswer)
        return answer.results

    async def recall(
        self,
        principal: Principal,
        *,
        query: str,
        top_k: int = 10,
        conversation_id: str | None = None,
        namespace: str = "default",
        at: str | None = None,
        with_questions: bool = False,
    ) -> list[RecalledMemory]:
        """Recall the best memories for `query`, with messages that only asked if `with_questions`."""
        body = drop_none(
            query=query,
            top_k=top_k,
            conversation_id=conversation_id,
            namespace=namespace,
            at=at,
            with_questions=with_questions,
        )
        answer = await self._post(principal, "/v1/memory/recall", body, _RecallAnswer)
        return answer.hits

    async def forget(
        self,
        principal: Principal,
        *,
        ids: Sequence[str] = (),
        keys: Sequence[str] = (),
        namespace: str = "default",
        dry_run: bool = False,
    ) -> Forgotten:
        """Forget memories; with `dry_run` only tell what would go, in a receipt without an id."""
        body = drop_none(ids=list(ids) or None, keys=list(keys) or None, namespace=namespace, dry_run=dry_run)
        return await self._commit(principal, "/v1/memory/forget", body, Forgotten)

    async def memories(
        self,
        principal: Principal,
        *,
        limit: int = 50,
        after: str | None = None,
        search: str | None = None,
        namespace: str = "default",
    ) -> MemoryPage:
        """Browse what the caller may see, newest first; `search` finds words of the text."""
        parameters = {"limit": limit, "after": after, "search": search, "namespace": namespace}
        return await self._read(principal, "/v1/memories", parameters, MemoryPage)

    async def import_memories(
        self, principal: Principal, lines: Sequence[str], *, scope: str = "user", namespace: str = "default"
    ) -> ImportedLines:
        """Remember lines of JSON as an export has them, or none of them where one is wrong."""
        body = {"lines": list(lines), "scope": scope, "namespace": namespace}
        return await self._commit(principal, "/v1/memory/import", body, ImportedLines, timeout_seconds=LONG_SECONDS)

    async def export_page(
        self, principal: Principal, *, after: str | None = None, namespace: str = "default"
    ) -> ExportPage:
        """Return a page of what the caller sees, as `import_memories` takes it, without what consolidation made."""
        parameters = {"after": after, "namespace": namespace}
        return await self._read(principal, "/v1/memory/export", parameters, ExportPage)

    async def link_memories(
        self,
        principal: Principal,
        *,
        from_key: str,
        to_key: str,
        relation: str,
        weight: float = 1.0,
        namespace: str = "default",
    ) -> LinkAnswer:
        body = drop_none(from_key=from_key, to_key=to_key, relation=relation, weight=weight, namespace=namespace)
        return await self._commit(principal, "/v1/memory/links", body, LinkAnswer)

    async def memory_status(self, principal: Principal, *, namespace: str = "default") -> MemoryStatus:
        return await self._read(principal, "/v1/memory/status", {"namespace": namespace}, MemoryStatus)

    async def verify_memory(self, principal: Principal, *, repair: bool = False, whole: bool = False) -> VerifyAnswer:
        """Compare everything made from the memories that the caller sees with their texts, and mend it if asked.

        `whole` compares those of the tenant's other users too; only what the caller sees is named.
        """
        body = {"repair": repair, "whole": whole}
        return await self._commit(principal, "/v1/memory/verify", body, VerifyAnswer, timeout_seconds=LONG_SECONDS)

    async def consolidations(self, principal: Principal, *, namespace: str = "default") -> list[ConsolidationEntry]:
        found = await self._read(principal, "/v1/memory/consolidations", {"namespace": namespace}, Consolidations)
        return found.consolidations

    async def undo_consolidation(self, principal: Principal, *, id: str, namespace: str = "default") -> UndoAnswer:  # noqa: A002 - the wire's name
        return await self._commit(
            principal, "/v1/memory/consolidations/undo", {"id": id, "namespace": namespace}, UndoAnswer
        )


class _RememberAnswer(msgspec.Struct):
    results: list[RememberedItem]


class _RecallAnswer(msgspec.Struct):
    hits: list[RecalledMemory]
