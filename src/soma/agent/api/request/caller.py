"""The verified caller of a request, and the principal under which the brain works for the caller."""

from typing import cast

from django.http import HttpRequest

from soma.agent.access.auth import TENANT_HEADER, Caller, authenticate, refuse_foreign_tenant
from soma.agent.access.relations import capsule_of
from soma.agent.errors import Invalid, NotFound
from soma.agent.web.gate import known_caller
from soma.brain.types import Principal
from soma.validation import nul


async def bearer(request: HttpRequest) -> Caller:
    """Authenticate the caller of any endpoint; refuse NUL characters and foreign tenants in path, query and header."""
    scope = getattr(request, "scope", {})
    caller = known_caller(scope) or await authenticate(request.headers.get("Authorization"))
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
    """Return the principal under which the brain works for this caller."""
    return Principal(tenant_id=caller.tenant_id, user_id=caller.user_id, agent_id=agent_id, role=str(caller.role.value))


async def find_principal(caller: Caller, agent_name: str | None) -> Principal:
    """Find the principal for the agent of that name or id; without a name, for the tenant's first agent."""
    capsule = await capsule_of(caller, agent_name)
    return principal_of(caller, capsule.id)


def caller_of(request: HttpRequest) -> Caller:
    """Return the caller that `bearer` has authenticated."""
    return cast("Caller", request.auth)  # type: ignore[attr-defined]
