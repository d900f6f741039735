"""Endpoints of the process: is it up, is it ready, and its metrics."""

from fastapi import FastAPI, Request, Response

from soma.brain.api.auth import Authenticator
from soma.brain.api.request import (
    read_headers,
)
from soma.brain.api.response import json_response
from soma.brain.service import Brain
from soma.events.ids import new_id


def add_health(app: FastAPI, brain: Brain, auth: Authenticator) -> None:
    @app.get("/healthz")
    async def up(_: Request) -> Response:
        return json_response({"status": "up"})

    @app.get("/readyz")
    async def ready(_: Request) -> Response:
        away = await brain.ready()
        if away:
            message = "; ".join(f"{name}: {what}" for name, what in away.items())
            return json_response({"code": "not_ready", "message": message, "away": away, "request_id": new_id()}, 503)
        answer = {"status": "ready", "dependencies": ["database"], "degraded": await brain.find_degraded()}
        return json_response(answer | {"restored": brain.restored._asdict()})

    @app.get("/metrics")
    async def metrics(request: Request) -> Response:
        auth.admit(read_headers(request))
        return Response(brain.metrics.exposition(), media_type="text/plain; version=0.0.4; charset=utf-8")
