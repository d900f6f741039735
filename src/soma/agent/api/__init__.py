"""REST under /api/v2: one router a noun. A door checks, asks and answers; it decides nothing."""

import logging
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import HttpError
from ninja.errors import ValidationError as BodyInvalid

from soma.agent.api import (
    capsules,
    conversations,
    feedback,
    learning,
    members,
    memories,
    messages,
    traces,
    turns,
)
from soma.agent.api.caller import bearer
from soma.agent.errors import AgentError, Busy, Invalid, TooLarge, Unavailable, error_body
from soma.agent.metrics import requests_total
from soma.brain.errors import BrainRefused, BrainUnavailable
from soma.events.errors import LogError, WriteFailed, WriterBusy
from soma.events.ids import new_id

logger = logging.getLogger(__name__)

api = NinjaAPI(title="Soma", version="2", urls_namespace="api-v2", auth=bearer)
api.add_router("/chat/conversations", conversations.router, tags=["conversations"])
api.add_router("/chat/conversations", messages.router, tags=["messages"])
api.add_router("/chat/turns", turns.router, tags=["turns"])
api.add_router("/trace", traces.router, tags=["trace"])
api.add_router("/capsules", capsules.router, tags=["capsules"])
api.add_router("/feedback", feedback.router, tags=["learning"])
api.add_router("/learning", learning.router, tags=["learning"])
api.add_router("/memories", memories.router, tags=["memories"])
api.add_router("", members.router, tags=["accounts"])


def refuse(request: HttpRequest, status: int, code: str, message: str, field: str | None = None) -> HttpResponse:
    """The one error shape. Nothing was written."""
    requests_total.labels("rest", code).inc()
    return api.create_response(request, error_body(code, message, field=field, request_id=new_id()), status=status)


@api.exception_handler(AgentError)
def _refused(request: HttpRequest, error: AgentError) -> HttpResponse:
    return refuse(request, error.status, error.code, error.message, error.field)


@api.exception_handler(BodyInvalid)
def _malformed(request: HttpRequest, error: BodyInvalid) -> HttpResponse:
    first = error.errors[0]
    place = [str(part) for part in first["loc"] if part not in {"body", "query", "path", "payload"}]
    return refuse(request, Invalid.status, "invalid", str(first["msg"]), ".".join(place) or "body")


@api.exception_handler(HttpError)
def _http(request: HttpRequest, error: HttpError) -> HttpResponse:
    code = {400: "invalid_json", 401: "token_missing", 404: "not_found"}.get(error.status_code, "refused")
    return refuse(request, error.status_code, code, str(error))


@api.exception_handler(RequestDataTooBig)
def _too_big(request: HttpRequest, error: RequestDataTooBig) -> HttpResponse:
    return refuse(request, TooLarge.status, "too_large", str(error))


@api.exception_handler(BrainRefused)
def _brain_refused(request: HttpRequest, error: BrainRefused) -> HttpResponse:
    return refuse(request, error.status, error.code, str(error), error.field)


@api.exception_handler(BrainUnavailable)
def _brain_away(request: HttpRequest, error: BrainUnavailable) -> HttpResponse:
    return refuse(request, 503, error.code, "The brain is away: chat goes on without memory, this needs it.")


@api.exception_handler(LogError)
def _log(request: HttpRequest, error: LogError) -> HttpResponse:
    return refuse(request, Unavailable.status, error.code, str(error))


@api.exception_handler(WriterBusy)
def _busy(request: HttpRequest, error: WriterBusy) -> HttpResponse:
    response = refuse(request, Busy.status, error.code, str(error))
    response["Retry-After"] = "1"
    return response


@api.exception_handler(OperationalError)
def _database(request: HttpRequest, error: OperationalError) -> HttpResponse:
    logger.error("the database failed", exc_info=error)
    return refuse(request, Unavailable.status, WriteFailed.code, str(WriteFailed.__doc__))


def not_found(request: HttpRequest, exception: Any = None) -> HttpResponse:  # noqa: ARG001 - Django's signature
    return refuse(request, 404, "not_found", f"there is nothing at {request.path}")


def server_error(request: HttpRequest) -> HttpResponse:
    return refuse(request, 500, "internal", "The server made a mistake; its log says which.")
