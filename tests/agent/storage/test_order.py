"""Conversations keep their order whatever the clock says, and a turn costs the same however long they are."""

import asyncio
import importlib
import sqlite3
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import pytest_asyncio
from asgiref.sync import sync_to_async
from django.db import connection
from tests.agent.stage import Person, Stage, opened
from tests.agent.storage.test_faults import rest_client

from soma.agent.llm.scripted import Response, says
from soma.agent.models import Conversation, Message, Turn
from soma.agent.settings import Settings
from soma.events import ids

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOURS = 2 * 3_600 * 10**9
SAID = ["one", "two", "three", "four"]


@pytest.fixture(scope="module")
def clock() -> Iterator[Any]:
    """Sets the wall clock back by two hours, as for a process that starts then."""
    patch = pytest.MonkeyPatch()

    def set_back() -> None:
        wall, seconds = time.time_ns, time.time
        patch.setattr(time, "time_ns", lambda: wall() - HOURS)
        patch.setattr(time, "time", lambda: seconds() - HOURS / 1e9)
        patch.setattr(ids, "_last", 0)

    yield set_back
    patch.undo()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(folder, clock) -> AsyncIterator[Stage]:
    """An agent that has started on a clock that was set back, with a person of before."""
    async with opened(Settings(data_dir=folder)) as first:
        ann = await first.newcomer()
        ann.hears(*(says(f"answer {word}", confidence=1.0) for word in SAID))
        for word in SAID[:2]:
            await ann.asks(f"question {word}")
        other = await ann.another_conversation()
        await ann.asks("elsewhere", conversation_id=other)
    clock()
    async with opened(Settings(data_dir=folder), models=first.models) as stage:
        ann.stage = stage
        stage.tools["ann"], stage.tools["other"] = ann, other
        yield stage


@pytest.fixture
def ann(stage: Stage) -> Person:
    person: Person = stage.tools["ann"]
    return person


async def test_a_clock_that_was_set_back_between_two_starts_turns_nothing_round(stage, ann):
    model = ann.hears(*(says(f"answer {word}", confidence=1.0) for word in SAID[2:]))
    turns = [await ann.asks(f"question {word}") for word in SAID[2:]]
    history = [part.text for message in model.requests[1].messages[1:-1] for part in message.parts]
    assert history == [f"{role} {word}" for word in SAID[:3] for role in ("question", "answer")]
    async with rest_client(ann) as http:
        place = f"/chat/conversations/{ann.conversation_id}"
        for path in (place, f"{place}/messages"):
            said = [message["content"] for message in (await http.get(path)).json()["messages"]]
            assert said == [f"{role} {word}" for word in SAID for role in ("question", "answer")]
        assert (await http.get("/trace/last")).json()["turn_id"] == turns[-1].turn.id
        traces = (await http.get(f"/trace/conversation/{ann.conversation_id}")).json()["traces"]
        assert [trace["turn_id"] for trace in traces][:2] == [turns[1].turn.id, turns[0].turn.id]
        listed = (await http.get("/chat/conversations")).json()["conversations"]
        assert [found["id"] for found in listed] == [ann.conversation_id, stage.tools["other"]]
    numbers = Turn.objects.filter(conversation_id=ann.conversation_id).order_by("id").values_list("number", flat=True)
    assert [number async for number in numbers] == [1, 2, 3, 4]


async def test_what_waits_goes_by_its_number_whatever_its_id_is(stage):
    person, gate = await stage.newcomer(), asyncio.Event()
    person.hears(Response(chunks=("one",), gates={0: gate}, confidence=1.0), *[says("more", confidence=1.0)] * 2)
    first = await person.sends("first?")
    third, second = [await person.sends(text, on_busy="enqueue") for text in ("third?", "second?")]
    numbers = [[3, third], [2, second]]
    await person.agent.writer.write(lambda tx: tx.executemany("UPDATE agent_turn SET number = ? WHERE id = ?", numbers))
    store = person.agent.store
    assert store.find_under_way(person.caller.tenant_id, person.conversation_id) == [third, second, first]
    gate.set()
    await person.end_of(third)
    assert [text for role, text in await person.said() if role == "user"] == ["first?", "second?", "third?"]
    assert (store.read_earlier_messages(third), store.read_earlier_messages(second)) == (
        ["second?", "first?"],
        ["first?"],
    )


