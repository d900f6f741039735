"""Reading a request: whose it is, its body, its query. Everything is checked before a verb is called."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

import msgspec
from fastapi import Request

from soma.brain.api.auth import HEADERS, ROLE_HEADER, Authenticator
from soma.brain.api.response import JSON
from soma.brain.errors import BrainRefused
from soma.brain.types import Principal
from soma.brain.wire import requests
from soma.brain.wire.claims import CLAIMS, check_claims
from soma.brain.wire.decoding import decode
from soma.brain.wire.requests import RequestBody
from soma.validation import json_errors


def read_principal(request: Request, *known: str) -> Principal:
    """Return the verified caller; the query may hold `known` parameters and repeat the caller's identity."""
    auth: Authenticator = request.app.state.auth
    principal = auth.principal(read_headers(request))
    if request.scope["query_string"]:
        _check_query(request, known)
        check_claims(principal, request.query_params)
    return principal


def _check_query(request: Request, known: Sequence[str]) -> None:
    if (wrong := json_errors.find_undecodable_parameter(request.scope["query_string"])) is not None:
        raise BrainRefused("invalid_query", "must be text in UTF-8", wrong)
    given = [name for name, _ in request.query_params.multi_items()]
    for name in given:
        if name not in known and name not in CLAIMS:
            takes = f"this endpoint takes {', '.join(known)}" if known else "this endpoint takes none"
            raise BrainRefused("invalid_query", f"unknown query parameter `{name}`; {takes}", name)
        if given.count(name) > 1:
            raise BrainRefused("invalid_query", f"query parameter `{name}` given more than once", name)


def read_headers(request: Request) -> dict[str, str]:
    """Return the headers by lower-case name."""
    given = request.scope["headers"]
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in given}
    if len(headers) < len(given):
        _check_once([name.decode("latin-1") for name, _ in given])
    return headers


def _check_once(names: list[str]) -> None:
    """Reject requests that repeat an identity header."""
    for name in ("Authorization", *HEADERS.values(), ROLE_HEADER):
        if names.count(name.lower()) > 1:
            raise BrainRefused("principal_invalid", f"header {name} given more than once", name, 401)


async def read_body(request: Request, kind: type[RequestBody]) -> tuple[Principal, Any]:
    principal = read_principal(request)
    body = decode(await request.body(), kind)
    if body.has_claims:
        check_claims(principal, requests.claims(body))
    return principal, body


def read_day(request: Request, name: str, default: str) -> str:
    value = request.query_params.get(name, default)
    try:
        return datetime.strptime(value, "%Y-%m-%d").replace(tzinfo=UTC).date().isoformat()
    except ValueError:
        raise BrainRefused("invalid_query", f"`{name}` must be a day as YYYY-MM-DD", name) from None


def read_limit(request: Request, *, most: int) -> int:
    limit = read_number(request, "limit", 50)
    if limit is None or not 1 <= limit <= most:
        raise BrainRefused("invalid_query", f"`limit` must be from 1 to {most}", "limit")
    return limit


def read_number(request: Request, name: str, default: int | None) -> int | None:
    value = request.query_params.get(name)
    if value is None:
        return default
    if not value.isdecimal() or len(value) > 15:
        raise BrainRefused("invalid_query", f"`{name}` must be a whole number of at least 0", name)
    return int(value)


@cache
def describe_body(kind: type[RequestBody], *, items: type[RequestBody] | None = None) -> dict[str, Any]:
    """Describe for OpenAPI a body that FastAPI does not read itself; `items` are read one by one."""
    schema = msgspec.json.schema(kind)
    if items is not None:
        schema["$defs"][kind.__name__]["properties"]["items"] = {"type": "array", "maxItems": requests.BATCH}
    return {"openapi_extra": {"requestBody": {"required": True, "content": {JSON: {"schema": schema}}}}}
