"""A turn runs at most once at a time: no clock and no storage that is away begins a running one again."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator

import pytest
import pytest_asyncio
from tests.agent.stage import Person, Stage, call, opened
from tests.agent.storage.test_faults import impatient, locked

from soma.agent.llm.base import Delta, ModelRequest
from soma.agent.llm.scripted import Response, ScriptedModel, calls, says
from soma.agent.models import Turn
from soma.agent.record.turn import Lease
from soma.agent.settings import Settings
from soma.agent.storage.leases import LeaseLost, Leases
from soma.events.facts.turn import DraftReplaced

__all__ = ["impatient"]

pytestmark = pytest.mark.asyncio(loop_scope="module")

LEASE_SECONDS = 0.4


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(folder) -> AsyncIterator[Stage]:
    async with opened(Settings(data_dir=folder, lease_seconds=LEASE_SECONDS)) as stage:
        yield stage


@pytest_asyncio.fixture(loop_scope="module")
async def bob(stage: Stage) -> Person:
    person = await stage.newcomer()
    person.hears(*[says("hello", confidence=1.0)] * 5)
    return person


class Asking:
    """Waits, then asks for a line to be appended; answers once it sees the outcome, whatever was asked before."""

    name = "asking"
    context_tokens = 8_192

    def __init__(self) -> None:
        self.asked, self.gate = asyncio.Event(), asyncio.Event()
        self.calls = 0

    async def stream(self, request: ModelRequest) -> AsyncGenerator[Delta, None]:
        self.calls += 1
        self.asked.set()
        await self.gate.wait()
        answering = any(message.role == "tool" for message in request.messages)
        response = says("done", confidence=1.0) if answering else calls(call("append", text="a line"))
        async for delta in ScriptedModel([response]).stream(request):
            yield delta


async def asks_for_a_line(ann: Person) -> tuple[str, asyncio.Event]:
    """A turn whose model is about to ask for a line to be appended, and what lets it."""
    model = ann.stage.models[f"scripted/{ann.caller.tenant_id}"] = Asking()
    turn_id = await ann.sends("append a line")
    await asyncio.wait_for(model.asked.wait(), 10)
    return turn_id, model.gate


async def about_to_end(bob: Person) -> tuple[str, asyncio.Event]:
    """A turn that is all but said, and what lets it end: a turn that ends looks for others to take over."""
    last_word = asyncio.Event()
    bob.hears(Response(chunks=("hello",), gates={1: last_word}, confidence=1.0))
    turn_id = await bob.sends("hello")
    await bob.frames(until="chat.delta")
    return turn_id, last_word


async def assert_ran_once(ann: Person, turn_id: str) -> None:
    await ann.end_of(turn_id)
    lines = (ann.agent.settings.data_dir / "appended").read_text().splitlines()
    assert lines.count(f"{turn_id} a line") == 1
    kinds = ann.kinds(turn_id)
    assert [kinds.count(kind) for kind in ("tool_decided", "tool_finished", "turn_complete")] == [1, 1, 1]


async def lease_of(turn_id: str) -> float:
    return (await Turn.objects.aget(id=turn_id)).lease_expires_at or 0.0


async def test_storage_that_is_away_longer_than_a_lease_begins_no_running_turn_again(ann, bob, impatient):
    turn_id, gate = await asks_for_a_line(ann)
    other, last_word = await about_to_end(bob)
    async with locked(ann):
        await asyncio.sleep(2 * LEASE_SECONDS)
    last_word.set()
    await bob.end_of(other)
    gate.set()
    await assert_ran_once(ann, turn_id)


@pytest.mark.parametrize("step", [30.0, -30.0, 1e6])
async def test_a_wall_clock_that_is_set_begins_no_running_turn_again(ann, bob, monkeypatch, step):
    monkeypatch.setattr(ann.agent.store.leases, "seconds", 15.0)  # as usual: nothing is renewed in a test's time
    turn_id, gate = await asks_for_a_line(ann)
    wall = time.time
    monkeypatch.setattr(time, "time", lambda: wall() + step)
    for _ in range(2):
        await bob.asks("hello")
    gate.set()
    await assert_ran_once(ann, turn_id)


@pytest.mark.parametrize("step", [-30.0, 30.0])
async def test_leases_are_renewed_whatever_the_wall_clock_says(ann, monkeypatch, step):
    turn_id, gate = await asks_for_a_line(ann)
    before, wall = await lease_of(turn_id), time.time
    monkeypatch.setattr(time, "time", lambda: wall() + step)
    async with asyncio.timeout(10):
        while not before < await lease_of(turn_id) < before + 10:  # noqa: ASYNC110 - the keeper works
            await asyncio.sleep(0.01)
    gate.set()
    await assert_ran_once(ann, turn_id)


async def test_a_lease_that_ran_out_gives_a_running_turn_to_nobody_else_in_its_process(ann, bob):
    turn_id, gate = await asks_for_a_line(ann)
    other, last_word = await about_to_end(bob)
    last_word.set()
    while "turn_complete" not in bob.kinds(other):
        await ann.agent.writer.write(
            lambda tx: tx.execute("UPDATE agent_turn SET lease_expires_at = 0 WHERE id = ?", [turn_id])
        )
    gate.set()
    await assert_ran_once(ann, turn_id)
    model = ann.stage.models[f"scripted/{ann.caller.tenant_id}"]
    assert model.calls == 2, "once for the tool, once with its result: the run was not begun anew"


async def test_of_two_runs_of_one_turn_by_one_worker_only_the_newer_may_write(ann):
    turn_id, gate = await asks_for_a_line(ann)
    store = ann.agent.store
    [older] = await store.leases.take_over(running=(), is_alone=True)
    [newer] = await store.leases.take_over(running=(), is_alone=True)
    assert newer.epoch == older.epoch + 1
    length = len(ann.events(turn_id))
    fact = DraftReplaced(iteration_number=0, reason="test")
    for loser in (store.load(turn_id, older), store.load(turn_id)):
        with pytest.raises(LeaseLost):
            await store.record(loser, fact)
    await store.record(store.load(turn_id, newer), fact)
    assert len(ann.events(turn_id)) == length + 1
    gate.set()
    await assert_ran_once(ann, turn_id)  # the run that lost its lease stops; another goes on from the log


async def test_a_claim_takes_the_turn_away_and_only_the_newest_lease_is_renewed(ann):
    turn_id, gate = await asks_for_a_line(ann)
    other = Leases(ann.agent.writer, worker="other", seconds=60)
    [older] = await other.take_over(running=(), is_alone=True)
    newer = await other.claim(turn_id)
    assert newer == Lease(turn_id, older.epoch + 1)
    until = await lease_of(turn_id)
    assert await other.renew([older]) == [older]
    assert await lease_of(turn_id) == until
    assert await other.renew([newer]) == []
    assert await lease_of(turn_id) > until
    gate.set()
    await ann.agent.turns.cancel(turn_id)


async def test_nothing_is_written_to_a_turn_that_is_over(bob):
    turn_id = await bob.sends("hello")
    await bob.end_of(turn_id)
    store, length = bob.agent.store, len(bob.events(turn_id))
    with pytest.raises(LeaseLost):
        await store.record(store.load(turn_id, Lease(turn_id, 1)), DraftReplaced(iteration_number=0, reason="test"))
    assert len(bob.events(turn_id)) == length


async def test_a_run_stops_once_a_newer_one_has_its_turn(ann):
    gate = asyncio.Event()
    model = ann.hears(Response(chunks=("mine",), gates={0: gate}), says("taken back", confidence=1.0))
    turn_id = await ann.sends("whose?")
    await ann.frames(until="chat.bundle_built")
    other = Leases(ann.agent.writer, worker="other", seconds=0.1)
    assert [lease.turn_id for lease in await other.take_over(running=(), is_alone=True)] == [turn_id]
    record = await ann.end_of(turn_id)  # the gate stays closed: the keeper ends the run, then takes the turn back
    assert record.complete is not None
    assert record.complete.content == "taken back"
    assert (model.closed, ann.kinds(turn_id).count("model_responded")) == (1, 1)


async def test_a_cancel_ends_a_turn_whoever_runs_it(ann):
    gate = asyncio.Event()
    ann.hears(Response(chunks=("mine",), gates={0: gate}))
    turn_id = await ann.sends("whose?")
    await ann.frames(until="chat.bundle_built")
    other = Leases(ann.agent.writer, worker="other", seconds=60)
    await other.take_over(running=(), is_alone=True)
    await ann.agent.turns.cancel(turn_id)
    assert (await ann.end_of(turn_id)).complete.exit_reason == "cancelled"
    assert ann.kinds(turn_id).count("turn_complete") == 1
