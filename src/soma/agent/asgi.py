"""The agent's process as one ASGI app, split by path: the brain, the socket, the process's own pages, and Django."""

import asyncio
import logging
import os
from typing import Any

import django
import msgspec

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "soma.agent.django_settings")
django.setup()

from channels.routing import URLRouter  # noqa: E402 - Django must be set up before its apps are imported
from django.core.handlers.asgi import ASGIHandler  # noqa: E402
from django.db import OperationalError  # noqa: E402
from django.urls import path  # noqa: E402

from soma.agent import metrics  # noqa: E402
from soma.agent.api.socket import CLOSE_FORBIDDEN, LONGEST_REASON, ChatSocket  # noqa: E402
from soma.agent.errors import AgentError, TooLarge, Unavailable  # noqa: E402
from soma.agent.root import open_agent  # noqa: E402
from soma.agent.running import Agent  # noqa: E402
from soma.agent.settings import Settings  # noqa: E402
from soma.agent.turn.runner import Crash  # noqa: E402
from soma.agent.web.bounded_request import BoundedRequest, Receive, Send  # noqa: E402
from soma.agent.web.front_page import front_page, front_page_headers  # noqa: E402
from soma.agent.web.gate import Gate  # noqa: E402
from soma.brain.errors import BrainError  # noqa: E402
from soma.events.errors import LogError, ReadFailed  # noqa: E402
from soma.events.ids import new_id  # noqa: E402
from soma.process.disk_room import check_room  # noqa: E402

Scope = dict[str, Any]

BRAIN = "/brain"
MOST_ASIDE = 20  # turns that the page names

logger = logging.getLogger(__name__)


class Handler(ASGIHandler):
    """Django without a thread of its own for each request.

    Django gives every request a new thread for its synchronous parts, and with it a new database connection: a quarter
    of a turn's time. Here they share one thread and its connection, as they do outside of requests.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.handle(scope, receive, send)


class Application:
    """Opens the agent in its lifespan and routes by path."""

    _running: Agent  # since the lifespan began: a server sends no request before

    def __init__(self, settings: Settings, *, host: str | None = None, crash: Crash | None = None) -> None:
        self._settings = settings
        self._gate = Gate(
            bound=host or settings.host,
            allowed=settings.allowed_hosts,
            service_token=lambda: settings.brain_token,
        )
        self._crash = crash
        self._django = Handler()
        self._sockets = URLRouter([path("ws/v2/chat", ChatSocket.as_asgi())])
        self._stopping = asyncio.Event()

    def stop_streams(self) -> None:
        """End streams, before the server waits for its requests: those without end now, the others soon."""
        self._stopping.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "websocket":
            await self._socket(scope, receive, send)
        else:
            try:
                await self._route(scope, receive, send)
            except AgentError as error:  # of the gate: endpoints answer their own errors
                await _refuse(send, error)
            except OperationalError:
                logger.exception("the database failed")
                await _refuse(send, Unavailable(str(ReadFailed.__doc__), code=ReadFailed.code))

    async def _route(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._gate.check_host(scope)
        if scope["path"].startswith(f"{BRAIN}/") and self._running.brain_app is not None:
            self._gate.check_service(scope)
            inner = {**scope, "root_path": f"{scope.get('root_path', '')}{BRAIN}"}
            await self._running.brain_app(inner, receive, send)
        elif scope["path"] in {"/healthz", "/readyz", "/metrics"}:
            await self._page(scope, send)
        elif scope["path"] == "/" and scope["method"] in {"GET", "HEAD"}:
            await self._front_page(scope, send)
        else:
            await self._gate.verify_sender(scope)
            await self._serve(scope, receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        is_open = False
        try:
            async with open_agent(self._settings, crash=self._crash) as self._running:
                is_open = True
                await send({"type": "lifespan.startup.complete"})
                await receive()
        except Exception as error:
            if not is_open:
                await send({"type": "lifespan.startup.failed", "message": str(error)})
            raise
        await send({"type": "lifespan.shutdown.complete"})

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        refused = None if scope["path"] == "/ws/v2/chat" else (4404, "the socket is at /ws/v2/chat")
        try:
            self._gate.check_host(scope)
        except AgentError as error:
            refused = (CLOSE_FORBIDDEN, error.message)
        if refused is None:
            await self._sockets(scope, receive, send)
            return
        code, reason = refused
        await receive()
        await send({"type": "websocket.accept"})  # before that a client learns nothing but 403
        await send({"type": "websocket.close", "code": code, "reason": reason[:LONGEST_REASON]})

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let Django answer; answer in its place where a body is too large or the server stops."""
        request = BoundedRequest(receive, send, largest=self._settings.max_body_bytes, stopping=self._stopping)
        await self._django(scope, request.receive, request.send)
        if request.is_too_large:
            most = self._settings.max_body_bytes
            await _refuse(send, TooLarge(f"the body must be at most {most:,} bytes", field="body"))
        elif not request.is_started and self._stopping.is_set():
            await _refuse(send, Unavailable("the server is stopping; a turn goes on when it is back", code="stopping"))
        elif request.is_started and not request.is_complete and self._stopping.is_set():
            await send({"type": "http.response.body", "body": b""})

    async def _front_page(self, scope: Scope, send: Send) -> None:
        content = front_page(self._running.selection if self._gate.is_local(scope) else None)
        await send({"type": "http.response.start", "status": 200, "headers": front_page_headers(content)})
        await send({"type": "http.response.body", "body": content})

    async def _page(self, scope: Scope, send: Send) -> None:
        if scope["path"] == "/healthz":
            await _respond(send, 200, {"status": "up"})
        elif scope["path"] == "/metrics":
            await self._gate.check_watcher(scope)
            await _respond(send, 200, metrics.exposition())
        else:
            await self._gate.check_prober(scope)
            ready, dependencies = await readiness(self._running)
            aside = await turns_aside(self._running, named=await self._gate.is_watched(scope))
            await _respond(send, 200 if ready else 503, {"ready": ready, "dependencies": dependencies, **aside})


