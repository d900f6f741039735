"""A turn always ends: also where what it said cannot be stored, and where its end cannot be."""

import asyncio
from typing import Any

import pytest
from tests.agent.stage import Person

from soma.agent.llm.base import ToolCall, Usage
from soma.agent.llm.scripted import Response, says
from soma.agent.models import Receipt, Turn
from soma.agent.storage.turn_rows import TurnRows
from soma.events.errors import WriteRefused
from soma.events.transaction import Transaction

pytestmark = pytest.mark.asyncio(loop_scope="module")

WRONG: Any = {"type": "stop"}
HALF = "\ud83d"


def said(text: str = "A.", **fields: Any) -> Response:
    return Response(chunks=(text,), confidence=1.0, **fields)


def call(**fields: Any) -> ToolCall:
    return ToolCall(**{"call_id": "theirs", "name": "clock", "arguments": {}} | fields)


async def assert_goes_on(ann: Person) -> None:
    ann.hears(says("and on", confidence=1.0))
    record = await ann.asks("and then?")
    assert record.complete is not None
    assert record.complete.content == "and on"
    assert not await Turn.objects.filter(conversation_id=ann.conversation_id).exclude(state="complete").aexists()


@pytest.mark.parametrize(
    ("response", "code"),
    [
        (said(finish_reason=1), "fact_unfit"),
        (said(finish_reason=WRONG), "fact_unfit"),
        (said(HALF), None),
        (said(logprobs=("x",)), "fact_unfit"),
        (said(usage=Usage(input_tokens=WRONG, output_tokens=1)), "fact_unfit"),
        (said(usage=Usage(input_tokens=1151, output_tokens=-35)), "write_refused"),
        (said(usage=Usage(input_tokens=20, output_tokens=-35)), None),
        (said(usage=Usage(input_tokens=2**70, output_tokens=1)), None),
        (Response(calls=(call(name="n" * 5, arguments={"a": 2**70}),)), None),
    ],
    ids=[
        "finish 1",
        "finish {}",
        "half a character",
        "logprobs",
        "usage {}",
        "usage -35",
        "total -15",
        "2^70",
        "arg",
    ],
)
async def test_what_cannot_be_stored_ends_the_turn_as_an_error_and_nobody_waits(ann, response, code):
    ann.hears(response)
    record = await ann.asks("hello?")
    assert record.complete.exit_reason == "error"
    assert code in {None, record.complete.error["code"]}
    assert record.unreadable == []
    assert await Receipt.objects.filter(turn_id=record.turn.id).aexists()
    await assert_goes_on(ann)


@pytest.fixture
def refused(monkeypatch):
    """Rows of a kind that the database refuses for one person's turns from now on, so many times."""

    def refuse(ann: Person, kind: str, times: int) -> None:
        write, left = getattr(TurnRows, kind), iter(range(times))

        def refused(rows: TurnRows, tx: Transaction, *given: Any, **named: Any) -> None:
            turn = getattr(given[0], "turn", given[0])
            if turn.tenant_id == ann.caller.tenant_id and next(left, None) is not None:
                tx.execute("INSERT INTO agent_receipt (turn_id) VALUES (NULL)")
            write(rows, tx, *given, **named)

        monkeypatch.setattr(TurnRows, kind, refused)

    return refuse


async def test_a_turn_whose_end_is_refused_ends_with_less(ann, refused):
    refused(ann, "answer", 2)  # of the loop, and of what ends it
    ann.hears(says("hello", confidence=1.0))
    record = await ann.asks("hello?")
    assert (record.complete.exit_reason, record.complete.error["code"]) == ("error", "write_refused")
    assert record.complete.content.startswith("I could not answer")
    assert [role for role, _ in await ann.said()] == ["user", "assistant"]
    await assert_goes_on(ann)


async def test_a_turn_of_which_no_end_is_taken_is_over_all_the_same_and_who_waits_is_told(ann, refused):
    refused(ann, "answer", 3)
    ann.hears(says("hello", confidence=1.0))
    with pytest.raises(WriteRefused):
        await ann.asks("hello?")
    [turn] = [turn async for turn in Turn.objects.filter(conversation_id=ann.conversation_id)]
    assert (turn.state, turn.exit_reason) == ("complete", "error")
    assert turn.id in dict(ann.agent.store.list_aside(limit=100))
    await assert_goes_on(ann)


async def test_a_turn_whose_question_is_refused_ends(ann, refused):
    refused(ann, "question", 2)
    ann.hears(says("hello", confidence=1.0))
    record = await ann.asks("hello?")
    assert (record.complete.exit_reason, record.complete.error["code"]) == ("error", "write_refused")
    assert [role for role, _ in await ann.said()] == ["user", "assistant"]
    await assert_goes_on(ann)


@pytest.mark.parametrize("times", [1, 2, 3])
async def test_a_cancel_ends_a_turn_however_much_of_its_end_is_refused(ann, refused, times):
    gate = asyncio.Event()
    ann.hears(Response(chunks=("hel", "lo"), gates={1: gate}))
    turn_id = await ann.sends("hello?")
    await ann.frames(until="chat.delta")
    refused(ann, "answer", times)
    await ann.agent.turns.cancel(turn_id)
    turn = await Turn.objects.aget(id=turn_id)
    assert (turn.state, turn.exit_reason) == ("complete", "cancelled")
    await assert_goes_on(ann)
