"""Who is who: the caller, the tenant's members and their tokens; tenants, for the operator."""

from typing import Any

from asgiref.sync import sync_to_async
from django.http import HttpRequest
from django.utils import timezone
from ninja import Router, Status
from pydantic import Field

from soma.agent.accounts import add_member, add_tenant
from soma.agent.api.body import Body
from soma.agent.api.caller import who
from soma.agent.auth import issue_token
from soma.agent.errors import Forbidden, NotFound
from soma.agent.models import Membership, Role, Token

router = Router()

NAME = r"^[a-z0-9][a-z0-9_-]{0,62}$"


class NewMember(Body):
    username: str = Field(pattern=NAME)
    role: Role = Field(Role.MEMBER, strict=False)  # comes as its name


class NewTenant(Body):
    id: str = Field(pattern=NAME)
    name: str = Field("", max_length=200)
    owner: str = Field(pattern=NAME)


class NewToken(Body):
    name: str = Field(min_length=1, max_length=100)


@router.get("/me")
async def me(request: HttpRequest) -> dict[str, Any]:
    caller = who(request)
    return {"tenant_id": caller.tenant_id, "user_id": caller.user_id, "username": caller.username, "role": caller.role}


@router.get("/members")
async def members(request: HttpRequest) -> dict[str, Any]:
    rows = Membership.objects.filter(tenant_id=who(request).tenant_id).select_related("user")
    views = [
        {"user_id": row.user_id, "username": row.user.name, "role": row.role}
        async for row in rows.order_by("user__username")
    ]
    return {"members": views}


@router.post("/members", response={201: dict[str, Any]})
async def invite(request: HttpRequest, payload: NewMember) -> Status[dict[str, Any]]:
    """A new user of the caller's tenant; the answer holds the token, once."""
    caller = who(request)
    caller.require(Role.OWNER)
    token = await sync_to_async(add_member)(caller.tenant_id, username=payload.username, role=payload.role)
    return Status(201, {"username": payload.username, "role": payload.role, "token": token})


@router.post("/tenants", response={201: dict[str, Any]})
async def create_tenant(request: HttpRequest, payload: NewTenant) -> Status[dict[str, Any]]:
    """A new tenant with its owner; for the operator of this server only."""
    if not who(request).is_operator:
        raise Forbidden("only the operator of this server makes tenants", code="operator_required")
    token = await sync_to_async(add_tenant)(payload.id, name=payload.name or payload.id, owner=payload.owner)
    return Status(201, {"id": payload.id, "owner": payload.owner, "token": token})


@router.get("/tokens")
async def tokens(request: HttpRequest) -> dict[str, Any]:
    caller = who(request)
    rows = Token.objects.filter(
        membership__tenant_id=caller.tenant_id, membership__user_id=caller.user_id, revoked_at=None
    ).order_by("created_at")
    views = [{"id": row.id, "name": row.name, "created_at": row.created_at.isoformat()} async for row in rows]
    return {"tokens": views}


@router.post("/tokens", response={201: dict[str, Any]})
async def create_token(request: HttpRequest, payload: NewToken) -> Status[dict[str, Any]]:
    caller = who(request)
    membership = await Membership.objects.aget(tenant_id=caller.tenant_id, user_id=caller.user_id)
    return Status(201, {"name": payload.name, "token": await sync_to_async(issue_token)(membership, payload.name)})


@router.delete("/tokens/{token_id}", response={204: None})
async def revoke(request: HttpRequest, token_id: str) -> Status[None]:
    caller = who(request)
    revoked = await Token.objects.filter(
        id=token_id, membership__tenant_id=caller.tenant_id, membership__user_id=caller.user_id, revoked_at=None
    ).aupdate(revoked_at=timezone.now())
    if not revoked:
        raise NotFound(f"you have no token {token_id!r}", code="unknown_token", field="token_id")
    return Status(204, None)
