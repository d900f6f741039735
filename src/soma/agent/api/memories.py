"""Memories through the brain: remember, recall, list, forget."""

from typing import Any

import msgspec
from django.http import HttpRequest
from ninja import Router
from pydantic import Field

from soma.agent.api.body import NameOfAgent, OfAgent
from soma.agent.api.caller import who
from soma.agent.api.learning import principal
from soma.agent.api.paging import Limit
from soma.agent.app import agent
from soma.agent.models import Role

router = Router()


class NewMemories(OfAgent):
    items: list[dict[str, Any]] = Field(min_length=1, max_length=1_000)
    namespace: str = Field("default", min_length=1, max_length=100)


class Forget(OfAgent):
    ids: list[str] = Field(default_factory=list, max_length=1_000)
    keys: list[str] = Field(default_factory=list, max_length=1_000)
    namespace: str = Field("default", min_length=1, max_length=100)


@router.post("")
async def remember(request: HttpRequest, payload: NewMemories) -> Any:
    caller = who(request)
    caller.require(Role.OWNER, Role.MEMBER)
    results = await agent().brain.remember(
        await principal(caller, payload.agent), payload.items, namespace=payload.namespace
    )
    return {"results": msgspec.to_builtins(results)}


@router.get("/recall")
async def recall(
    request: HttpRequest,
    query: str,
    top_k: Limit = 10,
    namespace: str = "default",
    agent_name: NameOfAgent = None,
) -> Any:
    hits = await agent().brain.recall(
        await principal(who(request), agent_name), query=query, top_k=top_k, namespace=namespace
    )
    return {"hits": msgspec.to_builtins(hits)}


@router.get("")
async def page(request: HttpRequest, search: str | None = None, after: str | None = None, limit: Limit = 50) -> Any:
    """The memories that the caller may see, page by page; `search` finds words in them."""
    found = await agent().brain.memories(await principal(who(request), None), limit=limit, after=after, search=search)
    return msgspec.to_builtins(found)


@router.post("/forget")
async def forget(request: HttpRequest, payload: Forget) -> Any:
    """Remove memories for good; the receipt says which."""
    caller = who(request)
    caller.require(Role.OWNER, Role.MEMBER)
    receipt = await agent().brain.forget(
        await principal(caller, payload.agent), ids=payload.ids, keys=payload.keys, namespace=payload.namespace
    )
    return msgspec.to_builtins(receipt)
