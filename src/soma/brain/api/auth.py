"""Authentication: a service that holds the shared token names the tenant, user and agent it speaks for.

A signed token that carries its own tenant (JWT) is a second way in, to be added beside `ServiceToken`.
"""

import hmac
from collections.abc import Mapping
from functools import lru_cache
from typing import Protocol
from urllib.parse import unquote

from soma.brain.errors import BrainRefused
from soma.brain.types import ROLES, Principal

LONGEST_ID = 200
HEADERS = {"tenant_id": "X-Soma-Tenant", "user_id": "X-Soma-User", "agent_id": "X-Soma-Agent"}
ROLE_HEADER = "X-Soma-Role"  # of the user in the tenant


class Authenticator(Protocol):
    def principal(self, headers: Mapping[str, str]) -> Principal:
        """Return the caller. `headers` are by lower-case name. Raises BrainRefused where they prove nobody."""
        ...

    def admit(self, headers: Mapping[str, str]) -> None:
        """Check the token alone, for what concerns no tenant."""
        ...


class ServiceToken:
    def __init__(self, token: str) -> None:
        self._expected = token.encode()

    def principal(self, headers: Mapping[str, str]) -> Principal:
        self.admit(headers)
        said = ((field, header, headers.get(header.lower(), "")) for field, header in HEADERS.items())
        return Principal(**{field: _read_id(given, header) for field, header, given in said}, role=_role(headers))

    def admit(self, headers: Mapping[str, str]) -> None:
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not given:
            raise BrainRefused("unauthorized", "a bearer token is required", "Authorization", 401)
        if not hmac.compare_digest(given.strip().encode("utf-8", "replace"), self._expected):
            raise BrainRefused("unauthorized", "the bearer token is not this brain's", "Authorization", 401)


@lru_cache(4_096)
def _read_id(given: str, header: str) -> str:
    value = unquote(given)
    if not value or len(value) > LONGEST_ID or not value.isprintable():
        message = f"{header} must have 1 to {LONGEST_ID} printable characters"
        raise BrainRefused("principal_invalid", message, header, 401)
    return value


def _role(headers: Mapping[str, str]) -> str:
    """Role that a caller names; without one, the least that can write."""
    role = headers.get(ROLE_HEADER.lower(), "member")
    if role not in ROLES:
        raise BrainRefused("principal_invalid", f"{ROLE_HEADER} must be one of {', '.join(ROLES)}", ROLE_HEADER, 401)
    return role
