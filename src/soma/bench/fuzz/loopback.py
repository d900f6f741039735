"""Loopback: a server that answers each request with given bytes, in pieces, and closes the connection."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Self

PIECE = 700  # bytes


class Loopback:
    """A server whose next answers are set by `answer_with`: whole HTTP responses."""

    def __init__(self) -> None:
        self.url = ""
        self._make: Callable[[], bytes] = bytes
        self._made: list[bytes] = []

    def answer_with(self, make: Callable[[], bytes]) -> list[bytes]:
        """Answer the next requests with what `make` returns; the answers are collected in the returned list."""
        self._make, self._made = make, []
        return self._made

    @classmethod
    @asynccontextmanager
    async def open(cls) -> AsyncIterator[Self]:
        loopback = cls()
        server = await asyncio.start_server(loopback._answer, "127.0.0.1", 0)
        loopback.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        async with server:
            yield loopback

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            await reader.readexactly(length)
            reply = self._make()
            self._made.append(reply)
            for at in range(0, len(reply), PIECE):
                writer.write(reply[at : at + PIECE])
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
