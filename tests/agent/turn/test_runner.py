"""Turns as tasks: cancelled, queued, sent twice, out of time. A turn always ends, and its conversation goes on."""

import asyncio

import pytest
from tests.agent.stage import call

from soma.agent.access.relations import own_turn, visible_turn
from soma.agent.errors import Conflict, Invalid, NotFound, TooLarge
from soma.agent.llm.scripted import Response, ScriptedModel, calls, says
from soma.agent.memory.remember import items_of
from soma.agent.models import Turn

pytestmark = pytest.mark.asyncio(loop_scope="module")


def endless() -> Response:
    """Says a few words, then nothing more."""
    return Response(chunks=("this", " answer", " never"), gates={3: asyncio.Event()})


async def speaking(model: ScriptedModel, ann, *, text="this answer never") -> None:
    """Returns when the turn's text so far is `text`."""
    async with asyncio.timeout(10):
        while True:
            turns = [turn async for turn in Turn.objects.filter(conversation_id=ann.conversation_id, state="running")]
            if turns and ann.agent.feed.text_so_far(ann.caller.tenant_id, ann.conversation_id, turns[0].id) == text:
                return
            await asyncio.sleep(0.005)


async def states(ann) -> list[tuple[str, str | None]]:
    found = Turn.objects.filter(conversation_id=ann.conversation_id).order_by("id")
    return [(turn.state, turn.exit_reason) async for turn in found]


# Cancel


async def test_a_cancel_closes_the_models_stream_at_once_and_keeps_what_was_said(ann):
    model = ann.hears(endless(), says("and now this", confidence=1.0))
    turn_id = await ann.sends("go on for ever")
    await speaking(model, ann)
    await ann.agent.turns.cancel(turn_id)
    assert model.closed == 1
    assert await states(ann) == [("complete", "cancelled")]
    assert await ann.said() == [("user", "go on for ever"), ("assistant", "this answer never")]
    assert (await ann.asks("and then?")).complete.content == "and now this"
    assert [message.role for message in model.requests[1].messages] == ["system", "user", "assistant", "user"]


async def test_a_turn_that_is_cancelled_before_it_began_ends_with_its_question_asked(ann):
    ann.hears(says("never"))
    turn_id = await ann.sends("forget it")
    await ann.agent.turns.cancel(turn_id)
    assert await states(ann) == [("complete", "cancelled")]
    assert await ann.said() == [("user", "forget it"), ("assistant", "(stopped)")]


async def test_a_turn_that_is_cancelled_while_it_waits_has_a_beginning_and_an_end_and_is_not_remembered(ann):
    model = ann.hears(endless())
    running = await ann.sends("go on")
    await speaking(model, ann)
    queued = await ann.sends("and this?", on_busy="enqueue")
    await ann.agent.turns.cancel(queued)
    assert ann.kinds(queued) == ["turn_started", "turn_complete"]
    frames = [frame for frame in await ann.frames() if frame["turn_id"] == queued]
    assert [frame["type"] for frame in frames] == ["chat.turn_started", "chat.turn_complete"]
    assert items_of(ann.agent.store.load(queued)) == []
    await ann.agent.turns.cancel(running)


async def test_cancelling_twice_at_once_and_again_afterwards_ends_the_turn_once(ann):
    model = ann.hears(endless())
    turn_id = await ann.sends("go on")
    await speaking(model, ann)
    await asyncio.gather(*(ann.agent.turns.cancel(turn_id) for _ in range(3)))
    await ann.agent.turns.cancel(turn_id)
    assert ann.kinds(turn_id).count("turn_complete") == 1


async def test_a_cancel_while_a_tool_runs_ends_the_turn(ann):
    ann.hears(calls(call("rest", text="long")), says("never"))
    turn_id = await ann.sends("rest")
    async with asyncio.timeout(5):
        while ann.stage.tools["rest"].now == 0:  # noqa: ASYNC110 - a tool of the test, not of the loop
            await asyncio.sleep(0.001)
    await ann.agent.turns.cancel(turn_id)
    assert await states(ann) == [("complete", "cancelled")]
    assert ann.kinds(turn_id)[-1] == "turn_complete"


