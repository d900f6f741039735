"""The gate: checks the Host of a request and the token of its sender before anything is read.

Another site can let its own name lead to this machine (DNS rebinding): then the name in Host is not ours.
"""

import hmac
import re
import socket
from collections.abc import Callable, Iterable
from functools import lru_cache
from ipaddress import ip_address
from typing import Any

from django.db import OperationalError

from soma.agent.access.auth import SCHEME, Caller, authenticate
from soma.agent.errors import AgentError, Forbidden, Malformed, Unauthorized
from soma.process.ports import is_loopback

Scope = dict[str, Any]

HOST = re.compile(r"(?P<name>\[[0-9a-f:.]{2,45}\]|[a-z0-9._-]{1,253})(:[0-9]{1,5})?", re.ASCII | re.IGNORECASE)
EVERY_HOST = "*"
FORWARDED = {b"forwarded", b"via", b"x-forwarded-for", b"x-forwarded-host", b"x-real-ip"}  # a proxy's headers
CALLER = "soma.caller"  # where a scope holds the caller that was verified already


class Gate:
    """Checks of requests before they are routed.

    `bound` is the address that the server listens on, `allowed` are further names, comma-separated.
    """

    def __init__(self, *, bound: str, allowed: str, service_token: Callable[[], str]) -> None:
        self._service_token = service_token
        self.is_exposed = not is_loopback(bound)
        names = {"localhost", bound.lower(), *(name.strip().lower() for name in allowed.split(",") if name.strip())}
        self._names = names | {socket.gethostname().lower()} if self.is_exposed else names
        self._refused = lru_cache(1_000)(self._refusal)

    def check_host(self, scope: Scope) -> None:
        """Raise Malformed for a Host that is missing, malformed or not ours."""
        if (refused := self._refused(tuple(headers_of(scope, b"host")))) is not None:
            code, message = refused
            raise Malformed(message, code=code, field="Host")

    async def verify_sender(self, scope: Scope) -> None:
        """Authenticate the sender of a body, and keep the caller for the endpoint. Raises Unauthorized."""
        if _brings_body(scope):
            scope[CALLER] = await authenticate(authorization_of(scope))

    async def check_watcher(self, scope: Scope) -> None:
        """Let this machine, the operator and holders of the service token read metrics.

        Raises Unauthorized or Forbidden.
        """
        if self.is_local(scope) or self._holds_service_token(scope):
            return
        caller = await authenticate(authorization_of(scope))
        if not caller.is_operator:
            raise Forbidden(
                "only the operator of this server, or its service token, may read the metrics", code="operator_required"
            )

    async def check_prober(self, scope: Scope) -> None:
        """Require a token of a request that a proxy passes to this machine, not of a probe. Raises Unauthorized."""
        if not (self.is_exposed or self.is_local(scope) or self._holds_service_token(scope)):
            await authenticate(authorization_of(scope))

    async def is_watched(self, scope: Scope) -> bool:
        """Return whether the sender may see what concerns the whole server; False while the database is away."""
        try:
            await self.check_watcher(scope)
        except (AgentError, OperationalError):
            return False
        return True

    def is_local(self, scope: Scope) -> bool:
        """Return whether the sender is on this machine: it calls by a loopback name, and no proxy stands between."""
        if self.is_exposed or any(name in FORWARDED for name, _ in scope["headers"]):
            return False
        found = HOST.fullmatch("".join(headers_of(scope, b"host")))
        return found is not None and is_loopback(found["name"].strip("[]").rstrip("."))

    def check_service(self, scope: Scope) -> None:
        """Let this machine and holders of the service token use the brain. Raises Unauthorized."""
        if not self.is_local(scope) and not self._holds_service_token(scope):
            raise Unauthorized(
                "the brain takes only the service token of this server (Authorization: Bearer ...)", code="unauthorized"
            )

    def _holds_service_token(self, scope: Scope) -> bool:
        scheme, _, given = (authorization_of(scope) or "").partition(" ")
        return scheme.lower() == SCHEME and hmac.compare_digest(given.strip().encode(), self._service_token().encode())

    def _refusal(self, sent: tuple[str, ...]) -> tuple[str, str] | None:
        """Return code and message where these values of Host are not ours."""
        found = HOST.fullmatch(sent[0]) if len(sent) == 1 else None
        if found is None:
            message = (
                "the request needs a Host header"
                if not sent
                else "the Host header must be one host name, with or without a port"
            )
            return "invalid_host", message
        name = found["name"].lower().strip("[]").rstrip(".")
        if EVERY_HOST in self._names or name in self._names or self._is_own_address(name):
            return None
        message = f"this server does not answer to {name!r}; its operator can add the name to SOMA_ALLOWED_HOSTS"
        return "host_not_allowed", message

    def _is_own_address(self, name: str) -> bool:
        """Return whether the name is an address of ours: unlike a name, an address cannot be made to lead elsewhere."""
        try:
            ip_address(name)
        except ValueError:
            return False
        return self.is_exposed or is_loopback(name)


def authorization_of(scope: Scope) -> str | None:
    """Return the header as Django joins it: two of them are no valid token."""
    return ",".join(headers_of(scope, b"authorization")) or None


def headers_of(scope: Scope, name: bytes) -> Iterable[str]:
    return (value.decode("latin-1") for known, value in scope["headers"] if known == name)


def known_caller(scope: Scope) -> Caller | None:
    """Return the caller that `verify_sender` has found, if it was called."""
    return scope.get(CALLER)


def _brings_body(scope: Scope) -> bool:
    lengths = [length for length in headers_of(scope, b"content-length") if length.strip("0 ")]
    return bool(lengths) or any(headers_of(scope, b"transfer-encoding"))
