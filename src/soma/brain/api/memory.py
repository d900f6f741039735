"""Endpoints of memory: remember, forget, look, compare, bring in and out, undo consolidations."""

from typing import Any

import msgspec
from fastapi import FastAPI, Request, Response

from soma.brain.api.request import (
    describe_body,
    read_body,
    read_limit,
    read_principal,
)
from soma.brain.api.response import json_response
from soma.brain.errors import BrainRefused
from soma.brain.owner import owner_of
from soma.brain.service import Brain
from soma.brain.types import (
    ConsolidationEntry,
    Consolidations,
    EmbeddingStatus,
    ExportPage,
    LinkAnswer,
    MemoryPage,
    MemoryStatus,
    Principal,
    RememberedItem,
    StoredMemory,
    VerifyAnswer,
)
from soma.brain.wire import requests
from soma.brain.wire.decoding import locate
from soma.memory.errors import BadLine, MemoryRefused
from soma.memory.types import MemoryRecord, NewLink, NewMemory, RememberResult
from soma.memory.upkeep.reconcile import Visibility

LARGEST_PAGE = 200


def add_memory(app: FastAPI, brain: Brain) -> None:
    @app.post("/v1/memory/remember", **describe_body(requests.Remember))
    async def remember(request: Request) -> Response:
        principal, body = await read_body(request, requests.Remember)
        items = [_read_item(item) for item in body.items]
        results = await brain.memory.remember(
            owner_of(principal), items, namespace=body.namespace, are_messages=body.are_messages
        )
        return json_response({"results": [_show_remembered(result) for result in results]})

    @app.post("/v1/memory/forget", **describe_body(requests.Forget))
    async def forget(request: Request) -> Response:
        principal, body = await read_body(request, requests.Forget)
        if not (body.ids or body.keys):
            raise BrainRefused("invalid_body", "Name the memories to forget, by ids or keys.", "ids")
        return json_response(await brain.forget(principal, body))

    @app.get("/v1/memories")
    async def memories(request: Request) -> Response:
        asked = request.query_params
        principal = read_principal(request, "namespace", "search", "after", "limit")
        namespace, after, limit = (
            asked.get("namespace", "default"),
            asked.get("after"),
            read_limit(request, most=LARGEST_PAGE),
        )
        if search := asked.get("search"):
            page = await brain.memory.search(owner_of(principal), search, namespace=namespace, limit=limit, after=after)
        else:
            page = await brain.memory.list(owner_of(principal), namespace=namespace, limit=limit, after=after)
        return json_response(MemoryPage(memories=[_show_memory(memory) for memory in page.items], next=page.after))

    _add_upkeep(app, brain)
    _add_exchange(app, brain)
    _add_consolidation(app, brain)


def _add_upkeep(app: FastAPI, brain: Brain) -> None:
    @app.get("/v1/memory/status")
    async def status(request: Request) -> Response:
        return json_response(
            await _status(brain, read_principal(request, "namespace"), request.query_params.get("namespace", "default"))
        )

    @app.post("/v1/memory/verify", **describe_body(requests.Verify))
    async def verify(request: Request) -> Response:
        principal, body = await read_body(request, requests.Verify)
        seen = owner_of(principal).visible()
        sight = Visibility(compared=None if body.whole else seen, named=seen)
        report = await brain.memory.verify(principal.tenant_id, repair=body.repair, sight=sight)
        return json_response(
            VerifyAnswer(
                clean=report.is_clean,
                memories=report.memories,
                links=report.links,
                partitions=report.partitions,
                problems=dict(report.problems),
                named=report.named,
                repaired=report.repaired,
            )
        )


