"""Tokens: make, list and revoke one's own; an owner lists and revokes those of the whole tenant."""

from typing import Any

from asgiref.sync import sync_to_async
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from ninja import Router, Status
from pydantic import Field, field_validator

from soma.agent.access.accounts import FIRST_RUN, add_token, find_member
from soma.agent.access.auth import POWER, Caller, IssuedToken, live_tokens, role_of
from soma.agent.api.request.body import Body
from soma.agent.api.request.caller import caller_of
from soma.agent.errors import Forbidden, Invalid, NotFound
from soma.agent.models import Membership, Role, Token
from soma.agent.running import agent
from soma.agent.settings import settings

router = Router()

LONGEST_DAYS = 36_500


class NewToken(Body):
    name: str = Field(min_length=1, max_length=100)
    expires_in_days: int | None = Field(None, ge=1, le=LONGEST_DAYS)
    role: Role | None = Field(
        None,
        strict=False,
        description="At most the caller's own role; without it, as much as the caller's token may do.",
    )

    @field_validator("name")
    @classmethod
    def _printable(cls, name: str) -> str:
        if not name.isprintable():
            raise ValueError("must be printable characters only")
        if name == FIRST_RUN:
            raise ValueError("is the name of the token in the data folder: choose another")
        return name


@router.get("/tokens")
async def list_tokens(request: HttpRequest, *, everyone: bool = False, member: str | None = None) -> dict[str, Any]:
    """List the caller's live tokens; an owner may ask for `everyone`'s, or for a `member`'s."""
    caller = caller_of(request)
    rows = live_tokens().filter(membership__tenant_id=caller.tenant_id)
    if everyone or member is not None:
        caller.require(Role.OWNER)
    else:
        rows = rows.filter(membership__user_id=caller.user_id)
    if member is not None:
        rows = rows.filter(membership=await sync_to_async(find_member)(caller.tenant_id, member))
    rows = rows.select_related("membership__user").order_by("created_at")
    return {"tokens": [{**_view(row), "is_current": row.id == caller.token_id} async for row in rows]}


@router.post("/tokens", response={201: dict[str, Any]})
async def create_token(request: HttpRequest, payload: NewToken) -> Status[dict[str, Any]]:
    """Make a further token for the caller; only this answer holds it."""
    caller = caller_of(request)
    member = await Membership.objects.select_related("user").aget(tenant_id=caller.tenant_id, user_id=caller.user_id)
    return Status(201, await make_token(member, payload, role=await _within(caller, payload.role)))


@router.delete("/tokens/{token_id}", response={204: None})
async def revoke_token(request: HttpRequest, token_id: str) -> Status[None]:
    """Revoke a token of the caller, or any of the tenant for an owner, and end the streams and sockets it opened."""
    revoked = (
        await _revocable(caller_of(request)).filter(id=token_id, revoked_at=None).aupdate(revoked_at=timezone.now())
    )
    if not revoked:
        raise NotFound(
            f"no token {token_id!r} that you may revoke; see `soma tokens list`",
            code="unknown_token",
            field="token_id",
        )
    await agent().visits.check()
    return Status(204, None)


async def make_token(member: Membership, asked: NewToken, *, role: Role | None) -> dict[str, Any]:
    """Make a token within the bounds of the settings. Returns the answer that shows it."""
    longest = settings().token_days
    if longest and asked.expires_in_days is not None and asked.expires_in_days > longest:
        raise Invalid(f"must be at most {longest}, as SOMA_TOKEN_DAYS says", field="expires_in_days")
    issued = await sync_to_async(add_token)(member, asked.name, days=asked.expires_in_days, role=role)
    return issued_view(issued)


def issued_view(issued: IssuedToken) -> dict[str, Any]:
    """Return the one answer that shows a new token."""
    ends = issued.row.expires_at
    return {
        "token_id": issued.row.id,
        "name": issued.row.name,
        "token": issued.text,
        "expires_at": ends.isoformat() if ends else None,
    }


async def _within(caller: Caller, asked: Role | None) -> Role | None:
    """Return the role of a new token: never one that may do more than the token it is made with."""
    if asked is not None and POWER[asked] > POWER[caller.role]:
        raise Forbidden(f"must be at most your own role, {caller.role}", code="role_required", field="role")
    bound = (await Token.objects.aget(id=caller.token_id)).role
    return asked or (Role(bound) if bound else None)


def _revocable(caller: Caller) -> QuerySet[Token]:
    rows = Token.objects.filter(membership__tenant_id=caller.tenant_id)
    return rows if caller.is_owner else rows.filter(membership__user_id=caller.user_id)


def _view(row: Token) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "username": row.membership.user.name,
        "role": role_of(row),
        "created_at": row.created_at.isoformat(),
        "expires_at": row.expires_at.isoformat() if row.expires_at else None,
    }
