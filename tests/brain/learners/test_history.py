"""Explanations are derived again from the log: from any version, across snapshots, batches, rollbacks."""

from typing import get_args

import pytest
from pydantic import SecretStr
from tests.brain.conftest import ALICE, BOB, MALLORY, TOKEN, metrics_of, remembered
from tests.brain.requests import new_experiment, new_feedback, new_preview, new_query, new_report

from soma.brain.core.learn import Observation
from soma.brain.errors import BrainRefused
from soma.brain.learners.history import KINDS, Histories
from soma.brain.settings import BrainSettings

pytestmark = pytest.mark.learning


@pytest.fixture
def settings(tmp_path) -> BrainSettings:
    return BrainSettings(data_dir=tmp_path, service_token=SecretStr(TOKEN), snapshot_every=4, lessons_per_day=0)


async def lived(client):
    """Every kind of update; the weights that were answered after each."""
    await remembered(client)
    seen = [(await client.state(ALICE)).weights]
    for number in range(3):
        bundle = await client.evaluate(
            ALICE, new_query(conversation_id="c1", query="Caroline cat train Melanie", top_k=6)
        )
        shown = [memory.id for memory in bundle.memories]
        await client.feedback(
            ALICE, new_feedback(conversation_id="c1", bundle_id=bundle.bundle_id, helpful=[shown[number]])
        )
        seen.append((await client.state(ALICE)).weights)
    await client.publish_turn_metrics(ALICE, new_report(**metrics_of("t1", bundle_id=bundle.bundle_id, confidence=0.1)))
    seen.append((await client.state(ALICE)).weights)
    for reward in (0.5, -0.5):
        await client.feedback(
            ALICE,
            new_feedback(
                conversation_id="c1",
                bundle_id=bundle.bundle_id,
                turn_id=f"turn {reward}",
                reward=reward,
                metadata={"cost": 0.01},
            ),
        )
        seen.append((await client.state(ALICE)).weights)
    await client.feedback_batch(ALICE, [{"conversation_id": "c1", "reward": r / 10} for r in range(5)])
    await client.rollback(ALICE, version=3)
    await client.create_experiment(
        ALICE, new_experiment(name="e", planned=2, arms=[{"name": "control"}, {"name": "b", "changes": {"alpha": 0.3}}])
    )
    for number in range(40):
        arm = await client.assign_subject(ALICE, "e", f"s{number}")
        await client.record_outcomes(ALICE, "e", [{"subject": f"s{number}", "value": 0.01 * number - (arm != "b")}])
    await client.decide_experiment(ALICE, "e")
    return seen


async def test_each_update_names_event_signal_rate_and_delta(client):
    seen = await lived(client)
    history = await client.history(ALICE, after=0, limit=100)
    assert [update.version for update in history.updates] == list(range(1, history.newest_version + 1))
    assert history.start_weights == seen[0]
    for update, weights in zip(history.updates, seen[1:], strict=False):
        assert update.weights == weights
    kinds = [update.kind for update in history.updates]
    assert kinds[:6] == ["Evidence", "Evidence", "Evidence", "IterationOutcome", "Answer", "Answer"]
    assert kinds[6:] == ["Answer"] * 5 + ["Restore", "Promotion"]
    evidence, outcome, answer = history.updates[0], history.updates[3], history.updates[4]
    assert evidence.signals["alpha"] != 0.0
    assert evidence.learned_deltas["alpha"] != 0.0
    assert evidence.learning_rate == pytest.approx(0.05 * 0.9)
    assert (evidence.learning_factor, evidence.evidence_step, evidence.curvature_start) == (0.9, 0.8, 4.0)
    for update in history.updates[:3]:
        for name, slope in update.signals.items():
            move = 0.8 * update.learning_factor * slope / (4.0 + update.curvatures[name])
            by_shape = update.shape_moves.get(name, 0.0)
            assert update.learned_deltas.get(name, 0.0) - by_shape == pytest.approx(move, abs=1e-12)
    assert (outcome.turn_id, outcome.cause) == ("t1", "iteration")
    assert (answer.reward, answer.reward_terms) == (0.5, {"reward": 0.5})
    assert (answer.features["cost"], answer.curvatures, evidence.features) == (-1.0, {}, {})
    promotion = history.updates[-1]
    assert promotion.cause == "experiment"
    assert "experiment e: b won" in promotion.reason
    assert promotion.weight_deltas == {"alpha": pytest.approx(0.3)}
    assert history.updates[-2].reason == "rolled back to version 3"


def test_each_observation_keeps_its_name_on_the_wire():
    assert list(KINDS) == list(get_args(Observation))
    assert list(KINDS.values()) == ["Answer", "Evidence", "IterationOutcome", "Restore", "Promotion"]