async def test_ids_go_on_above_one_that_is_stored_and_pass_over_what_is_none(monkeypatch):
    monkeypatch.setattr(ids, "_last", 0)
    ahead = str(uuid.UUID(int=(int(time.time() * 1000) + 10**9) << 80 | 7 << 76 | 0b10 << 62))
    for stored in ("", "never-an-id", str(uuid.uuid4())):
        ids.continue_after(stored)
        assert ids.new_id() < ahead
    ids.continue_after(ahead)
    after = [ids.new_id() for _ in range(3)]
    assert [ahead, *after] == sorted([ahead, *after])


# Migration


@sync_to_async
def renumbered(conversation_id: str) -> list[int]:
    """Take the turns of a conversation their numbers, and return those that the migration gives them."""
    Turn.objects.filter(conversation_id=conversation_id).update(number=0)
    Message.objects.filter(conversation_id=conversation_id).update(turn_number=0)
    migration = importlib.import_module("soma.agent.migrations.0006_order_by_number")
    with connection.schema_editor() as editor:
        migration.number_what_is_there(None, editor)
    rows = Message.objects.filter(conversation_id=conversation_id).order_by("turn_number", "-role")
    return [row.turn_number for row in rows]


async def test_turns_of_an_older_version_are_numbered_by_their_events_and_not_by_their_ids(stage):
    person = await stage.newcomer()
    person.hears(*(says(f"answer {word}", confidence=1.0) for word in SAID))
    turns = [(await person.asks(f"question {word}")).turn.id for word in SAID]
    earlier = str(uuid.UUID(int=uuid.UUID(turns[0]).int - (1 << 80)))  # the last turn, by a clock that was set back

    def turn_round(tx: Any) -> None:
        tx.execute(
            "UPDATE events SET stream = ?, turn_id = ? WHERE turn_id = ?", [f"turn:{earlier}", earlier, turns[3]]
        )
        tx.execute("UPDATE agent_message SET turn_id = ? WHERE turn_id = ?", [earlier, turns[3]])
        tx.execute("UPDATE agent_turn SET id = ? WHERE id = ?", [earlier, turns[3]])

    await person.agent.writer.write(turn_round)
    assert await renumbered(person.conversation_id) == [1, 1, 2, 2, 3, 3, 4, 4]
    assert (await Turn.objects.aget(id=earlier)).number == 4
    assert (await Conversation.objects.aget(id=person.conversation_id)).recent == turns[2]


# What a turn costs


async def fill(person: Person, turns: int) -> None:
    """A conversation with that many turns before."""
    await person.asks("what is new?")
    whole = "tenant_id, conversation_id, user_id, state, content, exit_reason, total_iterations, created_at, epoch"
    message = "tenant_id, conversation_id, role, parts, token_count, model, answer_iteration, created_at"

    def write(tx: Any) -> None:
        place = [person.conversation_id]
        for number in range(2, turns + 1):
            id_ = ids.new_id()
            tx.execute(
                f"INSERT INTO agent_turn (id, number, {whole}) SELECT ?, ?, {whole} FROM agent_turn "
                "WHERE conversation_id = ? AND number = 1", [id_, number, *place],
            )  # fmt: skip
            tx.execute(
                f"INSERT INTO agent_message (id, turn_id, turn_number, {message}) "
                f"SELECT ? || role, ?, ?, {message} FROM agent_message WHERE conversation_id = ? AND turn_number = 1",
                [id_, id_, number, *place],
            )

    await person.agent.writer.write(write)


@contextmanager
def counted(raw: sqlite3.Connection, steps: list[int]) -> Iterator[None]:
    def step() -> None:
        steps[0] += 1

    raw.set_progress_handler(step, 1)
    try:
        yield
    finally:
        raw.set_progress_handler(None, 1)


async def steps_of_a_turn(person: Person) -> int:
    """Count the steps of SQLite in a turn, in the writer's connection and in Django's."""
    steps: list[int] = [0]
    raws: list[Any] = []

    def own(tx: Any) -> None:
        raws.append(tx._connection._raw)

    await person.agent.writer.write(own)
    raws.append(await sync_to_async(lambda: connection.connection)())
    with counted(raws[0], steps), counted(raws[1], steps):
        await person.asks("what is new?")
    return steps[0]


async def test_a_turn_costs_the_same_however_long_its_conversation_is(stage):
    """The history is bounded: from 200 messages on it does not grow."""
    if stage.agent.writer.database.dialect == "postgresql":
        return  # nobody counts its steps
    costs = []
    for turns in (110, 2_000):
        person = await stage.newcomer()
        person.hears(*[says("nothing", confidence=1.0)] * 3)
        await fill(person, turns)
        costs.append(min([await steps_of_a_turn(person) for _ in range(2)]))
    assert costs[1] < 1.15 * costs[0]
