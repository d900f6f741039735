"""Experiments through the service: assigned by hash, served by arm, counted once, promoted with before and after."""

import json
from typing import Any

import pytest
from tests.brain.conftest import ALICE, MALLORY, metrics_of, remembered
from tests.brain.requests import new_experiment, new_feedback, new_query, new_report

from soma.brain.errors import BrainRefused
from soma.brain.verify import verify_database
from soma.events.log import Log

pytestmark = pytest.mark.learning

ARMS = [{"name": "control"}, {"name": "bolder", "changes": {"alpha": 0.5, "tau": 0.2}}]


async def begun(client, **fields):
    return await client.create_experiment(ALICE, new_experiment(**{"name": "e1", "arms": ARMS, "planned": 5, **fields}))


async def filled(client, count, *, better="bolder", name="e1"):
    """`count` subjects an arm, with the better one clearly better."""
    left = {"control": count, "bolder": count}
    items, number = [], 0
    while any(left.values()):
        number += 1
        arm = await client.assign_subject(ALICE, name, f"s{number}")
        if left[arm]:
            left[arm] -= 1
            value = (0.6 if arm == better else 0.1) + 0.05 * (number % 3)
            items.append({"subject": f"s{number}", "value": value, "key": f"k{number}"})
    await client.record_outcomes(ALICE, name, items)
    return items


async def test_an_arm_serves_its_prior_and_its_outcomes_are_counted_once(client):
    await remembered(client)
    begun_one = await begun(client)
    weights: dict[str, float] = {}
    arms: dict[str, list[Any]] = {}
    for number in range(12):
        bundle = await client.evaluate(ALICE, new_query(conversation_id=f"c{number}", query="cat"))
        arm = await client.assign_subject(ALICE, "e1", f"c{number}")
        weights.setdefault(arm, bundle.weights["alpha"])
        arms.setdefault(arm, []).append((number, bundle))
        assert bundle.weights["alpha"] == pytest.approx({"control": 1.0, "bolder": 1.5}[arm])
    assert set(weights) == {"control", "bolder"}
    assert (await client.state(ALICE)).weights["alpha"] == 1.0
    number, bundle = arms["bolder"][0]
    body = {"conversation_id": f"c{number}", "bundle_id": bundle.bundle_id, "reward": 0.5}
    for _ in range(2):
        await client.feedback(ALICE, new_feedback(**body))
    await client.feedback_batch(ALICE, [body, {"conversation_id": f"c{number}", "rating": 5}, {"rating": 9}])
    shown = await client.experiment(ALICE, "e1")
    assert shown.assigned == {arm: len(bundles) for arm, bundles in arms.items()}
    assert shown.verdict["arms"]["bolder"] == {"n": 1, "mean": pytest.approx(0.75), "variance": 0.0}
    assert begun_one.experiment_id == shown.experiment_id
    learned = await client.publish_turn_metrics(
        ALICE, new_report(**metrics_of(bundle_id=arms["bolder"][1][1].bundle_id, weights=arms["bolder"][1][1].weights))
    )
    assert learned.weights["alpha"] == pytest.approx(1.0)


async def test_the_weights_of_an_arm_are_not_stale(client):
    await remembered(client)
    await begun(client)
    for number in range(6):
        bundle = await client.evaluate(ALICE, new_query(conversation_id=f"c{number}", query="cat"))
        body = metrics_of(f"t{number}", bundle_id=bundle.bundle_id, weights=bundle.weights)
        assert not (await client.publish_turn_metrics(ALICE, new_report(**body))).stale
        assert (await client.state(ALICE)).weights["alpha"] == pytest.approx(1.0)


