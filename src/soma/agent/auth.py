"""Who calls: a bearer token, stored only as its digest, names a user, a tenant and a role. Nothing else does."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from django.db.models import Q
from django.utils import timezone

from soma.agent.errors import Forbidden, Unauthorized
from soma.agent.models import Membership, Role, Token

SCHEME = "bearer"  # in any case: RFC 7235, 2.1
NAMES_OF_TENANT = ("tenant", "tenant_id")
TENANT_HEADER = "X-Soma-Tenant"  # with which a service speaks for a tenant to the brain; a user speaks for one only
HINT = "send `Authorization: Bearer <token>`; the first local run leaves one in the data folder"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The verified user of a request."""

    tenant_id: str
    user_id: str
    username: str
    role: Role
    is_operator: bool

    @property
    def is_owner(self) -> bool:
        return self.role == Role.OWNER

    def require(self, *roles: Role) -> None:
        if self.role not in roles:
            raise Forbidden(f"this needs the role {' or '.join(roles)}; yours is {self.role}", code="role_required")


async def caller_of(authorization: str | None) -> Caller:
    """Verify an Authorization header. Raises Unauthorized."""
    scheme, _, given = (authorization or "").partition(" ")
    if scheme.lower() != SCHEME or not given:
        raise Unauthorized(f"no bearer token: {HINT}", code="token_missing")
    digest = digest_of(given.strip())
    alive = Q(revoked_at=None) & (Q(expires_at=None) | Q(expires_at__gt=timezone.now()))
    token = await (
        Token.objects.filter(alive, digest=digest, membership__user__is_active=True)
        .select_related("membership__user")
        .afirst()
    )
    if token is None:
        raise Unauthorized(f"the token is unknown, expired or revoked: {HINT}", code="token_invalid")
    membership = token.membership
    return Caller(
        tenant_id=membership.tenant_id,
        user_id=membership.user_id,
        username=membership.user.name,
        role=Role(membership.role),
        is_operator=membership.user.is_superuser,
    )


def issue_token(membership: Membership, name: str) -> str:
    """A new token of `membership`; only now is it readable."""
    token = f"soma_{secrets.token_urlsafe(32)}"
    Token.objects.create(membership=membership, name=name, digest=digest_of(token))
    return token


def digest_of(token: str) -> str:
    return sha256(token.encode()).hexdigest()


def refuse_foreign_tenant(body: Mapping[str, Any], caller: Caller) -> None:
    """A tenant in a body, query or header must be absent or the token's own."""
    for name in (*NAMES_OF_TENANT, TENANT_HEADER):
        if body.get(name) not in (None, caller.tenant_id):
            raise Forbidden(
                "the token belongs to another tenant than the request names", code="tenant_mismatch", field=name
            )