@pytest.mark.parametrize("moments", range(0, 60, 6))
async def test_a_cancel_at_any_moment_leaves_one_end_and_a_conversation_that_goes_on(ann, moments):
    ann.hears(calls(call("calculator", expression="1+1")), says("2", confidence=1.0), says("next", confidence=1.0))
    turn_id = await ann.sends("what is 1+1?")
    await asyncio.sleep(moments / 1_000)
    await ann.agent.turns.cancel(turn_id)
    assert ann.kinds(turn_id).count("turn_complete") == 1
    ann.hears(says("next", confidence=1.0))
    assert (await ann.asks("and?")).complete.content == "next"


# Busy


async def test_a_second_message_is_refused_while_a_turn_runs(ann):
    model = ann.hears(endless())
    turn_id = await ann.sends("go on")
    await speaking(model, ann)
    with pytest.raises(Conflict) as refused:
        await ann.sends("and this?")
    assert (refused.value.status, refused.value.code) == (409, "turn_in_progress")
    await ann.agent.turns.cancel(turn_id)


async def test_queued_messages_are_answered_in_order_and_see_what_was_said_before_them(ann):
    gate = asyncio.Event()
    model = ann.hears(
        Response(chunks=("one",), gates={0: gate}, confidence=1.0),
        says("two", confidence=1.0),
        says("three", confidence=1.0),
    )
    await ann.sends("first?")
    await ann.sends("second?", on_busy="enqueue")
    last = await ann.sends("third?", on_busy="enqueue")
    assert [state for state, _ in await states(ann)] == ["running", "queued", "queued"]
    gate.set()
    await ann.end_of(last)
    assert await ann.said() == [
        ("user", "first?"), ("assistant", "one"), ("user", "second?"), ("assistant", "two"),
        ("user", "third?"), ("assistant", "three"),
    ]  # fmt: skip
    history = [part.text for message in model.requests[2].messages[1:5] for part in message.parts]
    assert history == ["first?", "one", "second?", "two"]


async def test_a_queued_message_can_be_cancelled_before_its_turn_comes(ann):
    model = ann.hears(endless())
    running = await ann.sends("go on")
    await speaking(model, ann)
    queued = await ann.sends("and this?", on_busy="enqueue")
    await ann.agent.turns.cancel(queued)
    assert [exit_reason for _, exit_reason in await states(ann)] == [None, "cancelled"]
    await ann.agent.turns.cancel(running)
    assert [exit_reason for _, exit_reason in await states(ann)] == ["cancelled", "cancelled"]
    assert len(model.requests) == 1


async def test_a_message_may_cancel_what_runs_and_what_waits(ann):
    model = ann.hears(endless(), *[says("at last", confidence=1.0)] * 2)
    await ann.sends("go on")
    await speaking(model, ann)
    await ann.sends("then this", on_busy="enqueue")
    record = await ann.asks("no, this", on_busy="cancel")
    assert record.complete.content == "at last"
    assert [exit_reason for _, exit_reason in await states(ann)] == ["cancelled", "cancelled", "converged"]


async def test_all_of_a_conversation_is_cancelled_before_any_of_it_begins(ann):
    model = ann.hears(endless(), *[says("never", confidence=1.0)] * 2)
    await ann.sends("go on")
    await speaking(model, ann)
    for waiting in ("then this", "and this"):
        await ann.sends(waiting, on_busy="enqueue")
    await ann.agent.turns.cancel_conversation(ann.caller.tenant_id, ann.conversation_id)
    assert await states(ann) == [("complete", "cancelled")] * 3
    assert len(model.requests) == model.closed == 1


# Sent twice


async def test_the_same_client_message_is_one_turn_however_often_it_is_sent(ann):
    ann.hears(says("once", confidence=1.0))
    first = await ann.sends("hello", client_message_id="m-1")
    again = [await ann.sends("hello", client_message_id="m-1", on_busy=how) for how in ("refuse", "enqueue", "cancel")]
    assert set(again) == {first}
    assert (await ann.end_of(first)).complete.content == "once"
    assert await ann.sends("hello", client_message_id="m-1") == first
    assert len(await states(ann)) == 1


