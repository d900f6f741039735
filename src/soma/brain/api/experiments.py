"""The HTTP doors of experiments and of what can be seen of learning: history, and a preview of other weights."""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from fastapi import FastAPI, Request, Response

from soma.brain.errors import BrainRefused
from soma.brain.service import Brain
from soma.brain.types import Principal
from soma.brain.wire import requests

STATUSES = ("running", "promoted", "kept", "stopped")
LARGEST_HISTORY = 500


class Door(NamedTuple):
    """How `api.py` reads a request and writes an answer."""

    principal: Callable[..., Principal]
    read: Callable[[Request, type[requests.Body]], Awaitable[tuple[Principal, Any]]]
    answer: Callable[..., Response]
    takes: Callable[..., dict[str, Any]]


def add_experiments(app: FastAPI, brain: Brain, door: Door) -> None:
    @app.get("/v1/experiments")
    async def all_(request: Request) -> Response:
        principal, status = door.principal(request, "status"), request.query_params.get("status")
        if status is not None and status not in STATUSES:
            raise BrainRefused("invalid_query", f"`status` is one of {', '.join(STATUSES)}.", "status")
        return door.answer({"experiments": await brain.experiments.list(principal, status=status)})

    @app.post("/v1/experiments", **door.takes(requests.NewExperiment))
    async def create(request: Request) -> Response:
        principal, body = await door.read(request, requests.NewExperiment)
        return door.answer(await brain.experiments.create(principal, body), 201)

    @app.get("/v1/experiments/{name}")
    async def one(request: Request, name: str) -> Response:
        return door.answer(await brain.experiments.get(door.principal(request), name))

    @app.post("/v1/experiments/{name}/assignments", **door.takes(requests.AssignSubject))
    async def assign(request: Request, name: str) -> Response:
        principal, body = await door.read(request, requests.AssignSubject)
        arm = await brain.experiments.assign(principal, name, body.subject)
        return door.answer({"subject": body.subject, "arm": arm.name, "changes": dict(arm.changes)})

    @app.post("/v1/experiments/{name}/outcomes", **door.takes(requests.RecordOutcomes))
    async def record(request: Request, name: str) -> Response:
        principal, body = await door.read(request, requests.RecordOutcomes)
        return door.answer({"recorded": await brain.experiments.record(principal, name, body.items)})

    @app.post("/v1/experiments/{name}/decision", **door.takes(requests.Decide))
    async def decide(request: Request, name: str) -> Response:
        principal, body = await door.read(request, requests.Decide)
        return door.answer(await brain.experiments.decide(principal, name, stop=body.stop))


def add_insight(app: FastAPI, brain: Brain, door: Door) -> None:
    @app.get("/context/adaptation/history")
    async def history(request: Request) -> Response:
        principal = door.principal(request, "after", "limit")
        after, limit = _number(request, "after", None), _limit(request)
        return door.answer(await brain.history(principal, after=after, limit=limit))

    @app.get("/context/feedback")
    async def feedback(request: Request) -> Response:
        principal, limit = door.principal(request, "conversation_id", "limit"), _limit(request)
        if not (conversation_id := request.query_params.get("conversation_id")):
            raise BrainRefused("invalid_query", "The conversation must be named.", "conversation_id")
        return door.answer({"feedback": await brain.list_feedback(principal, conversation_id, limit=limit)})

    @app.post("/v1/learning/withdraw_answer", **door.takes(requests.Withdraw))
    async def withdraw(request: Request) -> Response:
        principal, body = await door.read(request, requests.Withdraw)
        return door.answer(await brain.withdraw(principal, body))

    @app.post("/context/adaptation/preview", **door.takes(requests.Preview))
    async def preview(request: Request) -> Response:
        principal, body = await door.read(request, requests.Preview)
        requests.check_numbers(body.weights or {}, "weights")
        return door.answer(await brain.previews.compare(principal, body))


def _limit(request: Request) -> int:
    limit = _number(request, "limit", 50)
    if limit is None or not 1 <= limit <= LARGEST_HISTORY:
        raise BrainRefused("invalid_query", f"`limit` is a number from 1 to {LARGEST_HISTORY}.", "limit")
    return limit


def _number(request: Request, name: str, default: int | None) -> int | None:
    value = request.query_params.get(name)
    if value is None:
        return default
    if not value.isdecimal() or len(value) > 15:
        raise BrainRefused("invalid_query", f"`{name}` is a whole number from 0.", name)
    return int(value)
