"""Endpoints of the context: what a model is shown for a query, and what that took."""

import time
from datetime import UTC, datetime

from fastapi import FastAPI, Request, Response

from soma.brain.api.request import (
    describe_body,
    read_body,
    read_day,
    read_principal,
)
from soma.brain.api.response import json_response
from soma.brain.service import Brain
from soma.brain.wire import requests


def add_context(app: FastAPI, brain: Brain) -> None:
    @app.post("/context/evaluate", **describe_body(requests.Evaluate))
    async def evaluate(request: Request) -> Response:
        principal, body = await read_body(request, requests.Evaluate)
        return json_response(await brain.evaluate(principal, body))

    @app.post("/v1/memory/recall", **describe_body(requests.Recall))
    async def recall(request: Request) -> Response:
        began = time.perf_counter()
        principal, body = await read_body(request, requests.Recall)
        hits, weights = await brain.recall(principal, body)
        duration_ms = (time.perf_counter() - began) * 1_000
        return json_response({"hits": hits, "weights": weights, "duration_ms": duration_ms})

    @app.get("/context/usage")
    async def usage(request: Request) -> Response:
        principal = read_principal(request, "from", "to")
        today = datetime.now(UTC).date().isoformat()
        start, end = read_day(request, "from", today[:8] + "01"), read_day(request, "to", today)
        return json_response({"rows": await brain.usage(principal, start=start, end=end)})
