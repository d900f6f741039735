"""The coordinator proposes where a score falls, changes nothing itself, and takes the verdicts that are due."""

import pytest
from msgspec.structs import replace
from pydantic import SecretStr
from tests.brain.conftest import ALICE, MALLORY, TOKEN
from tests.brain.requests import new_feedback, new_query

from soma.brain.core.experiments.proposals import propose_step
from soma.brain.core.hyperparameters import Hyperparameters
from soma.brain.core.rules.trust import HeldOut
from soma.brain.core.state import LearnerState
from soma.brain.settings import BrainSettings

pytestmark = pytest.mark.learning


@pytest.fixture
def settings(tmp_path) -> BrainSettings:
    return BrainSettings(
        data_dir=tmp_path,
        service_token=SecretStr(TOKEN),
        coordinator_window=5,
        experiments_planned=10,
        snapshot_every=20,
    )


async def rewarded(client, principal, reward, prefix, count=30):
    """Feedback of one reward; every conversation is asked something first, so that it has an arm."""
    items = [{"conversation_id": f"{prefix}-{n}", "reward": reward + 0.01 * (n % 3)} for n in range(count)]
    await client.feedback_batch(replace(principal, user_id=prefix), items)


async def fallen(opened):
    polls = []
    for number, reward in enumerate((0.9, 0.7, 0.4, 0.2, -0.1, -0.3)):
        await rewarded(opened.client, ALICE, reward, f"fall-{number}")
        polls.append(await opened.coordinator.poll())
    return polls


async def test_a_falling_score_is_answered_with_an_experiment_and_nothing_else(opened):
    before = (await opened.client.state(ALICE)).weights
    polls = await fallen(opened)
    assert [poll.proposed for poll in polls[:4]] == [()] * 4
    assert polls[4].proposed == ("auto.tau.up",)
    assert polls[5].proposed == (), "one at a time"
    [experiment] = await opened.client.experiments(ALICE)
    assert (experiment.proposed_by, experiment.status) == ("coordinator", "running")
    [control, step] = experiment.arms
    assert control["changes"] == {}
    assert step["changes"]["tau"] == pytest.approx(0.05 * 0.8)
    state = await opened.client.state(ALICE)
    assert state.weights["alpha"] == before["alpha"]
    assert state.weights["tau"] == before["tau"]
    assert await opened.client.experiments(MALLORY) == []


async def test_a_steady_score_is_left_alone(opened):
    for number in range(8):
        await rewarded(opened.client, ALICE, 0.5, f"steady-{number}")
        assert await opened.coordinator.poll() == ((), ())


async def test_a_verdict_that_is_due_is_taken(opened):
    await fallen(opened)
    client = opened.client
    for number in range(40):
        bundle = await client.evaluate(ALICE, new_query(conversation_id=f"c{number}", query="anything"))
        warm = bundle.weights["tau"] > (await client.state(ALICE)).weights["tau"]
        reward = (0.8 if warm else -0.2) + 0.02 * (number % 5)
        await client.feedback(
            ALICE, new_feedback(conversation_id=f"c{number}", bundle_id=bundle.bundle_id, reward=reward)
        )
    tau = (await client.state(ALICE)).weights["tau"]
    poll = await opened.coordinator.poll()
    assert poll.decided == ("auto.tau.up",)
    [experiment] = await client.experiments(ALICE, status="promoted")
    assert experiment.verdict["winner"] == "step"
    assert (await client.state(ALICE)).weights["tau"] - tau == pytest.approx(0.04)


def test_the_step_goes_where_what_was_learned_points_and_is_bounded():
    settings = Hyperparameters()
    state = LearnerState.initial(settings)
    names = state.retrieval.views.names
    learned = tuple(
        4.0 if name == "semantic" else weight for name, weight in zip(names, state.retrieval.weights, strict=True)
    )
    state = replace(state, retrieval=replace(state.retrieval, weights=learned, held_out=HeldOut(5.0, 0.0)))

    def tried(*before: tuple[str, str], of: LearnerState = state) -> tuple[str, float] | None:
        found = propose_step(of, settings, bound=0.05, tried=before)
        return found and (found.weight, round(found.step, 9))

    assert tried() == ("alpha", 0.245)
    assert tried(("alpha", "up")) == ("tau", 0.04)
    assert tried(of=replace(state, retrieval=replace(state.retrieval, held_out=HeldOut(0.0, 9.0)))) == ("tau", 0.04)
    assert tried(("alpha", "up"), ("tau", "up"), ("tau", "down")) is None
