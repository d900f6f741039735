"""Bounds on connections: how many, how long a request may take to arrive, how much is drained of one refused.

uvicorn alone keeps a connection for ever that sends nothing, half a request, or a body that was refused already.
"""

import asyncio
import resource
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar
from uuid import uuid4

import msgspec
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

LARGEST_HEAD = 65_536  # bytes of request line and headers
DRAINED = 4_000_000  # bytes of a refused body: a client that is cut off while it sends may miss the answer
DRAIN_SECONDS = 5.0
WRITE_SECONDS = 60.0  # that a client may leave an answer unread
FRAMING = 1_000_000  # bytes that frame the chunks of a body, beside eight for each byte in them
SPARE_FILES = 200  # databases, models and what else a process opens beside its connections


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionLimits:
    """The limits that an operator may set; the constants above are the rest."""

    connections: int
    head_seconds: float
    body_seconds: float


class BoundedConnection(HttpToolsProtocol):
    """One connection. Whatever waits for the client has one timer: a head, a body, or the rest of a refused body."""

    limits: ClassVar[ConnectionLimits]

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._timer: asyncio.TimerHandle | None = None
        self._waits_for: Callable[[], None] | None = None
        self._stall: asyncio.TimerHandle | None = None
        self._is_in_head = self._is_in_body = self._is_socket = False
        self._head = self._body = self._framed = self._drained = 0
        if len(self.connections) > self.limits.connections:
            self._refuse(503, "too_many_connections", "the server has too many connections; try again soon")
        else:
            self._wait(self.limits.head_seconds, self._head_is_late)

    def connection_lost(self, exc: Exception | None) -> None:
        self._wait(0, None)
        self._cancel_stall()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._is_in_body:
            self._framed += len(data)
        else:
            self._head += len(data)
        super().data_received(data)
        if self.transport.is_closing() or self.parser is None or self._is_socket:
            return
        if self._is_in_head and self._head > LARGEST_HEAD:
            self._refuse(
                431, "head_too_large", f"request line and headers must be at most {LARGEST_HEAD:,} bytes together"
            )
        elif self._framed - 9 * self._body > FRAMING or self._drained > DRAINED:
            self.transport.close()
        else:
            self._wait_for_client()

    def handle_websocket_upgrade(self) -> None:
        """Leave the connection to the socket's own protocol, which has a heartbeat."""
        self._is_socket = True
        self._wait(0, None)
        super().handle_websocket_upgrade()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._is_in_head = True

    def on_headers_complete(self) -> None:
        self._is_in_head, self._is_in_body = False, True
        self._head = self._body = self._framed = self._drained = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._body += len(body)
        if self.cycle.response_complete:
            self._drained += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._is_in_body = False
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._is_in_body and not self.transport.is_closing():
            self._wait_for_client()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stall = self.loop.call_later(WRITE_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._cancel_stall()

    def send_400_response(self, msg: str) -> None:
        self._refuse(400, "invalid_request", f"not a valid HTTP request: {msg}")

    def _wait_for_client(self) -> None:
        """Set the clock for what the client owes now, unless it runs already."""
        is_answered = self.cycle is None or self.cycle.response_complete
        if self._is_in_body:
            seconds, late = (DRAIN_SECONDS, self.transport.close) if is_answered else (
                self.limits.body_seconds, self._body_is_late)  # fmt: skip
        elif self._is_in_head or is_answered:
            seconds, late = self.limits.head_seconds, self._head_is_late
        else:
            seconds, late = 0, None
        if late != self._waits_for:
            self._wait(seconds, late)

    def _wait(self, seconds: float, late: Callable[[], None] | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._waits_for = late
        self._timer = None if late is None else self.loop.call_later(seconds, late)

    def _head_is_late(self) -> None:
        is_answering = self.cycle is not None and not self.cycle.response_complete
        if is_answering:  # the head is of a request behind the one that is being answered
            self._wait(self.limits.head_seconds, self._head_is_late)
        elif self._is_in_head:
            self._refuse_late("request line and headers", self.limits.head_seconds)
        else:
            self.transport.close()

    def _body_is_late(self) -> None:
        if self.cycle.response_started:
            self.transport.close()
        else:
            self._refuse_late("the body", self.limits.body_seconds)

    def _refuse_late(self, what: str, seconds: float) -> None:
        self._refuse(408, "request_timeout", f"{what} did not arrive within {seconds:g} s")

    def _refuse(self, status: int, code: str, message: str) -> None:
        """Answer without the application, in the one error shape of every endpoint, and close."""
        content = msgspec.json.encode({"code": code, "message": message, "request_id": str(uuid4())})
        self._wait(0, None)
        if self.cycle is not None and self.cycle.response_started and not self.cycle.response_complete:
            self.transport.close()  # an answer that is under way is broken off, not mixed with another
            return
        head = f"content-type: application/json\r\ncontent-length: {len(content)}\r\nconnection: close\r\n\r\n"
        self.transport.write(STATUS_LINE[status] + head.encode() + content)
        self.transport.close()

    def _cancel_stall(self) -> None:
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None


def make_protocol(limits: ConnectionLimits) -> type[BoundedConnection]:
    """Return the protocol class of a server, as uvicorn takes it."""
    return type("BoundedConnection", (BoundedConnection,), {"limits": limits})


def allow_files(connections: int) -> None:
    """Raise this process's own limit of open files to what so many connections need, as far as the system lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + SPARE_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
