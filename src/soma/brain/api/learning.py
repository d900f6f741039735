"""Endpoints of learning: feedback, reports of iterations, weights and their history, rollback."""

from fastapi import FastAPI, Request, Response

from soma.brain.api.request import (
    describe_body,
    read_body,
    read_limit,
    read_number,
    read_principal,
)
from soma.brain.api.response import json_response
from soma.brain.errors import BrainRefused
from soma.brain.service import Brain
from soma.brain.wire import requests
from soma.brain.wire.decoding import check_numbers

LARGEST_HISTORY = 500


def add_learning(app: FastAPI, brain: Brain) -> None:
    @app.get("/context/adaptation/state")
    async def state(request: Request) -> Response:
        return json_response(await brain.state(read_principal(request)))

    @app.post("/context/adaptation/rollback", **describe_body(requests.Rollback))
    async def roll_back(request: Request) -> Response:
        principal, body = await read_body(request, requests.Rollback)
        return json_response(await brain.roll_back(principal, body))

    @app.post("/v1/learning/publish_turn_metrics", **describe_body(requests.TurnMetrics))
    async def publish_turn_metrics(request: Request) -> Response:
        principal, body = await read_body(request, requests.TurnMetrics)
        check_numbers(body.weights, "weights")
        check_numbers(body.neuromodulators, "neuromodulators")
        return json_response(await brain.publish_turn_metrics(principal, body))

    _add_feedback(app, brain)
    _add_insight(app, brain)


def _add_feedback(app: FastAPI, brain: Brain) -> None:
    @app.post("/context/feedback", **describe_body(requests.Feedback))
    async def give_feedback(request: Request) -> Response:
        principal, body = await read_body(request, requests.Feedback)
        answer = await brain.feedback(principal, body)
        return json_response(answer, 200 if answer.adaptation_applied or answer.status == "duplicate" else 202)

    @app.post("/context/credit", **describe_body(requests.Credit))
    async def give_credit(request: Request) -> Response:
        principal, body = await read_body(request, requests.Credit)
        answer = await brain.credit(principal, body)
        return json_response(answer, 200 if answer.adaptation_applied or answer.status == "duplicate" else 202)

    @app.post("/context/feedback/batch", **describe_body(requests.FeedbackBatch, items=requests.Feedback))
    async def give_feedback_batch(request: Request) -> Response:
        principal, body = await read_body(request, requests.FeedbackBatch)
        return json_response(
            await brain.feedback_batch(principal, bytes(body.items), idempotency_key=body.idempotency_key)
        )


def _add_insight(app: FastAPI, brain: Brain) -> None:
    @app.get("/context/adaptation/history")
    async def history(request: Request) -> Response:
        principal = read_principal(request, "after", "limit")
        after, limit = read_number(request, "after", None), read_limit(request, most=LARGEST_HISTORY)
        return json_response(await brain.history(principal, after=after, limit=limit))

    @app.get("/context/feedback")
    async def feedback(request: Request) -> Response:
        principal = read_principal(request, "conversation_id", "limit")
        limit = read_limit(request, most=LARGEST_HISTORY)
        if not (conversation_id := request.query_params.get("conversation_id")):
            raise BrainRefused("invalid_query", "`conversation_id` is required.", "conversation_id")
        return json_response({"feedback": await brain.list_feedback(principal, conversation_id, limit=limit)})

    @app.post("/v1/learning/withdraw_answer", **describe_body(requests.Withdraw))
    async def withdraw(request: Request) -> Response:
        principal, body = await read_body(request, requests.Withdraw)
        return json_response(await brain.withdraw(principal, body))

    @app.post("/context/adaptation/preview", **describe_body(requests.Preview))
    async def preview(request: Request) -> Response:
        principal, body = await read_body(request, requests.Preview)
        check_numbers(body.weights or {}, "weights")
        return json_response(await brain.previews.compare(principal, body))
