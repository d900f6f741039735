"""Memories through the brain: remember, recall, list, forget."""

from collections.abc import AsyncIterator
from typing import Any, Literal

import msgspec
from django.http import HttpRequest, StreamingHttpResponse
from msgspec.structs import replace
from ninja import Router
from pydantic import Field

from soma.agent.access.authors import name_authors
from soma.agent.access.visits import Visit
from soma.agent.api.request.body import AgentBody, AgentName
from soma.agent.api.request.caller import caller_of, find_principal
from soma.agent.api.request.paging import Limit
from soma.agent.models import Role
from soma.agent.running import agent
from soma.brain.types import ExportPage, Principal

router = Router()


class NewMemories(AgentBody):
    items: list[dict[str, Any]] = Field(min_length=1, max_length=1_000)
    namespace: str = Field("default", min_length=1, max_length=100)


class ForgetBody(AgentBody):
    ids: list[str] = Field(default_factory=list, max_length=1_000)
    keys: list[str] = Field(default_factory=list, max_length=1_000)
    namespace: str = Field("default", min_length=1, max_length=100)


class LinesBody(AgentBody):
    lines: list[str] = Field(min_length=1, description="Each a memory as JSON, as an export has it.")
    scope: Literal["user", "agent", "tenant"] = Field("user", description="Of lines that name none.")
    namespace: str = Field("default", min_length=1, max_length=100)


class LinkBody(AgentBody):
    from_key: str = Field(min_length=1)
    to_key: str = Field(min_length=1)
    relation: str = Field(min_length=1)
    weight: float = 1.0
    namespace: str = Field("default", min_length=1, max_length=100)


class VerifyBody(AgentBody):
    repair: bool = False


class Undo(AgentBody):
    id: str = Field(min_length=1, max_length=100)
    namespace: str = Field("default", min_length=1, max_length=100)


@router.post("")
async def remember_memories(request: HttpRequest, payload: NewMemories) -> Any:
    caller = caller_of(request)
    caller.require(Role.OWNER, Role.MEMBER)
    results = await agent().brain.remember(
        await find_principal(caller, payload.agent), payload.items, namespace=payload.namespace
    )
    return {"results": msgspec.to_builtins(results)}


@router.get("/recall")
async def recall_memories(
    request: HttpRequest,
    query: str,
    top_k: Limit = 10,
    namespace: str = "default",
    agent_name: AgentName = None,
) -> Any:
    principal = await find_principal(caller_of(request), agent_name)
    hits = await agent().brain.recall(principal, query=query, top_k=top_k, namespace=namespace)
    return {"hits": msgspec.to_builtins(await name_authors(principal.tenant_id, hits))}


@router.get("")
async def list_memories(  # noqa: PLR0917 - its query
    request: HttpRequest,
    search: str | None = None,
    after: str | None = None,
    limit: Limit = 50,
    namespace: str = "default",
    agent_name: AgentName = None,
) -> Any:
    """List the memories that the caller may see, page by page; `search` finds words in them."""
    principal = await find_principal(caller_of(request), agent_name)
    found = await agent().brain.memories(principal, limit=limit, after=after, search=search, namespace=namespace)
    return msgspec.to_builtins(replace(found, memories=await name_authors(principal.tenant_id, found.memories)))


@router.post("/forget")
async def forget_memories(request: HttpRequest, payload: ForgetBody) -> Any:
    """Remove memories for good; a shared one may be removed only by its author or an owner.

    The receipt says which, and the turns that speak of them: people can still read these, models are shown none.
    """
    caller = caller_of(request)
    caller.require(Role.OWNER, Role.MEMBER)
    receipt = await agent().forgetting.forget(
        await find_principal(caller, payload.agent), ids=payload.ids, keys=payload.keys, namespace=payload.namespace
    )
    return msgspec.to_builtins(receipt)


@router.post("/import")
async def import_memories(request: HttpRequest, payload: LinesBody) -> Any:
    """Remember lines as an export has them: all are checked before the first is written."""
    caller = caller_of(request)
    caller.require(Role.OWNER, Role.MEMBER)
    imported = await agent().brain.import_memories(
        await find_principal(caller, payload.agent), payload.lines, scope=payload.scope, namespace=payload.namespace
    )
    return msgspec.to_builtins(imported)


@router.get("/export")
async def export_memories(
    request: HttpRequest, namespace: str = "default", agent_name: AgentName = None
) -> StreamingHttpResponse:
    """Export all memories that the caller may see, as JSON lines for an import; none that consolidation made."""
    caller = caller_of(request)
    visit = agent().visits.open(caller)
    owner = await find_principal(caller, agent_name)
    first = await agent().brain.export_page(owner, namespace=namespace)  # a refusal comes before the first line
    response = StreamingHttpResponse(_lines(visit, owner, first, namespace), content_type="application/jsonl")
    response["Cache-Control"] = "no-store"
    return response


async def _lines(visit: Visit, owner: Principal, page: ExportPage, namespace: str) -> AsyncIterator[bytes]:
    """Yield page after page. Raises once the caller may no longer be here: half an export must not look whole."""
    while True:
        if visit.refusal is not None:
            raise visit.refusal
        yield b"".join(msgspec.json.encode(item, order="sorted") + b"\n" for item in page.items)
        if page.next is None:
            return
        page = await agent().brain.export_page(owner, namespace=namespace, after=page.next)


@router.post("/links")
async def link_memories(request: HttpRequest, payload: LinkBody) -> Any:
    """Link a memory to another, both by their keys; the same link again changes its weight."""
    caller = caller_of(request)
    caller.require(Role.OWNER, Role.MEMBER)
    fields = payload.model_dump(exclude={"agent"})
    return msgspec.to_builtins(await agent().brain.link_memories(await find_principal(caller, payload.agent), **fields))


@router.get("/status")
async def get_memory_status(request: HttpRequest, namespace: str = "default", agent_name: AgentName = None) -> Any:
    """Count what is remembered, and name the embedding model in use."""
    return msgspec.to_builtins(
        await agent().brain.memory_status(await find_principal(caller_of(request), agent_name), namespace=namespace)
    )


@router.post("/verify")
async def verify_memories(request: HttpRequest, payload: VerifyBody) -> Any:
    """Compare everything made from the tenant's memories with their texts; `repair` mends what differs."""
    caller = caller_of(request)
    caller.require(Role.OWNER)
    return msgspec.to_builtins(
        await agent().brain.verify_memory(
            await find_principal(caller, payload.agent), repair=payload.repair, whole=True
        )
    )


@router.get("/consolidations")
async def list_consolidations(request: HttpRequest, namespace: str = "default", agent_name: AgentName = None) -> Any:
    """List what was distilled from the memories that the caller may see, the newest first."""
    found = await agent().brain.consolidations(
        await find_principal(caller_of(request), agent_name), namespace=namespace
    )
    return {"consolidations": msgspec.to_builtins(found)}


@router.post("/consolidations/undo")
async def undo_consolidation(request: HttpRequest, payload: Undo) -> Any:
    """Undo a consolidation: what it made is removed, and links get back their weights."""
    caller = caller_of(request)
    caller.require(Role.OWNER, Role.MEMBER)
    undone = await agent().brain.undo_consolidation(
        await find_principal(caller, payload.agent), id=payload.id, namespace=payload.namespace
    )
    return msgspec.to_builtins(undone)
