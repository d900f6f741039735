"""A server on loopback that answers each request with given bytes, in pieces, and closes the connection."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self

PIECE = 700  # bytes


class Loopback:
    """`reply` is what the next requests get: a whole HTTP response."""

    def __init__(self) -> None:
        self.reply = b""
        self.url = ""

    @classmethod
    @asynccontextmanager
    async def opened(cls) -> AsyncIterator[Self]:
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
            for at in range(0, len(self.reply), PIECE):
                writer.write(self.reply[at : at + PIECE])
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
