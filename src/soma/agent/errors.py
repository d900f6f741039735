"""Errors that the agent raises for its endpoints (`api/errors.py` answers them): a code, a message, the field at fault.

AgentError
├── Malformed           400  not JSON: `invalid_json`
├── Unauthorized        401  no verified token
├── Forbidden           403  verified, but not allowed; `tenant_mismatch` where a body names another tenant
├── NotFound            404  not there, or not for this user: the two look the same
├── Conflict            409  `turn_in_progress`, or a name that is taken
├── TooLarge            413  a message over its share of the context, a body over the limit
├── Invalid             422  a field of the request is wrong; `field` says which
├── Busy                429  come back after `retry_after` seconds
└── Unavailable         503  something that is needed is away
"""

from typing import Any


class AgentError(Exception):
    """The request was refused; nothing of it was kept."""

    status = 500
    code = "internal"

    def __init__(self, message: str, *, code: str | None = None, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.code
        self.field = field

    def body(self, request_id: str) -> dict[str, Any]:
        """Return the one error shape of every endpoint."""
        return error_body(self.code, self.message, field=self.field, request_id=request_id)


class Malformed(AgentError):
    status = 400
    code = "invalid_json"


class Unauthorized(AgentError):
    status = 401
    code = "unauthorized"


class Forbidden(AgentError):
    status = 403
    code = "forbidden"


class NotFound(AgentError):
    status = 404
    code = "not_found"


class Conflict(AgentError):
    status = 409
    code = "conflict"


class TooLarge(AgentError):
    status = 413
    code = "too_large"


class Invalid(AgentError):
    status = 422
    code = "invalid"


class Busy(AgentError):
    status = 429
    code = "busy"


class Unavailable(AgentError):
    status = 503
    code = "unavailable"


def error_body(code: str, message: str, *, request_id: str, field: str | None = None) -> dict[str, Any]:
    body = {"code": code, "message": message, "request_id": request_id}
    return body if field is None else {**body, "field": field}
