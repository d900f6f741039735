"""Answers as JSON."""

from collections.abc import Mapping
from typing import Any

import msgspec
from fastapi import Response

JSON = "application/json"


def json_response(answer: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(answer), status, headers, JSON)
