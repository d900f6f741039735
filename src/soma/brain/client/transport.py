"""Calling the brain: one client, two transports (the app in this process, or a URL).

Calls that commit are shielded from their caller's cancellation, and each call runs in an empty contextvars Context, so
that nothing of the caller's (Django's connections, a trace) leaks into the brain when both share a process.
"""

import asyncio
import contextvars
from collections.abc import Coroutine, Mapping
from ssl import PROTOCOL_TLS_CLIENT, SSLContext
from typing import Any, Self, TypeVar
from urllib.parse import quote

import httpx
import msgspec

from soma.brain.errors import BrainRefused, BrainUnavailable
from soma.brain.types import Principal
from soma.brain.wire.requests import RequestBody
from soma.events.errors import WriteFailed
from soma.memory.errors import EmbedderUnavailable
from soma.process.reasons import reason_of

T = TypeVar("T")

TIMEOUT_SECONDS = 10.0
CONNECTIONS = 100


class Calls:
    """Connection to the brain. Each call raises BrainUnavailable or BrainRefused, and nothing else."""

    def __init__(self, http: httpx.AsyncClient, *, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self._http = http
        self._timeout_seconds = timeout_seconds
        self._running: set[asyncio.Task[Any]] = set()

    @classmethod
    def in_process(cls, app: Any, *, service_token: str, timeout_seconds: float = TIMEOUT_SECONDS) -> Self:
        """Call an ASGI app of this process, whose lifespan its composition root runs."""
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        # Nothing is connected to, so no certificates are read: that took a third of a brain's start, measured.
        http = httpx.AsyncClient(
            transport=transport,
            base_url="http://brain",
            headers=_bearer(service_token),
            verify=SSLContext(PROTOCOL_TLS_CLIENT),
        )
        return cls(http, timeout_seconds=timeout_seconds)

    @classmethod
    def at(cls, url: str, *, service_token: str, timeout_seconds: float = TIMEOUT_SECONDS) -> Self:
        """Call a brain of its own over HTTP."""
        http = httpx.AsyncClient(
            base_url=url,
            headers=_bearer(service_token),
            limits=httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS),
            timeout=None,  # noqa: S113 - one clock for both transports: asyncio.timeout below
        )
        return cls(http, timeout_seconds=timeout_seconds)

    async def aclose(self) -> None:
        """Let the commits under way end, then close the connections."""
        if self._running:
            await asyncio.wait(self._running)
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def ready(self) -> dict[str, Any]:
        """Return what the brain says of itself and its dependencies. Raises BrainUnavailable where it is not ready."""
        response = await self._run(self._send("GET", "/readyz", {}))
        return _decode(response, dict[str, Any])

    # One way to each kind of call

    async def _commit(
        self,
        principal: Principal,
        path: str,
        body: Mapping[str, Any],
        answer: type[T],
        *,
        timeout_seconds: float | None = None,
    ) -> T:
        """Make a call that changes something: it goes on when its caller is cancelled."""
        content = msgspec.json.encode(body)
        task = self._start(
            self._send("POST", path, _identity_headers(principal), timeout_seconds=timeout_seconds, content=content)
        )
        return _decode(await asyncio.shield(task), answer)

    async def _post(self, principal: Principal, path: str, body: Mapping[str, Any], answer: type[T]) -> T:
        sending = self._send("POST", path, _identity_headers(principal), content=msgspec.json.encode(body))
        return _decode(await self._run(sending), answer)

    async def _read(self, principal: Principal, path: str, parameters: Mapping[str, Any], answer: type[T]) -> T:
        sending = self._send("GET", path, _identity_headers(principal), params=drop_none(**parameters))
        return _decode(await self._run(sending), answer)

    async def _run(self, sending: Coroutine[Any, Any, httpx.Response]) -> httpx.Response:
        return await self._start(sending)

    def _start(self, sending: Coroutine[Any, Any, httpx.Response]) -> asyncio.Task[httpx.Response]:
        task = asyncio.get_running_loop().create_task(sending, context=contextvars.Context())
        self._running.add(task)
        task.add_done_callback(self._forget_task)
        return task

    def _forget_task(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # looked at here, because the caller of a shielded call may be gone

    async def _send(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        *,
        timeout_seconds: float | None = None,
        **content: Any,
    ) -> httpx.Response:
        seconds = timeout_seconds or self._timeout_seconds
        try:
            async with asyncio.timeout(seconds):
                response = await self._http.request(
                    method, path, headers={"Content-Type": "application/json", **headers}, **content
                )
        except TimeoutError:
            raise BrainUnavailable(f"The brain did not answer within {seconds:g} s.") from None
        except httpx.HTTPError as error:
            raise BrainUnavailable(
                f"The brain cannot be reached: {type(error).__name__} {reason_of(error)}".rstrip()
            ) from error
        if response.is_success:
            return response
        raise _refusal(response)


KEPT_CODES = {
    WriteFailed.code,
    EmbedderUnavailable.code,
}  # of what is behind the brain; all else is the brain being away


class _ErrorBody(msgspec.Struct):
    code: str
    message: str
    field: str | None = None


def _refusal(response: httpx.Response) -> BrainUnavailable | BrainRefused:
    try:
        body = msgspec.json.decode(response.content, type=_ErrorBody)
    except msgspec.DecodeError:
        return BrainUnavailable(f"The brain answered {response.status_code} in a form that is not its own.")
    if response.is_server_error:
        return BrainUnavailable(body.message, code=body.code if body.code in KEPT_CODES else None)
    after = response.headers.get("Retry-After")
    return BrainRefused(
        body.code, body.message, body.field, response.status_code, retry_after=float(after) if after else None
    )


def _decode(response: httpx.Response, answer: type[T]) -> T:
    try:
        return msgspec.json.decode(response.content, type=answer)
    except msgspec.DecodeError as error:
        raise BrainUnavailable(f"The brain's answer cannot be read: {error}") from error


def _bearer(service_token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {service_token}"}


def _identity_headers(principal: Principal) -> dict[str, str]:
    """Headers of the caller, percent-encoded: a header carries ASCII and an id may not."""
    return {
        "X-Soma-Tenant": quote(principal.tenant_id),
        "X-Soma-User": quote(principal.user_id),
        "X-Soma-Agent": quote(principal.agent_id),
        "X-Soma-Role": principal.role,
    }


def drop_none(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def fields_of(request: RequestBody) -> dict[str, Any]:
    """Fields of a request that are set, as its JSON object."""
    return drop_none(**msgspec.structs.asdict(request))
