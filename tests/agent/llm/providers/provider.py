"""A real HTTP server on loopback that speaks a provider's protocol: scripted bytes, cut where the test says."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from uvicorn.server import ServerState

EVENTS = {"content-type": "text/event-stream"}
JSON = {"content-type": "application/json"}


@dataclass
class Exchange:
    """One answer of the server: `pieces` are sent one by one; then it may `hang` or `cut` the line."""

    pieces: Sequence[bytes]
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: dict(EVENTS))
    hang: bool = False
    cut: bool = False


@dataclass
class Provider:
    """`bodies` and `headers` are the requests it saw, `ports` the clients' ports: equal means one connection."""

    exchanges: list[Exchange]
    url: str = ""
    bodies: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    ports: list[int] = field(default_factory=list)
    left: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, request: Request) -> Response:
        self.bodies.append(json.loads(await request.body()))
        self.headers.append(dict(request.headers))
        assert request.client is not None
        self.ports.append(request.client.port)
        exchange = self.exchanges[len(self.bodies) - 1]
        return StreamingResponse(self._pieces(exchange), status_code=exchange.status, headers=exchange.headers)

    async def _pieces(self, exchange: Exchange) -> AsyncIterator[bytes]:
        try:
            for piece in exchange.pieces:
                yield piece
                await asyncio.sleep(0)
            if exchange.hang:
                await asyncio.sleep(60)
            if exchange.cut:
                raise ConnectionError("the provider goes away")
        except asyncio.CancelledError:
            self.left.set()
            raise


@asynccontextmanager
async def serving(*exchanges: Exchange) -> AsyncIterator[Provider]:
    provider = Provider(list(exchanges))
    app = Starlette(routes=[Route("/v1/chat/completions", provider.answer, methods=["POST"])])
    # uvicorn's protocol without its main loop, whose ticks would cost a fifth of a second a test
    config = uvicorn.Config(app, log_config=None, lifespan="off", ws="none")
    config.load()
    state = ServerState()
    server = await asyncio.get_running_loop().create_server(
        lambda: config.http_protocol_class(config=config, server_state=state, app_state={}),  # type: ignore[call-arg]
        "127.0.0.1",
        0,
    )
    provider.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    try:
        yield provider
    finally:
        server.close()
        for connection in list(state.connections):
            connection.transport.abort()
        for task in list(state.tasks):
            task.cancel()
        await asyncio.gather(*state.tasks, return_exceptions=True)


def chop(text: bytes, seed: int) -> list[bytes]:
    """The bytes cut at random places, inside characters and lines too."""
    chance = random.Random(seed)
    places = sorted(chance.sample(range(1, len(text)), k=min(len(text) - 1, 40))) if len(text) > 1 else []
    return [text[start:end] for start, end in zip([0, *places], [*places, len(text)], strict=True)]


def events(*chunks: Any, done: bool = True) -> bytes:
    texts = [chunk if isinstance(chunk, str) else json.dumps(chunk, ensure_ascii=False) for chunk in chunks]
    lines = [f"data: {text}\n\n" for text in [*texts, *(["[DONE]"] if done else [])]]
    return "".join(lines).encode()


def chunk(delta: dict[str, Any] | None = None, finish_reason: str | None = None, **more: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": delta or {}, "finish_reason": finish_reason, **more}]}
