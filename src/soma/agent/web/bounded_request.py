"""An HTTP request as Django sees it: its body is bounded, and it ends when the server stops."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]

DISCONNECT = {"type": "http.disconnect"}
EVENT_STREAM = b"text/event-stream"
LAST_SECONDS = 1.0  # that an answer under way has when the server stops; a stream without end has none


class BoundedRequest:
    """One request: `receive` and `send` stand between the server and Django, the properties say how both ended."""

    def __init__(self, receive: Receive, send: Send, *, largest: int, stopping: asyncio.Event) -> None:
        self._receive = receive
        self._send = send
        self._largest = largest
        self._stopping = stopping
        self._size = 0
        self._body_is_read = False
        self._is_endless = False
        self.is_started = False
        self.is_complete = False

    @property
    def is_too_large(self) -> bool:
        return self._size > self._largest

    async def receive(self) -> Any:
        if self._body_is_read:
            return await self._wait_for_end()
        message = await self._receive()
        self._size += len(message.get("body", b""))
        self._body_is_read = not message.get("more_body")
        return DISCONNECT if self.is_too_large else message

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.is_started = True
            self._is_endless = any(EVENT_STREAM in value for _, value in message["headers"])
        elif not message.get("more_body"):
            self.is_complete = True
        await self._send(message)

    async def _wait_for_end(self) -> Any:
        """Wait until the client has left, or has to because the server stops."""
        leaving = asyncio.ensure_future(self._receive())
        stopping = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait({leaving, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not leaving.done() and not self._is_endless:
                await asyncio.wait({leaving}, timeout=LAST_SECONDS)
            return leaving.result() if leaving.done() else DISCONNECT
        finally:
            leaving.cancel()
            stopping.cancel()
