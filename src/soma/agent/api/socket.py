"""The WebSocket /ws/v2/chat: messages in, events out. It starts and follows turns, and owns none.

Envelope {type, id, timestamp, payload}. In: chat.message, chat.cancel, chat.resume, chat.feedback, ping.
"""

import asyncio
import logging
from contextlib import aclosing, suppress
from typing import Any
from urllib.parse import urlsplit

import msgspec
from channels.generic.websocket import AsyncWebsocketConsumer
from django.db import OperationalError
from pydantic import Field

from soma.agent.access.auth import TENANT_HEADER, authenticate, refuse_foreign_tenant
from soma.agent.access.relations import own_conversation, own_turn
from soma.agent.api.feedback import NewFeedback, give
from soma.agent.api.messages import MessageBody
from soma.agent.api.request.body import Body
from soma.agent.api.request.json_object import drop_tenant, read_object, validate
from soma.agent.api.request.paging import Position
from soma.agent.api.send_message import send
from soma.agent.errors import AgentError, Forbidden, Invalid, Unauthorized, error_body
from soma.agent.metrics import requests_total
from soma.agent.running import agent
from soma.agent.turn.feed import QUIET, Detail, SlowReader, limit_detail
from soma.brain.errors import BrainError, BrainRefused
from soma.events.errors import LogError, ReadFailed
from soma.events.ids import new_id, now

HEARTBEAT_SECONDS = 30.0
PROTOCOL = "soma.v2"
BEARER_PROTOCOL = "bearer."  # browsers cannot set a header: the token comes as a second subprotocol
CLOSE_UNAUTHORIZED = 4401
CLOSE_FORBIDDEN = 4403
LONGEST_REASON = 123  # bytes, by the protocol
CLOSE_SLOW = 4408
CLOSE_UNAVAILABLE = 4503


logger = logging.getLogger(__name__)


class Envelope(Body):
    type: str
    id: str = Field("", max_length=200)
    timestamp: str | None = None
    payload: dict[str, Any] = Field(default_factory=dict)


class ChatMessage(MessageBody):
    conversation_id: str
    detail: Detail = "full"


class Resume(Body):
    conversation_id: str
    after: Position = 0
    detail: Detail = "full"


class Cancel(Body):
    turn_id: str