async def test_a_promotion_moves_the_prior_of_its_learner_and_nobody_elses(client, opened, settings):
    for principal in (ALICE, MALLORY):
        await client.feedback(principal, new_feedback(conversation_id="c1", reward=0.5, metadata={"cost": 0.01}))
    elsewhere = await client.state(MALLORY)
    await begun(client)
    await filled(client, 5)
    before = await client.state(ALICE)
    decided = await client.decide_experiment(ALICE, "e1")
    after = await client.state(ALICE)
    assert (decided.status, decided.verdict["winner"]) == ("promoted", "bolder")
    assert decided.verdict["p"] < 0.05
    assert decided.verdict["d"] > 0.3
    for name, step in (("alpha", 0.5), ("tau", 0.2), ("lambda", 0.0)):
        assert after.weights[name] - before.weights[name] == pytest.approx(step), name
        assert decided.promotion["weights_after"][name] == after.weights[name]
        assert decided.promotion["weights_before"][name] == before.weights[name]
    assert after.prior["alpha"] == pytest.approx(1.5)
    assert (await client.state(MALLORY)) == elsewhere
    [event] = [
        e for e in Log(opened.writer.database).read_stream("acme", "learner:helper") if "promoted" in e.event_type
    ]
    fact = json.loads(event.payload or "")
    assert fact["prior_before"]["alpha"] == 1.0
    assert fact["prior_after"]["alpha"] == pytest.approx(1.5)
    assert verify_database(opened.writer.database).faults == []
    back = await client.rollback(ALICE, version=before.version)
    assert back.weights_after == before.weights


async def test_too_early_is_refused_and_can_be_stopped(client):
    await begun(client)
    await filled(client, 2)
    with pytest.raises(BrainRefused) as refused:
        await client.decide_experiment(ALICE, "e1")
    assert (refused.value.status, refused.value.code) == (409, "too_early")
    stopped = await client.decide_experiment(ALICE, "e1", stop=True)
    assert (stopped.status, stopped.promotion) == ("stopped", None)
    with pytest.raises(BrainRefused) as over:
        await client.decide_experiment(ALICE, "e1")
    assert over.value.code == "experiment_over"


async def test_the_control_can_win_and_nothing_moves(client):
    await begun(client)
    await filled(client, 5, better="control")
    before = await client.state(ALICE)
    decided = await client.decide_experiment(ALICE, "e1")
    assert (decided.verdict["winner"], decided.promotion) == ("control", None)
    assert await client.state(ALICE) == before


async def test_evidence_is_an_outcome_by_the_place_of_what_helped(client):
    await remembered(client)
    await begun(client, metric="reciprocal_rank")
    bundle = await client.evaluate(ALICE, new_query(conversation_id="c1", query="Caroline cat train Melanie", top_k=6))
    third = bundle.memories[2].id
    await client.feedback(ALICE, new_feedback(conversation_id="c1", bundle_id=bundle.bundle_id, helpful=[third]))
    found = (await client.experiment(ALICE, "e1")).verdict["arms"]
    assert sorted(arm["mean"] for arm in found.values()) == pytest.approx([0.0, 1 / 3])


@pytest.mark.parametrize(
    ("fields", "code", "status"),
    [
        ({"arms": None, "name": "nothing"}, "arms_missing", 422),
        ({"arms": [{"name": "a"}, {"name": "a", "changes": {"tau": 0.1}}]}, "arms_alike", 422),
        ({"arms": [{"name": "a"}, {"name": "b", "changes": {"omega": 1.0}}]}, "unknown_weight", 422),
        ({"arms": [{"name": "a"}, {"name": "b", "changes": {"gamma": 9.0}}]}, "step_out_of_bounds", 422),
        ({"arms": [{"name": "a"}, {"name": "b", "changes": {"alpha": 0.0}}]}, "zero_step", 422),
        ({"arms": [{"name": "a"}]}, "invalid_body", 422),
        *(({"name": name}, "invalid_name", 422) for name in ("x/y", "..", ".", "-x", "a b", "a" * 65, "é", "a\n")),
        ({"planned": 1}, "invalid_body", 422),
        ({"metric": "luck"}, "invalid_body", 422),
    ],
)
async def test_what_cannot_be_tried_is_refused(client, fields, code, status):
    with pytest.raises(BrainRefused) as refused:
        await begun(
            client,
            **{k: v for k, v in fields.items() if v is not None}
            | ({"arms": None} if "arms" in fields and fields["arms"] is None else {}),
        )
    assert (refused.value.code, refused.value.status) == (code, status)
    assert await client.experiments(ALICE) == []