async def readiness(agent: Agent) -> tuple[bool, dict[str, str]]:
    """Return whether everything that a turn needs is there, and the state of each dependency."""
    states = {"database": await _database(agent), "brain": await _brain(agent)}
    return all(state == "ok" for state in states.values()), states


async def turns_aside(agent: Agent, *, named: bool) -> dict[str, Any]:
    """Count the turns that cannot be read from storage: the server is ready all the same.

    `named`: also list them, of every tenant, with the reasons.
    """
    try:
        count = await asyncio.to_thread(agent.store.count_aside)
        found = await asyncio.to_thread(agent.store.list_aside, limit=MOST_ASIDE) if named else []
    except LogError:
        count, found = 0, []
    which = {"set_aside": [{"turn_id": turn_id, "why": why} for turn_id, why in found]} if named else {}
    return {"turns_set_aside": count, **which}


async def _database(agent: Agent) -> str:
    try:
        await asyncio.to_thread(check_room, agent.settings.data_dir)
    except OSError as error:
        return f"no room to write: {error.strerror}"
    try:
        await asyncio.wait_for(agent.writer.write(lambda transaction: transaction.query("SELECT 1")), timeout=2)
    except Exception as error:  # noqa: BLE001 - whatever it is, the database is away and the page says so
        return f"away: {error}"
    return "ok"


async def _brain(agent: Agent) -> str:
    try:
        answer = await agent.brain.ready()
    except BrainError as error:
        return f"away: {error}"
    return "ok" if answer.get("ready", True) else "not ready"


async def _refuse(send: Send, error: AgentError) -> None:
    metrics.requests_total.labels("rest", error.code).inc()
    await _respond(send, error.status, error.body(new_id()))


async def _respond(send: Send, status: int, body: Any) -> None:
    content = body if isinstance(body, bytes) else msgspec.json.encode(body)
    kind = b"text/plain; version=0.0.4" if isinstance(body, bytes) else b"application/json"
    headers = [(b"content-type", kind), (b"content-length", str(len(content)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})
