"""The reason why a socket was closed is a code and a sentence."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator
from django.utils import timezone
from tests.agent.stage import Person

from soma.agent.access.auth import issue_token
from soma.agent.api import socket as endpoint
from soma.agent.api.socket import ChatSocket
from soma.agent.errors import Unauthorized
from soma.agent.llm.scripted import says
from soma.agent.models import Membership, Token
from soma.agent.turn.feed import SlowReader
from soma.events.errors import ReadFailed

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def opened(ann: Person) -> ApplicationCommunicator:
    membership = await Membership.objects.aget(user_id=ann.caller.user_id)
    token = (await sync_to_async(issue_token)(membership, "test")).text
    scope = {"type": "websocket", "headers": [(b"authorization", f"Bearer {token}".encode())]}
    socket = ApplicationCommunicator(ChatSocket.as_asgi(), scope)
    await socket.send_input({"type": "websocket.connect"})
    assert (await socket.receive_output())["type"] == "websocket.accept"
    return socket


async def left(socket: ApplicationCommunicator) -> None:
    await socket.send_input({"type": "websocket.disconnect", "code": 1000})
    await socket.wait()


@pytest_asyncio.fixture(loop_scope="module")
async def socket(ann: Person) -> AsyncIterator[ApplicationCommunicator]:
    """A socket of ann's that follows her conversation."""
    socket = await opened(ann)
    resume = {"type": "chat.resume", "payload": {"conversation_id": ann.conversation_id}}
    await socket.send_input({"type": "websocket.receive", "text": json.dumps(resume)})
    async with asyncio.timeout(5):
        while (ann.caller.tenant_id, ann.conversation_id) not in ann.agent.feed._followers:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
    yield socket
    await left(socket)


@pytest.mark.parametrize(
    ("error", "code"),
    [(SlowReader(SlowReader.__doc__), 4408), (ReadFailed(ReadFailed.__doc__), 4503)],
    ids=["a slow reader", "a database that is away"],
)
async def test_a_socket_that_cannot_go_on_says_why_and_is_closed(ann, socket, error, code):
    ann.agent.feed.interrupt(ann.caller.tenant_id, ann.conversation_id, error)
    told = json.loads((await socket.receive_output())["text"])
    assert (told["type"], told["payload"]["code"]) == ("error", error.code)
    closed = await socket.receive_output()
    assert (closed["type"], closed["code"], closed["reason"]) == ("websocket.close", code, str(error))
    assert len(closed["reason"].encode()) <= 123


async def revoke(ann: Person) -> None:
    await Token.objects.filter(membership__user_id=ann.caller.user_id).aupdate(revoked_at=timezone.now())


async def test_a_token_that_is_revoked_closes_its_socket_at_the_next_message(ann, socket):
    await revoke(ann)
    message = {"type": "chat.message", "payload": {"conversation_id": ann.conversation_id, "content": "still here?"}}
    await socket.send_input({"type": "websocket.receive", "text": json.dumps(message)})
    closed = await socket.receive_output()
    assert (closed["type"], closed["code"]) == ("websocket.close", 4401)
    assert "revoked" in closed["reason"]
    assert await ann.said() == []


async def test_who_only_listens_with_a_revoked_token_is_closed_at_a_heartbeat(ann, monkeypatch):
    monkeypatch.setattr(endpoint, "HEARTBEAT_SECONDS", 0.01)
    socket = await opened(ann)
    assert json.loads((await socket.receive_output())["text"])["type"] == "heartbeat"
    await revoke(ann)
    async with asyncio.timeout(5):
        while (told := await socket.receive_output())["type"] != "websocket.close":
            pass
    assert told["code"] == 4401
    await left(socket)


async def test_a_socket_is_closed_when_its_token_runs_out(ann, socket):
    await Token.objects.filter(membership__user_id=ann.caller.user_id).aupdate(expires_at=timezone.now())
    await ann.agent.visits.check()
    closed = await socket.receive_output()
    assert (closed["type"], closed["code"]) == ("websocket.close", 4401)


async def test_a_stream_that_is_ended_tells_nothing_of_what_still_waits(ann):
    ann.hears(says("one two three", confidence=1.0))
    visit = ann.agent.visits.open(ann.caller)
    following = ann.agent.feed.follow(ann.caller.tenant_id, ann.conversation_id, after=0, visit=visit)
    joined = asyncio.create_task(anext(following))
    await asyncio.sleep(0)
    await ann.asks("count")
    assert (await joined)["type"] == "chat.turn_started"
    visit.end(Unauthorized("out"))
    with pytest.raises(Unauthorized):
        await anext(following)