@pytest.mark.parametrize(
    ("metric", "refused", "taken"), [("reward", 1.5, -1.0), ("reciprocal_rank", -0.1, 1.0), ("recorded", None, 500.0)]
)
async def test_a_told_outcome_is_on_the_scale_of_what_people_say(client, metric, refused, taken):
    await begun(client, metric=metric)
    if refused is not None:
        items = [{"subject": "s1", "value": 0.5}, {"subject": "s2", "value": refused}]
        with pytest.raises(BrainRefused) as error:
            await client.record_outcomes(ALICE, "e1", items)
        assert (error.value.code, error.value.field) == ("outcome_out_of_bounds", "items[1].value")
    assert not any((await client.experiment(ALICE, "e1")).assigned.values())
    assert await client.record_outcomes(ALICE, "e1", [{"subject": "s1", "value": taken}]) == 1


async def test_names_are_a_learners_own(client):
    await begun(client)
    with pytest.raises(BrainRefused) as refused:
        await begun(client)
    assert refused.value.code == "experiment_exists"
    with pytest.raises(BrainRefused) as unknown:
        await client.experiment(MALLORY, "e1")
    assert unknown.value.status == 404
    assert await client.experiments(MALLORY) == []
    assert [one.name for one in await client.experiments(ALICE, status="running")] == ["e1"]


async def test_the_worked_example_ships(client):
    shown = await client.create_experiment(ALICE, new_experiment(name="exp_retrieval_alpha_vs_tau"))
    assert shown.arms == [{"name": "alpha", "changes": {"alpha": 0.2}}, {"name": "tau", "changes": {"tau": 0.1}}]
    assert (shown.status, shown.planned, shown.method) == ("running", 100, "welch")


@pytest.mark.parametrize("method", ["welch", "anytime"])
async def test_a_thousand_results_are_all_analysed(client, method):
    await begun(client, planned=450, method=method)
    items = [{"subject": f"s{n}", "value": (n % 7) / 10, "key": f"k{n}"} for n in range(1_000)]
    await client.record_outcomes(ALICE, "e1", items)
    decided = await client.decide_experiment(ALICE, "e1")
    assert sum(arm["n"] for arm in decided.verdict["arms"].values()) == 1_000


async def test_what_a_batch_rejects_counts_nowhere(client):
    await begun(client, metric="reward")
    await client.assign_subject(ALICE, "e1", "c1")
    rejected = {"conversation_id": "c1", "reward": -1.0, "tenant": "somebody-else"}
    answer = await client.feedback_batch(ALICE, [rejected, {"conversation_id": "other", "reward": 0.5}])
    assert len(answer.rejected) == 1
    arms = (await client.experiment(ALICE, "e1")).verdict["arms"]
    assert sum(arm["n"] for arm in arms.values()) == 0


async def test_what_a_batch_says_of_an_arm_is_there_as_soon_as_the_batch_is(opened, client):
    await begun(client, metric="reward")
    await client.assign_subject(ALICE, "e1", "c1")
    seen = []

    def look(events) -> None:
        if any(event.event_type == "feedback.batch_received" for event in events):
            seen.extend(opened.writer.database.query("SELECT value FROM experiment_outcomes ORDER BY value"))

    stop = opened.writer.listen(look)
    verdict = {"conversation_id": "c1", "reward": 0.5}
    said = [verdict, {**verdict, "turn_id": "t"}, {**verdict, "reward": 1.0}]
    for _ in range(2):
        await client.feedback_batch(ALICE, said, idempotency_key="once")
    stop()
    assert seen == [(0.5,), (0.5,), (1.0,)]
    counted = opened.writer.database.query("SELECT COUNT(*) FROM experiment_outcomes")
    assert counted == [(3,)]
