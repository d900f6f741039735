"""Authentication: a bearer token, stored only as its digest, names user, tenant and role. Nothing else does."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from soma.agent.errors import Forbidden, Unauthorized
from soma.agent.models import Membership, Role, Token
from soma.agent.settings import settings

SCHEME = "bearer"  # in any case: RFC 7235, 2.1
TENANT_NAMES = ("tenant", "tenant_id")
TENANT_HEADER = "X-Soma-Tenant"  # in which a service names a tenant to the brain; a user has one tenant only
POWER = {Role.VIEWER: 0, Role.MEMBER: 1, Role.OWNER: 2}
HINT = "send `Authorization: Bearer <token>`; the first local run leaves one in the data folder"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The verified user of a request."""

    tenant_id: str
    user_id: str
    username: str
    role: Role
    is_operator: bool
    token_id: str = ""

    @property
    def is_owner(self) -> bool:
        return self.role == Role.OWNER

    def require(self, *roles: Role) -> None:
        if self.role not in roles:
            raise Forbidden(f"this needs the role {' or '.join(roles)}; yours is {self.role}", code="role_required")


async def authenticate(authorization: str | None) -> Caller:
    """Verify an Authorization header and return its caller. Raises Unauthorized."""
    scheme, _, given = (authorization or "").partition(" ")
    if scheme.lower() != SCHEME or not given:
        raise Unauthorized(f"no bearer token: {HINT}", code="token_missing")
    token = await live_tokens().filter(digest=digest_of(given.strip())).select_related("membership__user").afirst()
    if token is None:
        raise Unauthorized(f"the token is unknown, expired or revoked: {HINT}", code="token_invalid")
    membership = token.membership
    return Caller(
        tenant_id=membership.tenant_id,
        user_id=membership.user_id,
        username=membership.user.name,
        role=role_of(token),
        is_operator=membership.user.is_superuser,
        token_id=token.id,
    )


def live_tokens() -> QuerySet[Token]:
    """Return the tokens that are valid now."""
    has_time = Q(expires_at=None) | Q(expires_at__gt=timezone.now())
    return Token.objects.filter(has_time, revoked_at=None, membership__user__is_active=True)


def role_of(token: Token) -> Role:
    """Return the role of a token: its member's, or the lesser one that it was made with."""
    own = Role(token.membership.role)
    return own if token.role is None else min(own, Role(token.role), key=POWER.__getitem__)


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedToken:
    """A new token; its text is not stored."""

    text: str
    row: Token


def issue_token(membership: Membership, name: str, *, days: int | None = None, role: Role | None = None) -> IssuedToken:
    """Make a token of `membership` that ends after `days` (0: never; None: as the settings say)."""
    lifetime = settings().token_days if days is None else days
    text = f"soma_{secrets.token_urlsafe(32)}"
    row = Token.objects.create(
        membership=membership,
        name=name,
        digest=digest_of(text),
        role=role,
        expires_at=timezone.now() + timedelta(days=lifetime) if lifetime else None,
    )
    return IssuedToken(text=text, row=row)


def digest_of(token: str) -> str:
    return sha256(token.encode()).hexdigest()


def refuse_foreign_tenant(body: Mapping[str, Any], caller: Caller) -> None:
    """Raise Forbidden where a body, query or header names another tenant than the token's."""
    for name in (*TENANT_NAMES, TENANT_HEADER):
        if body.get(name) not in (None, caller.tenant_id):
            raise Forbidden(
                "the token belongs to another tenant than the request names", code="tenant_mismatch", field=name
            )
