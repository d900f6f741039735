"""A turn: what it is doing, and how to stop it."""

from typing import Any

from django.http import HttpRequest
from ninja import Router

from soma.agent.access import own_turn
from soma.agent.api.caller import who
from soma.agent.app import agent
from soma.agent.models import Turn

router = Router()


@router.get("/{turn_id}")
async def get(request: HttpRequest, turn_id: str) -> dict[str, Any]:
    return view(await own_turn(who(request), turn_id))


@router.post("/{turn_id}/cancel")
async def cancel(request: HttpRequest, turn_id: str) -> dict[str, Any]:
    caller = who(request)
    turn = await own_turn(caller, turn_id)
    if turn.state != Turn.State.COMPLETE:
        await agent().turns.cancel(turn.id)
    return view(await own_turn(caller, turn_id))


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
