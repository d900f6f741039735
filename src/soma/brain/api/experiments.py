"""Endpoints of experiments."""

from fastapi import FastAPI, Request, Response

from soma.brain.api.request import (
    describe_body,
    read_body,
    read_principal,
)
from soma.brain.api.response import json_response
from soma.brain.errors import BrainRefused
from soma.brain.service import Brain
from soma.brain.wire import requests

STATUSES = ("running", "promoted", "kept", "stopped")


def add_experiments(app: FastAPI, brain: Brain) -> None:
    @app.get("/v1/experiments")
    async def all_(request: Request) -> Response:
        principal, status = read_principal(request, "status"), request.query_params.get("status")
        if status is not None and status not in STATUSES:
            raise BrainRefused("invalid_query", f"`status` is one of {', '.join(STATUSES)}.", "status")
        return json_response({"experiments": await brain.experiments.list(principal, status=status)})

    @app.post("/v1/experiments", **describe_body(requests.NewExperiment))
    async def create(request: Request) -> Response:
        principal, body = await read_body(request, requests.NewExperiment)
        return json_response(await brain.experiments.create(principal, body), 201)

    @app.get("/v1/experiments/{name}")
    async def one(request: Request, name: str) -> Response:
        return json_response(await brain.experiments.get(read_principal(request), name))

    @app.post("/v1/experiments/{name}/assignments", **describe_body(requests.AssignSubject))
    async def assign(request: Request, name: str) -> Response:
        principal, body = await read_body(request, requests.AssignSubject)
        arm = await brain.experiments.assign(principal, name, body.subject)
        return json_response({"subject": body.subject, "arm": arm.name, "changes": dict(arm.changes)})

    @app.post("/v1/experiments/{name}/outcomes", **describe_body(requests.RecordOutcomes))
    async def record(request: Request, name: str) -> Response:
        principal, body = await read_body(request, requests.RecordOutcomes)
        return json_response({"recorded": await brain.experiments.record(principal, name, body.items)})

    @app.post("/v1/experiments/{name}/decision", **describe_body(requests.Decide))
    async def decide(request: Request, name: str) -> Response:
        principal, body = await read_body(request, requests.Decide)
        return json_response(await brain.experiments.decide(principal, name, stop=body.stop))