def _add_exchange(app: FastAPI, brain: Brain) -> None:
    @app.post("/v1/memory/import", **describe_body(requests.ImportLines))
    async def take(request: Request) -> Response:
        principal, body = await read_body(request, requests.ImportLines)
        try:
            taken = await brain.memory.import_lines(
                owner_of(principal), body.lines, namespace=body.namespace, scope=body.scope
            )
        except BadLine as wrong:
            raise _in_plain_words(wrong) from wrong
        return json_response(taken)

    @app.get("/v1/memory/export")
    async def export(request: Request) -> Response:
        principal, asked = read_principal(request, "namespace", "after"), request.query_params
        namespace, after = asked.get("namespace", "default"), asked.get("after")
        items, following = await brain.memory.export_page(owner_of(principal), namespace=namespace, after=after)
        return json_response(ExportPage(items=list(items), next=following))

    @app.post("/v1/memory/links", **describe_body(requests.NewLinkBody))
    async def link(request: Request) -> Response:
        principal, body = await read_body(request, requests.NewLinkBody)
        new = NewLink(to_key=body.to_key, relation=body.relation, weight=body.weight)
        made = await brain.memory.link(owner_of(principal), body.from_key, new, namespace=body.namespace)
        return json_response(LinkAnswer(status="created" if made else "unchanged"))


def _in_plain_words(wrong: BadLine) -> BrainRefused:
    message, inside = locate(str(wrong).removeprefix(f"{wrong.field}: "))
    return BrainRefused(wrong.code, message, f"{wrong.field}.{inside}" if inside else wrong.field)


def _add_consolidation(app: FastAPI, brain: Brain) -> None:
    @app.get("/v1/memory/consolidations")
    async def consolidations(request: Request) -> Response:
        namespace = request.query_params.get("namespace", "default")
        principal = read_principal(request, "namespace")
        found = await brain.memory.consolidations(owner_of(principal), namespace=namespace)
        listed = [
            ConsolidationEntry(
                id=one.id,
                phase=one.phase,
                method=one.method,
                made=list(one.made),
                sources=list(one.sources),
                created_at=one.created_at,
                undone_at=one.undone_at,
            )
            for one in found
        ]
        return json_response(Consolidations(consolidations=listed))

    @app.post("/v1/memory/consolidations/undo", **describe_body(requests.UndoConsolidation))
    async def undo(request: Request) -> Response:
        principal, body = await read_body(request, requests.UndoConsolidation)
        return json_response(await brain.memory.undo(owner_of(principal), body.id, namespace=body.namespace))


async def _status(brain: Brain, principal: Principal, namespace: str) -> MemoryStatus:
    visible = await brain.memory.statistics(owner_of(principal), namespace=namespace)
    progress = await brain.memory.embedding_progress(owner_of(principal))
    return MemoryStatus(
        namespace=namespace,
        memories=visible.memories,
        private=visible.private,
        agent=visible.agent,
        tenant=visible.tenant,
        links=visible.links,
        words=visible.words,
        embedding=EmbeddingStatus(
            model=progress.model,
            target=progress.target,
            embedded=progress.embedded,
            memories=progress.memories,
            done=progress.is_done,
            waiting=brain.memory.waiting_reason(principal.tenant_id),
        ),
    )


def _read_item(item: requests.RememberItem) -> NewMemory:
    fields = msgspec.structs.asdict(item)
    links = [NewLink(to_key=link.to_key, relation=link.relation, weight=link.weight) for link in item.links]
    return NewMemory(**fields | {"links": links})


def _show_remembered(result: RememberResult) -> RememberedItem:
    error = _show_refusal(result.refusal) if result.refusal else None
    return RememberedItem(id=result.id, key=result.key, status=result.status, error=error)


def _show_refusal(refused: MemoryRefused) -> dict[str, Any]:
    return {"code": refused.code, "message": str(refused), "field": refused.field}


def _show_memory(memory: MemoryRecord) -> StoredMemory:
    return StoredMemory(
        id=memory.id,
        key=memory.key,
        text=memory.text,
        kind=memory.kind,
        scope=memory.scope,
        occurred_at=memory.occurred_at,
        value=memory.value,
        access_count=memory.access_count,
        accessed_at=memory.accessed_at,
        conversation_id=memory.conversation_id,
        metadata=dict(memory.metadata),
        author=memory.author,
    )
