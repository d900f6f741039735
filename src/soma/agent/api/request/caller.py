"""From a request to its verified caller."""

from typing import cast

from django.http import HttpRequest

from soma.agent.access.auth import TENANT_HEADER, Caller, caller_of, refuse_foreign_tenant
from soma.agent.errors import Invalid, NotFound
from soma.agent.web.gate import known_caller
from soma.brain.types import Principal
from soma.validation import nul


async def bearer(request: HttpRequest) -> Caller:
    """Every door's guard: who calls, and that path and query name nothing that cannot be."""
    scope = getattr(request, "scope", {})
    caller = known_caller(scope) or await caller_of(request.headers.get("Authorization"))
    query = request.GET.dict()
    refuse_foreign_tenant({TENANT_HEADER: request.headers.get(TENANT_HEADER), **query}, caller)
    if "\0" in request.path:
        raise NotFound("a path must not contain NUL characters")
    for name, value in query.items():
        if "\0" in value:
            raise Invalid(nul.REFUSAL, code="invalid_text", field=name)
    return caller


bearer.openapi_security_schema = {"type": "http", "scheme": "bearer"}  # type: ignore[attr-defined]


def principal_of(caller: Caller, agent_id: str) -> Principal:
    """The principal under which the brain works for this caller."""
    return Principal(tenant_id=caller.tenant_id, user_id=caller.user_id, agent_id=agent_id, role=str(caller.role.value))


def who(request: HttpRequest) -> Caller:
    return cast("Caller", request.auth)  # type: ignore[attr-defined]
