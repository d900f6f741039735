"""Turns: show one, cancel it, withdraw its answer."""

import asyncio
from typing import Any

import msgspec
from django.http import HttpRequest
from ninja import Router

from soma.agent.access.auth import Caller
from soma.agent.access.relations import own_turn
from soma.agent.api.request.caller import caller_of, principal_of
from soma.agent.errors import Conflict
from soma.agent.models import Role, Turn
from soma.agent.running import agent

router = Router()


@router.get("/{turn_id}")
async def get_turn(request: HttpRequest, turn_id: str) -> dict[str, Any]:
    return view(await own_turn(caller_of(request), turn_id))


@router.post("/{turn_id}/cancel")
async def cancel_turn(request: HttpRequest, turn_id: str) -> dict[str, Any]:
    caller = caller_of(request)
    turn = await own_turn(caller, turn_id)
    if turn.state != Turn.State.COMPLETE:
        await agent().turns.cancel(turn.id)
    return view(await own_turn(caller, turn_id))


@router.post("/{turn_id}/withdraw")
async def withdraw_answer(request: HttpRequest, turn_id: str) -> Any:
    return await withdraw(caller_of(request), turn_id)


async def withdraw(caller: Caller, turn_id: str) -> Any:
    """Withdraw an answer: no verdict on it is learned from, and what was learned from one is taken back."""
    caller.require(Role.OWNER, Role.MEMBER)
    turn = await own_turn(caller, turn_id)
    if turn.state != Turn.State.COMPLETE:
        raise Conflict("the turn has no answer yet", code="turn_in_progress", field="turn_id")
    record = await asyncio.to_thread(agent().store.load, turn.id)
    principal = principal_of(caller, record.turn.agent_id)
    return msgspec.to_builtins(await agent().brain.withdraw_answer(principal, turn_id=turn.id))


def view(turn: Turn) -> dict[str, Any]:
    return {
        "turn_id": turn.id,
        "conversation_id": turn.conversation_id,
        "state": turn.state,
        "exit_reason": turn.exit_reason,
        "convergence_score": turn.convergence_score,
        "total_iterations": turn.total_iterations,
        "created_at": turn.created_at.isoformat(),
        "completed_at": turn.completed_at.isoformat() if turn.completed_at else None,
    }