async def test_any_stretch_says_the_same_as_the_whole(client):
    await lived(client)
    whole = await client.history(ALICE, after=0, limit=100)
    for after in range(whole.newest_version):
        part = await client.history(ALICE, after=after, limit=3)
        assert part.updates == whole.updates[after : after + 3]
        assert part.start_version == after
        assert part.start_weights == (whole.updates[after - 1].weights if after else whole.start_weights)
    last = await client.history(ALICE, limit=2)
    assert last.updates == whole.updates[-2:]
    assert (await client.history(ALICE, after=999)).updates == []
    assert (await client.history(MALLORY)).updates == []


@pytest.mark.parametrize("wrong", [{"limit": 0}, {"limit": 501}, {"after": -1}, {"after": "x"}])
async def test_a_stretch_that_cannot_be_is_refused(client, wrong):
    with pytest.raises(BrainRefused) as refused:
        await client.history(ALICE, **wrong)
    assert (refused.value.code, refused.value.field) == ("invalid_query", next(iter(wrong)))


async def test_a_preview_changes_nothing_and_shows_both(client, opened):
    await remembered(client)
    bundle = await client.evaluate(ALICE, new_query(conversation_id="c1", query="Caroline cat train Melanie", top_k=6))
    before = await client.preview(ALICE, new_preview(query="Caroline cat train Melanie"))
    assert [m.id for m in before.memories] == [m.id for m in before.other_memories]
    assert (before.only, before.other_only) == ([], [])
    last = bundle.memories[-1].id
    for _ in range(10):
        await client.feedback(ALICE, new_feedback(conversation_id="c1", bundle_id=bundle.bundle_id, helpful=[last]))
        bundle = await client.evaluate(
            ALICE, new_query(conversation_id="c1", query="Caroline cat train Melanie", top_k=6)
        )
    rows = opened.writer.database.query("SELECT COUNT(*) FROM bundles")
    after = await client.preview(ALICE, new_preview(query="Caroline cat train Melanie"))
    ours, theirs = ([m.id for m in memories] for memories in (after.memories, after.other_memories))
    assert ours.index(last) < (theirs.index(last) if last in theirs else 99)
    assert after.weights != after.other_weights
    assert opened.writer.database.query("SELECT COUNT(*) FROM bundles") == rows
    chosen = await client.preview(ALICE, new_preview(query="cat", weights={"tau": 1.2}))
    assert chosen.other_weights == chosen.weights | {"tau": 1.2}
    with pytest.raises(BrainRefused) as refused:
        await client.preview(ALICE, new_preview(query="cat", weights={"omega": 1.0}))
    assert (refused.value.code, refused.value.field) == ("unknown_weight", "weights.omega")


async def test_the_last_updates_of_a_batch_and_pages_of_it_are_as_the_whole(client, opened):
    """What is kept on the way, or where a page ended, changes how much is replayed and nothing else."""
    for batch in range(3):
        items = [{"conversation_id": "c", "reward": n / 200, "query": f"{batch} {n}"} for n in range(200)]
        await client.feedback_batch(ALICE, items)
        await client.feedback(ALICE, new_feedback(conversation_id="c", reward=-0.5, query=f"{batch}"))
    whole = (await client.history(ALICE, after=0, limit=500)).updates
    whole += (await client.history(ALICE, after=500, limit=500)).updates
    assert [update.version for update in whole] == list(range(1, 604))
    for limit in (1, 20, 50, 300):
        assert (await client.history(ALICE, limit=limit)).updates == whole[-limit:]
    fresh = Histories(opened.writer.database, opened.brain._learners)
    for after in range(0, 603, 67):
        page = fresh.read_stretch(ALICE, after=after, limit=67)
        assert page.updates == whole[after : after + 67]
        assert page.start_version == after
        assert page.start_weights == (whole[after - 1].weights if after else page.start_weights)


async def test_a_person_sees_own_feedback_of_a_conversation_and_nobody_else_s(client):
    await client.feedback(ALICE, new_feedback(conversation_id="c1", reward=0.5))
    await client.feedback(ALICE, new_feedback(conversation_id="c1", bundle_id="unknown", helpful=["m"]))
    await client.feedback(ALICE, new_feedback(conversation_id="c2", reward=0.1))
    await client.feedback(BOB, new_feedback(conversation_id="c1", reward=-1.0))
    await client.feedback(MALLORY, new_feedback(conversation_id="c1", reward=-1.0))
    given = await client.list_feedback(ALICE, conversation_id="c1")
    assert [(row.reward, row.helpful, row.applied, row.reason, row.version) for row in given] == [
        (None, 1, False, "unknown_bundle", None),
        (0.5, 0, True, None, 1),
    ]
    assert [row.version for row in await client.list_feedback(ALICE, conversation_id="c1", limit=1)] == [None]
    with pytest.raises(BrainRefused) as refused:
        await client.list_feedback(ALICE, conversation_id="")
    assert refused.value.field == "conversation_id"
