"""Turns that an older version, or a bad disk, left unreadable: start succeeds, they are set aside, nobody waits."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from asgiref.sync import sync_to_async
from tests.agent.stage import Person, Stage, call, opened
from tests.agent.storage.test_faults import rest_client

from soma.agent.asgi import readiness, turns_aside
from soma.agent.llm.scripted import Response, calls, says
from soma.agent.models import Conversation, Turn
from soma.agent.settings import Settings

pytestmark = pytest.mark.asyncio(loop_scope="module")

Damage = Callable[[dict[str, Any]], Any]


def with_name_5(payload: dict[str, Any]) -> None:
    payload["tool_calls"][0]["name"] = 5


DAMAGE: dict[str, tuple[str, Damage]] = {
    "finish reason 1": ("model_responded", lambda payload: payload.update(finish_reason=1)),
    "name 5": ("model_responded", with_name_5),
    "no content": ("turn_started", lambda payload: payload.pop("content")),
    "arguments a list": ("tool_requested", lambda payload: payload.update(arguments=[])),
    "another call": ("tool_decided", lambda payload: payload.update(call_id="never")),
    "another iteration": ("iteration_completed", lambda payload: payload.update(iteration_number=10**40)),
    "no iteration": ("model_responded", lambda payload: payload.update(iteration_number=-1)),
    "no verdict": ("tool_decided", lambda payload: payload.update(allow=None)),
    "not JSON": ("bundle_built", lambda _: "{"),
    "a list": ("bundle_built", lambda _: "[]"),
}


@dataclass
class Left:
    """A turn that was damaged after its process had ended."""

    person: Person
    turn_id: str


async def leaves(stage: Stage, *, complete: bool) -> Left:
    """A turn that has used a tool; whole, or in the middle of its answer."""
    person = await stage.newcomer()
    gates = {} if complete else {1: asyncio.Event()}
    answer = Response(chunks=("noted", " so far"), gates=gates, confidence=1.0)
    person.hears(calls(call("rest", text="a while")), answer)
    turn_id = await person.sends("my heron is called Quill")
    if complete:
        await person.end_of(turn_id)
    else:
        await person.frames(until="chat.delta")
    return Left(person, turn_id)


def damage(person: Person, turn_id: str, kind: str, how: Damage) -> Any:
    [event, *_] = [event for event in person.events(turn_id) if event.event_type == f"chat.{kind}"]
    payload = json.loads(event.payload or "null")
    stored = how(payload)
    text = stored if isinstance(stored, str) and stored in {"{", "[]"} else json.dumps(payload)
    return person.agent.writer.write(
        lambda tx: tx.execute("UPDATE events SET payload = ? WHERE position = ?", [text, event.position])
    )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def left() -> dict[tuple[str, bool], Left]:
    return {}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(folder, left) -> AsyncIterator[Stage]:
    """An agent that has just started on a folder with turns that cannot be read, whole and interrupted ones."""
    async with opened(Settings(data_dir=folder)) as first:
        kinds = [(name, complete) for name in DAMAGE for complete in (True, False)]
        made = await asyncio.gather(*(leaves(first, complete=complete) for _, complete in kinds))
        left.update(dict(zip(kinds, made, strict=True)))
        healthy = await first.newcomer()
        healthy.hears(says("a fine name", confidence=1.0))
        left["healthy", True] = Left(healthy, (await healthy.asks("my goose is called Plume")).turn.id)
        running = [one for (_, complete), one in left.items() if not complete]
        await caught_up(first)  # else the first process would still move the cursor that is set back here
        await first.agent.turns.stop()
        for (name, _), one in left.items():
            if name in DAMAGE:
                await damage(one.person, one.turn_id, *DAMAGE[name])
        await first.agent.writer.write(lambda tx: tx.execute("UPDATE cursors SET position = 0", []))
        assert {(await Turn.objects.aget(id=one.turn_id)).state for one in running} == {"running"}
    async with opened(Settings(data_dir=folder), models=first.models) as stage:
        for one in left.values():
            one.person.stage = stage
        yield stage


async def remembered(person: Person) -> list[str]:
    return sorted(memory.text for memory in (await person.agent.brain.memories(person.principal)).memories)


async def caught_up(stage: Stage) -> None:
    """Everything that has ended is remembered, or was passed over."""
    query = "SELECT (SELECT MAX(position) FROM events WHERE event_type = 'chat.turn_complete') - position FROM cursors"
    async with asyncio.timeout(20):
        while stage.agent.writer.database.query(query)[0][0] > 0:  # noqa: ASYNC110 - the consumer runs by itself
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("name", DAMAGE)
async def test_an_interrupted_turn_that_cannot_be_read_is_ended_as_an_error_and_its_conversation_goes_on(
    stage, left, name
):
    person, turn_id = left[name, False].person, left[name, False].turn_id
    record = await person.end_of(turn_id)
    assert (record.complete.exit_reason, record.complete.error["code"]) == ("error", "unreadable_turn")
    assert (await Turn.objects.aget(id=turn_id)).state == "complete"
    assert [role for role, _ in await person.said()] == ["user", "assistant"]
    person.hears(says("and on", confidence=1.0))
    assert (await person.asks("and then?")).complete.content == "and on"


@pytest.mark.parametrize("name", DAMAGE)
async def test_a_whole_turn_that_cannot_be_read_is_set_aside_and_its_user_goes_on(stage, left, name):
    person = left[name, True].person
    person.hears(says("noted", confidence=1.0))
    await person.asks("my otter is called Reed")
    await caught_up(stage)
    assert "my otter is called Reed" in await remembered(person)


async def test_other_users_are_remembered_beside_turns_that_cannot_be_read(stage, left):
    await caught_up(stage)
    assert "my goose is called Plume" in await remembered(left["healthy", True].person)


async def test_every_turn_that_was_set_aside_is_named_with_the_event_that_cannot_be_read(stage, left):
    await caught_up(stage)
    aside = dict(stage.agent.store.list_aside(limit=100))
    ours = {one.turn_id for one in left.values()}
    assert ours & set(aside) == {one.turn_id for (name, _), one in left.items() if name in DAMAGE}
    assert "(chat.model_responded) cannot be read" in aside[left["finish reason 1", True].turn_id]
    assert (await readiness(stage.agent))[0]
    told = await turns_aside(stage.agent, named=True)
    assert told["set_aside"]
    assert {turn["turn_id"] for turn in told["set_aside"]} <= set(aside)
    assert await turns_aside(stage.agent, named=False) == {"turns_set_aside": len(aside)}


@pytest.mark.parametrize("name", DAMAGE)
@pytest.mark.parametrize("complete", [True, False])
async def test_the_trace_and_the_stream_of_such_a_turn_show_what_can_be_read(stage, left, name, complete):
    one = left[name, complete]
    async with rest_client(one.person) as http:
        trace = await http.get(f"/trace/{one.turn_id}")
        assert trace.status_code == 200
        [told, *_] = trace.json()["unreadable"]
        assert f"(chat.{DAMAGE[name][0]}) cannot be read" in told
        assert trace.json()["exit_reason"] is not None
    assert [frame["type"] for frame in await one.person.frames()][-1] == "chat.turn_complete"


async def test_a_turn_of_a_deleted_conversation_is_settled(stage, left):
    one = left["name 5", True]
    await caught_up(stage)
    async with rest_client(one.person) as http:
        assert (await http.delete(f"/chat/conversations/{one.person.conversation_id}")).is_success
    assert one.turn_id not in dict(stage.agent.store.list_aside(limit=100))
    await sync_to_async(Conversation.objects.filter(id=one.person.conversation_id).update)(deleted_at=None)
