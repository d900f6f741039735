"""Every error that the brain answers, in one shape; a wrong field is found by `wire/decoding.py`."""

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from soma.brain.api.response import json_response
from soma.brain.errors import BrainRefused
from soma.events.errors import LogError, WriterBusy, WriteRefused
from soma.events.ids import new_id
from soma.memory.errors import (
    AlreadyForgotten,
    EmbedderUnavailable,
    MemoryRefused,
    NotTheAuthor,
    UnknownDocument,
    UnknownKey,
)

BUSY_SECONDS = 1
MEMORY_STATUS: dict[type[MemoryRefused], int] = {
    UnknownKey: 404,
    UnknownDocument: 404,
    AlreadyForgotten: 410,
    NotTheAuthor: 403,
}
HTTP_CODES = {404: "not_found", 405: "method_not_allowed"}


def add_error_handlers(app: FastAPI) -> None:
    app.add_exception_handler(BrainRefused, answer_refusal)
    app.add_exception_handler(MemoryRefused, answer_memory_refusal)
    app.add_exception_handler(HTTPException, answer_http_error)
    app.add_exception_handler(LogError, answer_storage_failure)
    app.add_exception_handler(EmbedderUnavailable, answer_missing_model)
    app.add_exception_handler(Exception, answer_failure)


def error_response(
    status: int, code: str, message: str, field: str | None = None, *, retry_after: int | None = None
) -> Response:
    request_id = new_id()
    body = {"code": code, "message": message, "request_id": request_id} | ({"field": field} if field else {})
    headers = {"X-Request-Id": request_id} | ({"Retry-After": str(retry_after)} if retry_after else {})
    return json_response(body, status, headers)


def answer_refusal(_: Request, error: Exception) -> Response:
    assert isinstance(error, BrainRefused)  # noqa: S101 - as registered
    return error_response(error.status, error.code, error.message, error.field)


def answer_memory_refusal(_: Request, error: Exception) -> Response:
    assert isinstance(error, MemoryRefused)  # noqa: S101 - as registered
    status = MEMORY_STATUS.get(type(error), 422)
    return error_response(status, error.code, str(error), error.field)


def answer_http_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - as registered
    return error_response(error.status_code, HTTP_CODES.get(error.status_code, "bad_request"), str(error.detail))


def answer_storage_failure(_: Request, error: Exception) -> Response:
    assert isinstance(error, LogError)  # noqa: S101 - as registered
    if isinstance(error, WriteRefused):
        return error_response(422, error.code, str(error))
    status = 429 if isinstance(error, WriterBusy) else 503
    return error_response(status, error.code, str(error), retry_after=BUSY_SECONDS)


def answer_missing_model(_: Request, error: Exception) -> Response:
    return error_response(503, EmbedderUnavailable.code, str(error))


def answer_failure(_: Request, error: Exception) -> Response:
    """Answer a fault of ours without its details: the server logs them."""
    return error_response(500, "internal_error", f"The brain failed ({type(error).__name__}); its log says why.")
