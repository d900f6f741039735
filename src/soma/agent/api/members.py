"""The caller, the tenant's members and, for the operator, tenants."""

from typing import Any

from asgiref.sync import sync_to_async
from django.http import HttpRequest
from ninja import Router, Status
from pydantic import Field

from soma.agent.access.accounts import add_member, add_tenant, change_role, find_member, remove_member
from soma.agent.access.auth import Caller
from soma.agent.api.request.body import Body
from soma.agent.api.request.caller import caller_of
from soma.agent.api.tokens import NewToken, issued_view, make_token
from soma.agent.errors import Forbidden
from soma.agent.models import Membership, Role
from soma.agent.running import agent

router = Router()

NAME = r"^[a-z0-9][a-z0-9_-]{0,62}$"


class NewMember(Body):
    username: str = Field(pattern=NAME)
    role: Role = Field(Role.MEMBER, strict=False)  # comes as its name


class NewRole(Body):
    role: Role = Field(strict=False)


class NewTenant(Body):
    id: str = Field(pattern=NAME)
    name: str = Field("", max_length=200)
    owner: str = Field(pattern=NAME)


@router.get("/me")
async def get_me(request: HttpRequest) -> dict[str, Any]:
    caller = caller_of(request)
    return {"tenant_id": caller.tenant_id, "user_id": caller.user_id, "username": caller.username, "role": caller.role}


@router.get("/members")
async def list_members(request: HttpRequest) -> dict[str, Any]:
    rows = Membership.objects.filter(tenant_id=caller_of(request).tenant_id).select_related("user")
    return {"members": [_view(row) async for row in rows.order_by("user__username")]}


@router.post("/members", response={201: dict[str, Any]})
async def invite_member(request: HttpRequest, payload: NewMember) -> Status[dict[str, Any]]:
    """Add a user to the caller's tenant; only this answer holds the token."""
    caller = caller_of(request)
    caller.require(Role.OWNER)
    issued = await sync_to_async(add_member)(caller.tenant_id, username=payload.username, role=payload.role)
    return Status(201, {"username": payload.username, "role": payload.role, **issued_view(issued)})


@router.patch("/members/{username}")
async def change_member_role(request: HttpRequest, username: str, payload: NewRole) -> dict[str, Any]:
    """Change the role of a member, found by name or user id; it holds at once, also for existing tokens."""
    caller = caller_of(request)
    caller.require(Role.OWNER)
    member = await sync_to_async(change_role)(caller.tenant_id, username, payload.role)
    await agent().visits.check()
    return _view(member)


@router.delete("/members/{username}", response={204: None})
async def expel_member(request: HttpRequest, username: str) -> Status[None]:
    """Remove a member: tokens, streams, sockets and turns under way end now; private data stays without an owner."""
    caller = caller_of(request)
    caller.require(Role.OWNER)
    await sync_to_async(remove_member)(caller.tenant_id, username)
    await agent().visits.check()
    return Status(204, None)


@router.post("/tenants", response={201: dict[str, Any]})
async def create_tenant(request: HttpRequest, payload: NewTenant) -> Status[dict[str, Any]]:
    """Add a tenant with its owner; for the operator of this server only."""
    _require_operator(caller_of(request), "may add tenants")
    issued = await sync_to_async(add_tenant)(payload.id, name=payload.name or payload.id, owner=payload.owner)
    return Status(201, {"id": payload.id, "owner": payload.owner, **issued_view(issued)})


@router.post("/tenants/{tenant_id}/members/{username}/tokens", response={201: dict[str, Any]})
async def readmit_member(
    request: HttpRequest, tenant_id: str, username: str, payload: NewToken
) -> Status[dict[str, Any]]:
    """Make a token for a member whose own are lost or have run out; for the operator of this server only."""
    _require_operator(caller_of(request), "may make tokens for others")
    member = await sync_to_async(find_member)(tenant_id, username)
    return Status(201, await make_token(member, payload, role=payload.role))


def _require_operator(caller: Caller, what: str) -> None:
    if not caller.is_operator:
        raise Forbidden(f"only the operator of this server {what}", code="operator_required")


def _view(member: Membership) -> dict[str, Any]:
    return {"user_id": member.user_id, "username": member.user.name, "role": member.role}
