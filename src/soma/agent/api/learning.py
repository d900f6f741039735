"""The learner of an agent: its state, its history, a preview, and the rollback."""

from typing import Annotated, Any

import msgspec
from django.http import HttpRequest
from msgspec import structs
from ninja import Query, Router
from pydantic import Field

from soma.agent.access.auth import Caller
from soma.agent.access.relations import visible_turn
from soma.agent.api.request.body import AgentBody, AgentName
from soma.agent.api.request.caller import caller_of, find_principal
from soma.agent.errors import Invalid
from soma.agent.models import Role
from soma.agent.running import agent
from soma.brain.types import Update
from soma.brain.wire.requests import Preview

router = Router()


class RollbackBody(AgentBody):
    turn_id: str | None = None
    iteration_number: int | None = Field(None, ge=0)
    version: int | None = Field(None, ge=0)


@router.get("")
async def get_learner(request: HttpRequest, agent_name: AgentName = None) -> Any:
    """Show the weights, neuromodulators, trust and version of the learner."""
    return msgspec.to_builtins(await agent().brain.state(await find_principal(caller_of(request), agent_name)))


@router.get("/history")
async def get_learning_history(
    request: HttpRequest,
    agent_name: AgentName = None,
    after: Annotated[int | None, Query(ge=0)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> Any:
    """List the updates of the weights, each with the event, signal and rate that moved them.

    All who share the agent see that something was learned; only its user and owners see from which turn.
    """
    caller = caller_of(request)
    found = await agent().brain.history(await find_principal(caller, agent_name), after=after, limit=limit)
    if caller.role != Role.OWNER:
        found = structs.replace(found, updates=[_mask(update, caller) for update in found.updates])
    return msgspec.to_builtins(found)


def _mask(update: Update, caller: Caller) -> Update:
    own = update.user_id == caller.user_id
    return update if own else structs.replace(update, user_id=None, turn_id=None)


@router.get("/preview")
async def preview_learning(
    request: HttpRequest,
    query: Annotated[str, Query(min_length=1, max_length=65_536)],
    agent_name: AgentName = None,
    top_k: Annotated[int | None, Query(ge=1, le=200)] = None,
) -> Any:
    """Compare the memories that a question is shown by the weights in use with those by the weights of the prior."""
    asked = await find_principal(caller_of(request), agent_name)
    return msgspec.to_builtins(await agent().brain.preview(asked, Preview(query=query, top_k=top_k)))


@router.post("/rollback")
async def roll_back_learning(request: HttpRequest, payload: RollbackBody) -> Any:
    """Put everything learned back to a version, or to where an iteration of a turn left it; for owners.

    The learner is shared by the tenant: what one member takes back, all who use the agent lose.
    """
    caller = caller_of(request)
    caller.require(Role.OWNER)
    if (payload.version is None) == (payload.turn_id is None):
        raise Invalid("name either a version or a turn", field="version")
    if payload.turn_id is not None:
        await visible_turn(caller, payload.turn_id)
    return msgspec.to_builtins(
        await agent().brain.rollback(
            await find_principal(caller, payload.agent),
            turn_id=payload.turn_id,
            iteration_number=payload.iteration_number,
            version=payload.version,
        )
    )
