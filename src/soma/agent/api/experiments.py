"""Experiments on the prior of an agent: seen by members, made and decided by owners."""

from typing import Any

import msgspec
from django.http import HttpRequest
from ninja import Router
from pydantic import Field

from soma.agent.api.request.body import AgentBody, AgentName, Body
from soma.agent.api.request.caller import caller_of, find_principal
from soma.agent.models import Role
from soma.agent.running import agent
from soma.brain.wire import requests

router = Router()


class Arm(Body):
    name: str
    changes: dict[str, float] = Field(default_factory=dict)


class NewExperimentBody(AgentBody):
    """An experiment; without arms, the shipped one of that name."""

    name: str = Field(min_length=1, max_length=128)
    arms: list[Arm] | None = Field(None, min_length=2, max_length=2)
    hypothesis: str = Field("", max_length=2_000)
    metric: str = "reward"
    method: str = "welch"
    planned: int = Field(100, ge=2, le=1_000_000)
    share: float = Field(0.5, ge=0.01, le=0.99)


class Outcome(Body):
    subject: str = Field(min_length=1, max_length=200)
    value: float
    key: str | None = None


class Outcomes(AgentBody):
    items: list[Outcome] = Field(min_length=1, max_length=1_000)


class Decision(AgentBody):
    stop: bool = False


@router.get("")
async def list_experiments(request: HttpRequest, agent_name: AgentName = None, status: str | None = None) -> Any:
    principal = await find_principal(caller_of(request), agent_name)
    return {"experiments": msgspec.to_builtins(await agent().brain.experiments(principal, status=status))}


@router.get("/{name}")
async def get_experiment(request: HttpRequest, name: str, agent_name: AgentName = None) -> Any:
    """Show one experiment, with its verdict by the results so far."""
    return msgspec.to_builtins(
        await agent().brain.experiment(await find_principal(caller_of(request), agent_name), name)
    )


@router.post("", response={201: Any})
async def create_experiment(request: HttpRequest, payload: NewExperimentBody) -> tuple[int, Any]:
    caller = caller_of(request)
    caller.require(Role.OWNER)
    body = payload.dict(exclude={"agent"}, exclude_none=True)
    made = await agent().brain.create_experiment(
        await find_principal(caller, payload.agent), requests.NewExperiment(**body)
    )
    return 201, msgspec.to_builtins(made)


@router.post("/{name}/outcomes")
async def record_outcomes(request: HttpRequest, name: str, payload: Outcomes) -> Any:
    """Record outcomes that Soma cannot see itself; feedback of people is counted as it comes."""
    caller = caller_of(request)
    caller.require(Role.OWNER)
    items = [item.dict(exclude_none=True) for item in payload.items]
    principal = await find_principal(caller, payload.agent)
    return {"recorded": await agent().brain.record_outcomes(principal, name, items)}


@router.post("/{name}/decision")
async def decide_experiment(request: HttpRequest, name: str, payload: Decision) -> Any:
    """Decide by the verdict: promote the winner, keep the prior, or stop; 409 `too_early` while there is no verdict."""
    caller = caller_of(request)
    caller.require(Role.OWNER)
    principal = await find_principal(caller, payload.agent)
    return msgspec.to_builtins(await agent().brain.decide_experiment(principal, name, stop=payload.stop))
