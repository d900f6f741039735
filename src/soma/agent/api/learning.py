"""What an agent has learned, and the way back."""

from typing import Annotated, Any

import msgspec
from django.http import HttpRequest
from msgspec import structs
from ninja import Query, Router
from pydantic import Field

from soma.agent.access.auth import Caller
from soma.agent.access.relations import capsule_of, visible_turn
from soma.agent.api.request.body import NameOfAgent, OfAgent
from soma.agent.api.request.caller import principal_of, who
from soma.agent.errors import Invalid
from soma.agent.models import Role
from soma.agent.running import agent
from soma.brain.types import Principal, Update

router = Router()


class Rollback(OfAgent):
    turn_id: str | None = None
    iteration_number: int | None = Field(None, ge=0)
    version: int | None = Field(None, ge=0)


async def principal(caller: Caller, agent_name: str | None) -> Principal:
    capsule = await capsule_of(caller, agent_name)
    return principal_of(caller, capsule.id)


@router.get("")
async def get_learner(request: HttpRequest, agent_name: NameOfAgent = None) -> Any:
    """Weights, neuromodulators, trust and version of the learner."""
    return msgspec.to_builtins(await agent().brain.state(await principal(who(request), agent_name)))


@router.get("/history")
async def get_learning_history(
    request: HttpRequest,
    agent_name: NameOfAgent = None,
    after: Annotated[int | None, Query(ge=0)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> Any:
    """Why the weights moved: each update with the event, signal and rate that moved them.

    Whose turn it was is for its user and for owners; that something was learned is for all who share the agent.
    """
    caller = who(request)
    found = await agent().brain.history(await principal(caller, agent_name), after=after, limit=limit)
    if caller.role != Role.OWNER:
        found = structs.replace(found, updates=[_masked(update, caller) for update in found.updates])
    return msgspec.to_builtins(found)


def _masked(update: Update, caller: Caller) -> Update:
    own = update.user_id == caller.user_id
    return update if own else structs.replace(update, user_id=None, turn_id=None)


@router.get("/preview")
async def preview_learning(
    request: HttpRequest,
    query: Annotated[str, Query(min_length=1, max_length=65_536)],
    agent_name: NameOfAgent = None,
    top_k: Annotated[int | None, Query(ge=1, le=200)] = None,
) -> Any:
    """Which memories a question is shown by the weights in use, and which by those that nothing was learned of."""
    asked = await principal(who(request), agent_name)
    return msgspec.to_builtins(await agent().brain.preview(asked, query=query, top_k=top_k))


@router.post("/rollback")
async def roll_back_learning(request: HttpRequest, payload: Rollback) -> Any:
    """Put everything learned back to a version, or to where an iteration of a turn left it; for owners.

    The learner is the whole tenant's: what one member takes back, all who share the agent lose.
    """
    caller = who(request)
    caller.require(Role.OWNER)
    if (payload.version is None) == (payload.turn_id is None):
        raise Invalid("name either a version or a turn", field="version")
    if payload.turn_id is not None:
        await visible_turn(caller, payload.turn_id)
    return msgspec.to_builtins(
        await agent().brain.rollback(
            await principal(caller, payload.agent),
            turn_id=payload.turn_id,
            iteration_number=payload.iteration_number,
            version=payload.version,
        )
    )
