"""Followers: from every position the rest, in the middle of a stream no gap and nothing twice, never a stranger's."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from tests.agent.stage import call
from tests.agent.turn.test_runner import speaking

from soma.agent.llm.scripted import Response, calls, says
from soma.agent.turn import feed as feeds
from soma.agent.turn.feed import Frame, SlowReader

pytestmark = pytest.mark.asyncio(loop_scope="module")

WORDS = tuple(f"word{n} " for n in range(40))


def text_of(frames: list[Frame]) -> str:
    """Return the text that a client shows, which puts each delta at its offset."""
    text = ""
    for frame in frames:
        if frame["type"] == "chat.draft_replaced":
            text = ""
        elif frame["type"] == "chat.delta":
            offset = frame["payload"]["offset"]
            assert offset in (0, len(text)), "a gap, or a piece that comes twice"
            text = text[:offset] + frame["payload"]["text"]
    return text


def stored(frames: list[Frame]) -> list[Frame]:
    return [frame for frame in frames if frame["type"] != "chat.delta"]


async def read_on(following: AsyncIterator[Frame], seen: list[Frame]) -> None:
    async for frame in following:
        seen.append(frame)  # noqa: PERF401 - what came before a drop counts


async def test_a_follower_that_resumes_from_any_position_gets_the_rest(ann):
    ann.hears(calls(call("calculator", expression="1+1")), says("2", confidence=1.0))
    await ann.asks("what is 1+1?")
    everything = await ann.frames()
    assert [frame["position"] for frame in everything] == list(range(1, len(everything) + 1))
    for position in range(len(everything)):
        assert await ann.frames(after=position) == everything[position:]


async def test_pages_of_the_log_follow_each_other_without_a_seam(ann, monkeypatch):
    monkeypatch.setattr(feeds, "PAGE", 3)
    ann.hears(says("hello", confidence=1.0))
    await ann.asks("hello")
    assert [frame["position"] for frame in await ann.frames()] == list(range(1, 7))


@pytest.mark.parametrize("heard", [0, 1, 7, 39, 40])
async def test_who_joins_in_the_middle_gets_the_text_so_far_and_then_the_rest(ann, heard):
    gate = asyncio.Event()
    model = ann.hears(Response(chunks=WORDS, gates={heard: gate}, confidence=1.0))
    first = asyncio.create_task(ann.frames())
    await ann.sends("say forty words")
    if heard:
        await speaking(model, ann, text="".join(WORDS[:heard]))
    joining = asyncio.create_task(ann.frames())
    second = asyncio.create_task(ann.frames(after=2))
    await asyncio.sleep(0.02)
    gate.set()
    early, late, later = await asyncio.gather(first, joining, second)
    assert text_of(early) == text_of(late) == text_of(later) == "".join(WORDS)
    assert stored(early) == stored(late)
    assert stored(later) == stored(early)[2:]
    deltas = [frame["payload"] for frame in late if frame["type"] == "chat.delta"]
    if heard:
        assert (deltas[0]["offset"], deltas[0]["text"]) == (0, "".join(WORDS[:heard]))
    assert len(deltas) == 40 - heard + bool(heard)


async def test_however_followers_join_each_event_comes_once_and_in_order(ann):
    """Joins race with commits: a follower begins at every moment of a busy turn."""
    ann.hears(*[calls(call("calculator", expression=f"{n}+1")) for n in range(6)], says("done", confidence=1.0))
    turn_id = await ann.sends("count")
    followers = []
    for _ in range(60):
        followers.append(asyncio.create_task(ann.frames()))
        await asyncio.sleep(0.002)
    everything = [frame["position"] for frame in stored(await ann.frames())]
    assert everything == list(range(1, len(ann.events(turn_id)) + 1))
    for frames in await asyncio.gather(*followers):
        assert [frame["position"] for frame in stored(frames)] == everything


async def test_a_follower_that_does_not_read_is_dropped_with_a_code_and_may_resume(ann, monkeypatch):
    ann.hears(Response(chunks=WORDS * 30, confidence=1.0))  # more pieces than may wait
    following = ann.agent.feed.follow(ann.caller.tenant_id, ann.conversation_id, after=0)
    joined = asyncio.create_task(anext(following))
    await asyncio.sleep(0)
    await ann.asks("say a thousand words")
    seen = [await joined]
    with pytest.raises(SlowReader) as dropped:
        await read_on(following, seen)
    assert dropped.value.code == "slow_reader"
    assert len(seen) <= feeds.WAITING
    last = max(frame["position"] for frame in stored(seen))
    assert [frame["position"] for frame in await ann.frames(after=last)] == list(range(last + 1, 7))


async def test_a_refined_draft_is_taken_back_before_the_new_one_is_said(stage):
    bob = await stage.newcomer(refine="always")
    bob.hears(says("a first draft", confidence=0.2), says("a better answer", confidence=0.8))
    following = asyncio.create_task(bob.frames())
    await bob.sends("write")
    assert text_of(await following) == "a better answer"


async def test_two_conversations_and_two_tenants_never_cross(stage):
    ann = await stage.newcomer()
    neighbour = await stage.newcomer(tenant_id=ann.caller.tenant_id)
    stranger = await stage.newcomer()
    stranger.conversation_id, theirs = ann.conversation_id, stranger.conversation_id  # follows by a stolen id
    ann.hears(says("for Ann", confidence=1.0), says("for the neighbour", confidence=1.0))
    following = [asyncio.create_task(person.frames()) for person in (ann, neighbour)]
    spying = asyncio.create_task(stranger.frames())
    await ann.asks("hello")
    await neighbour.asks("hello")
    for frames, person in zip(await asyncio.gather(*following), (ann, neighbour), strict=True):
        assert {frame["conversation_id"] for frame in frames} == {person.conversation_id}
    assert not spying.done()
    spying.cancel()
    stranger.hears(says("for the stranger", confidence=1.0))
    await stranger.asks("hello", conversation_id=theirs)
    assert len({frame["turn_id"] for frame in await ann.frames()}) == 1
