"""A database that is busy or locked: a clear refusal, nothing half-written, and recovery."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import httpx
import pytest
import pytest_asyncio
from asgiref.sync import sync_to_async
from django.db import connections
from tests.agent.stage import Person, Stage, opened
from tests.events.test_writer import held

from soma.agent.access.auth import issue_token
from soma.agent.asgi import Handler
from soma.agent.llm.scripted import Response, says
from soma.agent.models import Membership, Turn
from soma.agent.settings import Settings
from soma.agent.storage.leases import Leases
from soma.events import database
from soma.events.chain import verify
from soma.events.errors import WriterBusy
from soma.events.writer import WAITING, Writer

pytestmark = pytest.mark.asyncio(loop_scope="module")

LEASE_SECONDS = 0.6  # how long a turn stands still that its database has failed


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(folder) -> AsyncIterator[Stage]:
    async with opened(Settings(data_dir=folder, lease_seconds=LEASE_SECONDS)) as stage:
        yield stage


@asynccontextmanager
async def rest_client(person: Person) -> AsyncIterator[httpx.AsyncClient]:
    """Open a REST client of that person."""
    membership = await Membership.objects.aget(user_id=person.caller.user_id)
    token = (await sync_to_async(issue_token)(membership, "test")).text
    transport = httpx.ASGITransport(Handler())  # type: ignore[arg-type]
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://soma/api/v2", headers=headers) as http:
        yield http


@contextlib.contextmanager
def full_queue(writer: Writer) -> Iterator[None]:
    gate = held(writer)
    with contextlib.suppress(WriterBusy):
        for _ in range(WAITING + 1):
            writer.submit(lambda _: None)
    try:
        yield
    finally:
        gate.set()


async def wait_until_drained(writer: Writer) -> None:
    """Wait until the writer's queue is empty, with room for all that a turn writes."""
    async with asyncio.timeout(20):
        while True:
            try:
                return await writer.write(lambda _: None)
            except WriterBusy:
                await asyncio.sleep(0.01)


@pytest.fixture
def impatient(monkeypatch, server) -> Iterator[None]:
    """Nobody waits long for a lock."""
    if server:
        with server.waiting_for_locks(at_most="100ms"):
            yield
        return
    monkeypatch.setattr(database, "BUSY_TIMEOUT_SECONDS", 0.1)
    monkeypatch.setitem(connections.settings["default"]["OPTIONS"], "timeout", 0.1)
    yield


@asynccontextmanager
async def locked(person: Person) -> AsyncIterator[None]:
    """Another process holds the lock of the agent's database."""
    database = person.agent.writer.database
    if database.dialect == "sqlite":
        await person.agent.writer.write(lambda tx: tx.query("PRAGMA busy_timeout = 100"))
    other = database.connect()
    other.execute("BEGIN IMMEDIATE" if database.dialect == "sqlite" else "BEGIN")
    if database.dialect == "postgresql":
        other.execute("LOCK TABLE events, agent_turn, agent_conversation IN SHARE ROW EXCLUSIVE MODE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


async def turns(person: Person) -> list[str]:
    return [turn.state async for turn in Turn.objects.filter(conversation_id=person.conversation_id)]


async def messages(http: httpx.AsyncClient, person: Person, content: str = "hello") -> httpx.Response:
    return await http.post(f"/chat/conversations/{person.conversation_id}/messages", json={"content": content})


async def test_too_many_waiting_writes_are_a_429_that_says_when_to_come_back(ann):
    ann.hears(says("hello", confidence=1.0))
    async with rest_client(ann) as http:
        with full_queue(ann.agent.writer):
            refused = await messages(http, ann)
        assert (refused.status_code, refused.json()["code"], refused.headers["Retry-After"]) == (429, "busy", "1")
        assert await turns(ann) == []
        await wait_until_drained(ann.agent.writer)
        assert (await messages(http, ann)).json()["content"] == "hello"


async def test_a_locked_database_is_a_503_at_every_door_that_writes(ann, impatient):
    ann.hears(says("hello", confidence=1.0))
    async with rest_client(ann) as http:
        async with locked(ann):
            for refused in (await messages(http, ann), await http.post("/chat/conversations", json={})):
                assert (refused.status_code, refused.json()["code"]) == (503, "storage_unavailable")
            assert (await http.get("/chat/conversations")).status_code == 200
        assert await turns(ann) == []
        assert (await messages(http, ann)).json()["content"] == "hello"
        assert (await http.post("/chat/conversations", json={})).status_code == 201


async def test_a_turn_whose_database_fails_tells_who_waits_and_goes_on_when_it_is_back(ann, impatient):
    gate = asyncio.Event()
    ann.hears(Response(chunks=("hello",), gates={1: gate}, confidence=1.0), says("hello again", confidence=1.0))
    async with rest_client(ann) as http:
        waiting = asyncio.create_task(messages(http, ann))
        while not await turns(ann):  # noqa: ASYNC110 - the turn begins by itself
            await asyncio.sleep(0.01)
        await ann.frames(until="chat.delta")
        async with locked(ann):
            gate.set()
            refused = await waiting
            assert (refused.status_code, refused.json()["code"]) == (503, "storage_unavailable")
            assert await turns(ann) == ["running"]
        [turn_id] = [turn.id async for turn in Turn.objects.filter(conversation_id=ann.conversation_id)]
        record = await ann.end_of(turn_id)
    assert record.complete is not None
    assert record.complete.content == "hello again"
    assert ann.kinds(turn_id).count("turn_complete") == 1
    assert verify(ann.events(turn_id)).seq == len(ann.events(turn_id))


async def test_a_cancel_that_cannot_be_written_is_refused_and_not_lost_in_silence(ann, impatient):
    gate = asyncio.Event()
    ann.hears(Response(chunks=("hello",), gates={1: gate}), says("hello again", confidence=1.0))
    turn_id = await ann.sends("hello")
    await ann.frames(until="chat.delta")
    async with rest_client(ann) as http:
        async with locked(ann):
            refused = await http.post(f"/chat/turns/{turn_id}/cancel")
            assert (refused.status_code, refused.json()["code"]) == (503, "storage_unavailable")
        assert (await http.post(f"/chat/turns/{turn_id}/cancel")).json()["exit_reason"] == "cancelled"
    assert ann.kinds(turn_id).count("turn_complete") == 1


async def test_a_turn_that_another_worker_has_taken_over_is_left_to_it(ann):
    gate = asyncio.Event()
    ann.hears(Response(chunks=("mine",), gates={0: gate}), says("taken back", confidence=1.0))
    turn_id = await ann.sends("whose?")
    await ann.frames(until="chat.bundle_built")
    other = Leases(ann.agent.writer, worker="other", seconds=0.1)
    assert [lease.turn_id for lease in await other.take_over(running=(), is_alone=True)] == [turn_id]
    gate.set()
    record = await ann.end_of(turn_id)  # the other dies, its lease runs out, and the turn comes back
    assert record.complete is not None
    assert record.complete.content == "taken back"
    assert ann.kinds(turn_id).count("model_responded") == 1


async def test_a_turn_keeps_its_lease_however_long_it_takes(ann):
    gate = asyncio.Event()
    model = ann.hears(Response(chunks=("slow",), gates={0: gate}, confidence=1.0))
    turn_id = await ann.sends("take your time")
    await asyncio.sleep(3 * LEASE_SECONDS)
    gate.set()
    record = await ann.end_of(turn_id)
    assert record.complete is not None
    assert record.complete.content == "slow"
    assert len(model.requests) == 1
