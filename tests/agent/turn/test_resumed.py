"""A turn that goes on in another process keeps the limits that it began with."""

from dataclasses import replace

from tests.agent.stage import call, opened
from tests.agent.turn.test_runner import endless, speaking

from soma.agent.llm.scripted import Response, ScriptedModel, calls, says
from soma.agent.record.convergence import TurnLimits
from soma.agent.record.turn import TurnRecord
from soma.agent.settings import Settings
from soma.agent.turn.factory import restore_limits


async def resumed(begun: Settings, now: Settings, *responses: Response) -> TurnRecord:
    """A turn that one process begins and another ends, whose model says `responses`."""
    async with opened(begun) as stage:
        ann = await stage.newcomer()
        model = ann.hears(endless())
        turn_id = await ann.sends("go on")
        await speaking(model, ann)
    models = {f"scripted/{ann.caller.tenant_id}": ScriptedModel(responses)}
    async with opened(now, models=models) as stage:
        return await replace(ann, stage=stage).end_of(turn_id)


async def test_it_iterates_as_often_as_it_could_when_it_began(folder):
    begun, now = (Settings(data_dir=folder, max_iterations=most) for most in (2, 9))
    record = await resumed(begun, now, calls(call("rest", text="a while")), says("enough?", confidence=0.1))
    assert record.complete is not None
    assert (record.complete.exit_reason, record.complete.total_iterations) == ("max_iterations", 2)


async def test_it_has_the_wall_clock_that_it_began_with(folder):
    begun, now = (Settings(data_dir=folder, turn_seconds=seconds) for seconds in (2.5, 300))
    record = await resumed(begun, now, endless())
    assert record.complete is not None
    assert (record.complete.exit_reason, record.complete.content) == ("timeout", "this answer never")


def test_what_an_older_event_does_not_say_is_as_it_is_now():
    now = TurnLimits(
        iterates=True,
        max_iterations=10,
        min_iterations=1,
        convergence_threshold=0.9,
        refine="evidence",
        turn_tokens=200_000,
        turn_seconds=300.0,
    )
    assert restore_limits(now, {"turn_tokens": 1_000, "of_a_later_version": 1}) == replace(now, turn_tokens=1_000)
    assert restore_limits(now, {}) == now
