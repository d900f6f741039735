"""Messages of a conversation: send and wait, send and stream, list, follow."""

import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any, Literal

import msgspec
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from ninja import Router
from pydantic import Field, field_validator

from soma.agent.access.relations import own_conversation
from soma.agent.api.conversations import MessageId, message_page
from soma.agent.api.request.body import AgentBody, Body
from soma.agent.api.request.caller import caller_of
from soma.agent.api.request.paging import LARGEST_POSITION, Limit, Position
from soma.agent.api.send_message import send
from soma.agent.errors import Conflict, Invalid, Unauthorized, error_body
from soma.agent.metrics import request_latency, requests_total
from soma.agent.running import agent
from soma.agent.turn.feed import QUIET, Detail, Frame, SlowReader, limit_detail
from soma.events.errors import LogError
from soma.events.facts.turn import TurnComplete
from soma.events.ids import new_id

router = Router()

EVENT_STREAM = "text/event-stream"
COMMENT = b": still here\n\n"  # keeps a proxy from closing a silent stream


class TextPartBody(Body):
    kind: Literal["text"] = "text"
    text: str


class MessageBody(AgentBody):
    """A message of a person, by REST or socket. An agent that it names must be the conversation's."""

    content: list[TextPartBody] = Field(description="A list of parts; a string is short for one part of text.")
    client_message_id: str | None = None
    on_busy: str = "refuse"

    @field_validator("content", mode="before")
    @classmethod
    def _parts(cls, content: Any) -> Any:
        if not isinstance(content, str | list):
            raise ValueError("must be text or a list of parts")  # noqa: TRY004 - pydantic reports a ValueError
        return [{"text": content}] if isinstance(content, str) else content

    @property
    def text(self) -> str:
        return "\n".join(part.text for part in self.content)


class NewMessage(MessageBody):
    stream: bool = False


@router.post("/{conversation_id}/messages")
async def send_message(request: HttpRequest, conversation_id: str, payload: NewMessage, detail: Detail = "full") -> Any:
    """Answer a message: by SSE where `stream` is true or the client accepts it, else when the turn is complete.

    `detail=light` leaves out the shown memories, weights and neuromodulators.
    """
    began, caller, running = time.perf_counter(), caller_of(request), agent()
    streaming = payload.stream or EVENT_STREAM in request.headers.get("Accept", "")
    turn_id, after = await send(
        running,
        caller,
        conversation_id,
        agent_name=payload.agent,
        content=payload.text,
        client_message_id=payload.client_message_id,
        on_busy=payload.on_busy,
    )
    method = "sse" if streaming else "rest"
    requests_total.labels(method, "ok").inc()
    visit = running.visits.open(caller)
    frames = running.turns.follow(caller.tenant_id, conversation_id, turn_id, after=after, visit=visit)
    if streaming:
        return event_stream(frames, detail)
    async with aclosing(frames):
        [end] = [frame async for frame in frames if frame["type"] == TurnComplete.event_type]
    request_latency.labels(method).observe(time.perf_counter() - began)
    return {"turn_id": turn_id, **_end(limit_detail(end, detail), turn_id)}


def _end(frame: Frame, turn_id: str) -> dict[str, Any]:
    payload: dict[str, Any] | None = frame["payload"]
    if payload is None:
        raise Conflict(f"turn {turn_id} cannot be read from storage; ask again", code="unreadable_turn")
    return payload


@router.get("/{conversation_id}/messages")
async def list_messages(
    request: HttpRequest, conversation_id: str, limit: Limit = 50, before: MessageId = None
) -> dict[str, Any]:
    """List the newest messages, or the newest before one; the next page ends at `previous`."""
    conversation = await own_conversation(caller_of(request), conversation_id)
    return await message_page(conversation, limit=limit, before=before)


@router.get("/{conversation_id}/events")
async def follow_conversation(
    request: HttpRequest, conversation_id: str, after: Position = 0, detail: Detail = "full"
) -> HttpResponseBase:
    """Stream the conversation's events after a position, by SSE and without end: a client resumes by it.

    `detail=light` leaves out the shown memories, weights and neuromodulators; ids, positions and order are the same.
    """
    caller = caller_of(request)
    conversation = await own_conversation(caller, conversation_id)
    last = request.headers.get("Last-Event-ID")
    if last is not None and not (last.isdecimal() and int(last[:20]) <= LARGEST_POSITION):
        raise Invalid("must be a conversation position", field="Last-Event-ID")
    position = after if last is None else int(last)
    await agent().feed.check_position(caller.tenant_id, conversation.id, position)
    visit = agent().visits.open(caller)
    return event_stream(agent().feed.follow(caller.tenant_id, conversation.id, after=position, visit=visit), detail)


def event_stream(frames: AsyncGenerator[Frame], detail: Detail) -> StreamingHttpResponse:
    """Return frames as server-sent events; the id is the conversation position, so a browser resumes by itself."""

    async def lines() -> AsyncIterator[bytes]:
        try:
            async with aclosing(frames):
                async for frame in frames:
                    if frame is QUIET:
                        yield COMMENT
                    else:
                        yield _encode_event(frame["type"], limit_detail(frame, detail), position=frame.get("position"))
        except (SlowReader, LogError, Unauthorized) as lost:
            yield _encode_event("error", error_body(lost.code, str(lost), request_id=new_id()))

    response = StreamingHttpResponse(lines(), content_type=EVENT_STREAM)
    response["Cache-Control"] = "no-store"
    response["X-Accel-Buffering"] = "no"
    return response


def _encode_event(kind: str, data: Any, *, position: int | None = None) -> bytes:
    """Encode one server-sent event."""
    name = "" if position is None else f"id: {position}\n"
    return f"{name}event: {kind}\ndata: {msgspec.json.encode(data).decode()}\n\n".encode()