@pytest.mark.parametrize("how", ["refuse", "enqueue", "cancel"])
async def test_an_id_that_was_used_for_another_text_is_a_conflict_and_starts_nothing(ann, how):
    ann.hears(says("once", confidence=1.0))
    await ann.asks("hello", client_message_id="m-1")
    with pytest.raises(Conflict) as refused:
        await ann.sends("hello!", client_message_id="m-1", on_busy=how)
    assert (refused.value.code, refused.value.field) == ("client_message_id_used", "client_message_id")
    assert len(await states(ann)) == 1


async def test_a_client_message_id_belongs_to_its_conversation(ann):
    ann.hears(says("one", confidence=1.0), says("two", confidence=1.0))
    first = await ann.asks("hello", client_message_id="m-1")
    other = await ann.asks("hello", client_message_id="m-1", conversation_id=await ann.another_conversation())
    assert first.turn.id != other.turn.id


async def test_fifty_turns_at_once_all_end_and_lose_no_event(stage):
    people = [await stage.newcomer() for _ in range(50)]
    for person in people:
        person.hears(says("hello", confidence=1.0))
    turns = await asyncio.gather(*(person.asks("hello") for person in people))
    for person, record in zip(people, turns, strict=True):
        assert record.complete.exit_reason == "converged"
        positions = [frame["position"] for frame in await person.frames() if "position" in frame]
        assert positions == list(range(1, len(positions) + 1))


# Refused before anything is written


@pytest.mark.parametrize(
    ("content", "error", "code"),
    [
        (" \n\t", Invalid, "empty_message"),
        ("\u200b\u2800", Invalid, "empty_message"),
        ("\x1b\x07\x08", Invalid, "empty_message"),
        ("\U000e0041\U000e0042\U000e007f", Invalid, "empty_message"),
        ("\u3164\ufe0f\u034f \u2028\u00a0\ufeff\u202e", Invalid, "empty_message"),
        ("a\x00b", Invalid, "invalid_text"),
        ("x" * 200_001, TooLarge, "message_too_large"),
        ("word " * 5_000, TooLarge, "message_too_large"),
    ],
)
async def test_a_bad_message_is_refused_and_writes_nothing(ann, content, error, code):
    with pytest.raises(error) as refused:
        await ann.sends(content)
    assert (refused.value.code, refused.value.field) == (code, "content")
    assert await states(ann) == []


async def test_blanks_take_room_like_any_other_text(ann):
    with pytest.raises(TooLarge):
        await ann.asks(f"what is this?{' ' * 150_000}")
    ann.hears(says("so much room", confidence=1.0))
    record = await ann.asks(f"what is this?{' ' * 5_000}")
    assert record.complete is not None
    assert record.complete.content == "so much room"


async def test_a_conversation_of_somebody_else_is_as_absent_as_one_that_never_was(ann, stage):
    bob = await stage.newcomer()
    neighbour = await stage.newcomer(tenant_id=ann.caller.tenant_id)
    for stranger in (bob, neighbour):
        with pytest.raises(NotFound):
            await stranger.sends("let me in", conversation_id=ann.conversation_id)
    with pytest.raises(NotFound):
        await ann.sends("hello", conversation_id="never-was")
    assert await states(ann) == []


async def test_an_owner_sees_the_turn_of_a_member_and_neither_ends_nor_judges_it(ann, stage):
    member = await stage.newcomer(tenant_id=ann.caller.tenant_id)
    await member.becomes("member")
    member.hears(says("hello", confidence=1.0))
    turn_id = (await member.asks("hello?")).turn.id
    assert (await visible_turn(ann.caller, turn_id)).id == turn_id
    assert (await own_turn(member.caller, turn_id)).id == turn_id
    with pytest.raises(NotFound):
        await own_turn(ann.caller, turn_id)
