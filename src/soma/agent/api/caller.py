"""From a request to its verified caller."""

from typing import Any, cast

from django.http import HttpRequest

from soma.agent.auth import Caller, caller_of, refuse_foreign_tenant


async def bearer(request: HttpRequest) -> Caller:
    """Every door's guard: who calls, and that the query names no other tenant."""
    caller = await caller_of(request.headers.get("Authorization"))
    refuse_foreign_tenant(cast("dict[str, Any]", request.GET.dict()), caller)
    return caller


bearer.openapi_security_schema = {"type": "http", "scheme": "bearer"}  # type: ignore[attr-defined]


def who(request: HttpRequest) -> Caller:
    return cast("Caller", request.auth)  # type: ignore[attr-defined]