class ChatSocket(AsyncWebsocketConsumer):  # type: ignore[misc]
    """One connection; it may follow several conversations."""

    async def connect(self) -> None:
        self.followed: dict[str, asyncio.Task[None]] = {}
        self.heart: asyncio.Task[None] | None = None
        self.guard: asyncio.Task[None] | None = None
        if not _origin_allowed(self.scope):
            await self._reject(CLOSE_FORBIDDEN, "origin not allowed; see SOMA_ALLOWED_ORIGINS")
            return
        self.authorization = _authorization(self.scope)
        try:
            self.caller = await authenticate(self.authorization)
            refuse_foreign_tenant({TENANT_HEADER: _headers(self.scope).get(TENANT_HEADER.lower())}, self.caller)
        except (Unauthorized, Forbidden) as error:
            refused = CLOSE_UNAUTHORIZED if isinstance(error, Unauthorized) else CLOSE_FORBIDDEN
            await self._reject(refused, error.message)
            return
        offered = self.scope.get("subprotocols", [])
        await self.accept(PROTOCOL if PROTOCOL in offered else None)
        self.visit = agent().visits.open(self.caller)
        self.heart = asyncio.create_task(self._beat())
        self.guard = asyncio.create_task(self._watch())

    async def disconnect(self, code: int) -> None:  # noqa: ARG002 - Channels' signature
        for task in (self.heart, self.guard, *self.followed.values()):
            if task is not None:
                task.cancel()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        request_id = new_id()
        try:
            if not await self._is_known():
                return
            envelope = validate(read_object(text_data if text_data is not None else bytes_data or b""), Envelope)
            request_id = envelope.id or request_id
            await self._answer(envelope)
        except AgentError as error:
            await self._refuse(error.code, error.message, error.field, request_id=request_id)
        except (BrainError, LogError) as error:
            field = error.field if isinstance(error, BrainRefused) else None
            await self._refuse(error.code, str(error), field, request_id=request_id)
        except OperationalError:
            logger.exception("the database failed")
            await self._refuse(ReadFailed.code, str(ReadFailed.__doc__), request_id=request_id)
        except Exception:
            logger.exception("message %s of a socket failed", request_id)
            await self._refuse("internal", "The server made a mistake; its log says which.", request_id=request_id)

    async def _is_known(self) -> bool:
        """Authenticate again: a token may be revoked or run out, and a role change, while the socket is open."""
        try:
            self.caller = await authenticate(self.authorization)
        except Unauthorized as error:
            await self._close(CLOSE_UNAUTHORIZED, error.message)
            return False
        return True

    async def _refuse(self, code: str, message: str, field: str | None = None, *, request_id: str) -> None:
        """Send the one error shape; the socket stays open."""
        requests_total.labels("websocket", code).inc()
        await self._say("error", error_body(code, message, request_id=request_id, field=field))

    async def _answer(self, envelope: Envelope) -> None:
        payload = drop_tenant(envelope.payload, self.caller)
        match envelope.type:
            case "ping":
                await self._say("pong", {"id": envelope.id})
            case "chat.message":
                await self._message(validate(payload, ChatMessage), request_id=envelope.id)
            case "chat.resume":
                resume = validate(payload, Resume)
                conversation = await own_conversation(self.caller, resume.conversation_id)
                await agent().feed.check_position(self.caller.tenant_id, conversation.id, resume.after)
                self._follow(conversation.id, after=resume.after, detail=resume.detail)
            case "chat.cancel":
                turn = await own_turn(self.caller, validate(payload, Cancel).turn_id)
                await agent().turns.cancel(turn.id)
            case "chat.feedback":
                await self._say("feedback.answered", await give(self.caller, validate(payload, NewFeedback)))
            case other:
                raise Invalid(f"unknown message type {other!r}", code="unknown_type", field="type")

    async def _message(self, message: ChatMessage, *, request_id: str) -> None:
        turn_id, after = await send(
            agent(),
            self.caller,
            message.conversation_id,
            agent_name=message.agent,
            content=message.text,
            client_message_id=message.client_message_id,
            on_busy=message.on_busy,
        )
        requests_total.labels("websocket", "ok").inc()
        await self._say("chat.accepted", {"turn_id": turn_id, "after": after, "id": request_id})
        if message.conversation_id not in self.followed:
            self._follow(message.conversation_id, after=after, detail=message.detail)

    def _follow(self, conversation_id: str, *, after: int, detail: Detail) -> None:
        if (earlier := self.followed.pop(conversation_id, None)) is not None:
            earlier.cancel()
        self.followed[conversation_id] = asyncio.create_task(self._pass_on(conversation_id, after, detail))

    async def _pass_on(self, conversation_id: str, after: int, detail: Detail) -> None:
        tenant_id = self.caller.tenant_id
        try:
            follow = agent().feed.follow(tenant_id, conversation_id, after=after, visit=self.visit)
            async with aclosing(follow) as frames:
                async for frame in frames:
                    if frame is not QUIET:
                        await self.send(text_data=msgspec.json.encode(limit_detail(frame, detail)).decode())
        except Unauthorized:
            pass  # `_watch` closes the socket
        except (SlowReader, LogError) as lost:
            await self._refuse(lost.code, str(lost), request_id=new_id())
            await self._close(CLOSE_SLOW if isinstance(lost, SlowReader) else CLOSE_UNAVAILABLE, str(lost))

    async def _watch(self) -> None:
        """Close the socket once its caller may no longer be here."""
        ended = asyncio.get_running_loop().create_future()
        with self.visit.call_on_end(ended.set_result):
            refusal = await ended
        await self._close(CLOSE_UNAUTHORIZED, refusal.message)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            with suppress(OperationalError):  # the database is away: the next beat asks again
                if not await self._is_known():  # a client that only listens sends nothing that would be checked
                    return
            await self._say("heartbeat", {})

    async def _say(self, kind: str, payload: Any) -> None:
        frame = {"type": kind, "id": new_id(), "timestamp": now(), "payload": payload}
        with suppress(RuntimeError):  # the client is gone
            await self.send(text_data=msgspec.json.encode(frame).decode())

    async def _reject(self, code: int, reason: str) -> None:
        """Accept only to close with a code of ours: before that a client learns nothing but 403."""
        await self.accept()
        await self._close(code, reason)

    async def _close(self, code: int, reason: str) -> None:
        await self.close(code=code, reason=reason.encode()[:LONGEST_REASON].decode(errors="ignore"))


def _headers(scope: Any) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}


def _authorization(scope: Any) -> str | None:
    if (sent := _headers(scope).get("authorization")) is not None:
        return sent
    offered = (name for name in scope.get("subprotocols", []) if name.startswith(BEARER_PROTOCOL))
    token = next(offered, None)
    return None if token is None else f"Bearer {token.removeprefix(BEARER_PROTOCOL)}"


def _origin_allowed(scope: Any) -> bool:
    """Return whether a socket may come from its origin: none (not a browser), our own host, or one in the settings."""
    headers = _headers(scope)
    origin = headers.get("origin")
    if origin is None:
        return True
    allowed = [entry.strip() for entry in agent().settings.allowed_origins.split(",") if entry.strip()]
    return origin in allowed or _place_of(origin) == headers.get("host")


def _place_of(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc
    except ValueError:  # `http://[`
        return None
