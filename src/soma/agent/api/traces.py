"""Traces: the whole record of a turn, for its user and for owners of the tenant."""

import asyncio
from typing import Any

from django.http import HttpRequest
from ninja import Router

from soma.agent.access.relations import own_conversation, visible_turn, visible_turns
from soma.agent.api.request.caller import caller_of
from soma.agent.api.request.paging import Limit
from soma.agent.api.turn_views import trace_of
from soma.agent.errors import NotFound
from soma.agent.models import Message, Receipt, Turn
from soma.agent.running import agent

router = Router()


@router.get("/last")
async def get_last_trace(request: HttpRequest, *, include_messages: bool = True, full: bool = True) -> dict[str, Any]:
    """Show the caller's own newest turn."""
    caller = caller_of(request)
    mine = visible_turns(caller).filter(user_id=caller.user_id)
    turn = await mine.order_by("-id").afirst()
    if turn is None:
        raise NotFound("you have no turns yet", code="no_turns")
    return await _trace(turn, include_messages=include_messages, full=full)


@router.get("/conversation/{conversation_id}")
async def list_traces(request: HttpRequest, conversation_id: str, limit: Limit = 10) -> dict[str, Any]:
    caller = caller_of(request)
    turns = visible_turns(caller).filter(conversation_id=conversation_id)
    total = await turns.acount()
    if not total:
        await own_conversation(caller, conversation_id)
    return {
        "conversation_id": conversation_id,
        "total_turns": total,
        "traces": [
            {
                "turn_id": turn.id,
                "total_iterations": turn.total_iterations,
                "convergence_score": turn.convergence_score,
                "exit_reason": turn.exit_reason,
                "created_at": turn.created_at.isoformat(),
            }
            async for turn in turns.order_by("-number")[:limit]
        ],
    }


@router.get("/{turn_id}")
async def get_trace(
    request: HttpRequest, turn_id: str, *, include_messages: bool = False, full: bool = False
) -> dict[str, Any]:
    turn = await visible_turn(caller_of(request), turn_id)
    return await _trace(turn, include_messages=include_messages, full=full)


async def _trace(turn: Turn, *, include_messages: bool, full: bool) -> dict[str, Any]:
    record = await asyncio.to_thread(agent().store.load, turn.id)
    messages = None
    if include_messages:
        rows = Message.objects.filter(tenant_id=turn.tenant_id, conversation_id=turn.conversation_id)
        own = rows.filter(turn_number=turn.number, turn_id=turn.id).order_by("-role")
        messages = [message async for message in own]
    receipt = await Receipt.objects.filter(tenant_id=turn.tenant_id, turn_id=turn.id).afirst()
    return trace_of(record, messages=messages, full=full, receipt=receipt)
