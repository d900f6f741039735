"""Every error that an endpoint answers, in one shape: a stable code, a message, the field at fault."""

import json
import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.http.response import HttpResponseBase
from django.utils.decorators import async_only_middleware
from ninja import NinjaAPI
from ninja.errors import HttpError
from ninja.errors import ValidationError as BodyInvalid

from soma.agent.api.request.json_object import invalid_from
from soma.agent.errors import AgentError, Busy, Invalid, TooLarge, Unavailable, error_body
from soma.agent.metrics import requests_total
from soma.agent.settings import settings
from soma.brain.errors import BrainRefused, BrainUnavailable
from soma.events.errors import LogError, WriteFailed, WriterBusy, WriteRefused
from soma.events.ids import new_id

logger = logging.getLogger(__name__)

BUSY_SECONDS = 1
JSON = "application/json; charset=utf-8"


def refuse(request: HttpRequest, status: int, code: str, message: str, field: str | None = None) -> HttpResponse:
    """Answer with the one error shape, and count the error."""
    requests_total.labels("rest", code).inc()
    request_id = new_id()
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        logger.error("request %s to %s was answered %s: %s", request_id, request.path, code, message)
    body = error_body(code, message, field=field, request_id=request_id)
    response = HttpResponse(json.dumps(body), status=status, content_type=JSON)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        response["Retry-After"] = str(BUSY_SECONDS)
    return response


def answer_agent_error(request: HttpRequest, error: AgentError) -> HttpResponse:
    return refuse(request, error.status, error.code, error.message, error.field)


def answer_invalid_request(request: HttpRequest, error: BodyInvalid) -> HttpResponse:
    first = error.errors[0]
    where, *place = first["loc"]
    inside = place[1:] if place[:1] == ["payload"] else place
    return answer_agent_error(request, invalid_from({**first, "loc": inside or [where]}))


def answer_http_error(request: HttpRequest, error: HttpError) -> HttpResponse:
    if isinstance(error.__cause__, AgentError):  # what a parser raises reaches us wrapped
        return answer_agent_error(request, error.__cause__)
    code = {400: "invalid_json", 401: "token_missing", 404: "not_found"}.get(error.status_code, "refused")
    return refuse(request, error.status_code, code, str(error))


def answer_large_body(request: HttpRequest, _: RequestDataTooBig) -> HttpResponse:
    most = settings().max_body_bytes
    return refuse(request, TooLarge.status, "too_large", f"the body must be at most {most:,} bytes", "body")


def answer_brain_refusal(request: HttpRequest, error: BrainRefused) -> HttpResponse:
    message = error.message.removeprefix(f"{error.field}: ")  # the field stands beside it
    return refuse(request, error.status, error.code, message, error.field)


def answer_missing_brain(request: HttpRequest, error: BrainUnavailable) -> HttpResponse:
    message = f"The brain cannot do this now; chat goes on without memory. {error}"
    return refuse(request, 503, error.code, message)


def answer_log_error(request: HttpRequest, error: LogError) -> HttpResponse:
    return refuse(request, Unavailable.status, error.code, str(error))


def answer_write_refusal(request: HttpRequest, error: WriteRefused) -> HttpResponse:
    return refuse(request, Invalid.status, error.code, str(error))


def answer_busy_writer(request: HttpRequest, error: WriterBusy) -> HttpResponse:
    return refuse(request, Busy.status, error.code, str(error))


def answer_database_failure(request: HttpRequest, error: OperationalError) -> HttpResponse:
    logger.error("the database failed", exc_info=error)
    return refuse(request, Unavailable.status, WriteFailed.code, str(WriteFailed.__doc__))


def not_found(request: HttpRequest, exception: Any = None) -> HttpResponse:  # noqa: ARG001 - Django's signature
    return refuse(request, 404, "not_found", f"there is nothing at {request.path}")


@async_only_middleware
def one_error_shape(get_response: Callable[[HttpRequest], Awaitable[HttpResponseBase]]) -> Any:
    """Give the answer to a method that Django or Ninja refuses the one error shape."""

    async def middleware(request: HttpRequest) -> HttpResponseBase:
        response = await get_response(request)
        if not isinstance(response, HttpResponseNotAllowed):
            return response
        message = f"method {request.method} not allowed at {request.path}; it takes {response['Allow']}"
        refused = refuse(request, response.status_code, "method_not_allowed", message)
        refused["Allow"] = response["Allow"]
        return refused

    return middleware


def server_error(request: HttpRequest) -> HttpResponse:
    return refuse(request, 500, "internal", "The server made a mistake; its log says which.")


HANDLERS: dict[type[Exception], Any] = {
    AgentError: answer_agent_error,
    BodyInvalid: answer_invalid_request,
    HttpError: answer_http_error,
    RequestDataTooBig: answer_large_body,
    BrainRefused: answer_brain_refusal,
    BrainUnavailable: answer_missing_brain,
    LogError: answer_log_error,
    WriteRefused: answer_write_refusal,
    WriterBusy: answer_busy_writer,
    OperationalError: answer_database_failure,
}


def add_error_handlers(api: NinjaAPI) -> None:
    for kind, handler in HANDLERS.items():
        api.add_exception_handler(kind, handler)
