"""Experiments on what an agent starts from: seen by members, made and decided by owners."""

from typing import Any

import msgspec
from django.http import HttpRequest
from ninja import Router
from pydantic import Field

from soma.agent.api.learning import principal
from soma.agent.api.request.body import Body, NameOfAgent, OfAgent
from soma.agent.api.request.caller import who
from soma.agent.models import Role
from soma.agent.running import agent

router = Router()


class Arm(Body):
    name: str
    changes: dict[str, float] = Field(default_factory=dict)


class NewExperiment(OfAgent):
    """Without arms, the shipped experiment of that name."""

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


class Outcomes(OfAgent):
    items: list[Outcome] = Field(min_length=1, max_length=1_000)


class Decision(OfAgent):
    stop: bool = False


@router.get("")
async def list_experiments(request: HttpRequest, agent_name: NameOfAgent = None, status: str | None = None) -> Any:
    asked = await principal(who(request), agent_name)
    return {"experiments": msgspec.to_builtins(await agent().brain.experiments(asked, status=status))}


@router.get("/{name}")
async def get_experiment(request: HttpRequest, name: str, agent_name: NameOfAgent = None) -> Any:
    """One experiment with what its results say now."""
    return msgspec.to_builtins(await agent().brain.experiment(await principal(who(request), agent_name), name))


@router.post("", response={201: Any})
async def create_experiment(request: HttpRequest, payload: NewExperiment) -> tuple[int, Any]:
    caller = who(request)
    caller.require(Role.OWNER)
    body = payload.dict(exclude={"agent"}, exclude_none=True)
    made = await agent().brain.create_experiment(await principal(caller, payload.agent), **body)
    return 201, msgspec.to_builtins(made)


@router.post("/{name}/outcomes")
async def record_outcomes(request: HttpRequest, name: str, payload: Outcomes) -> Any:
    """Outcomes that Soma cannot see itself; those of people's feedback are counted as they come."""
    caller = who(request)
    caller.require(Role.OWNER)
    items = [item.dict(exclude_none=True) for item in payload.items]
    asked = await principal(caller, payload.agent)
    return {"recorded": await agent().brain.record_outcomes(asked, name, items)}


@router.post("/{name}/decision")
async def decide_experiment(request: HttpRequest, name: str, payload: Decision) -> Any:
    """Take the verdict: promote the winner, keep the prior, or stop; 409 `too_early` while it is."""
    caller = who(request)
    caller.require(Role.OWNER)
    asked = await principal(caller, payload.agent)
    return msgspec.to_builtins(await agent().brain.decide_experiment(asked, name, stop=payload.stop))
