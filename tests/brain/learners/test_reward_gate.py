"""A verdict on an answer that a denied tool led to, or that was withdrawn, teaches nothing; evidence still does."""

from typing import Any

import pytest
from msgspec.structs import replace
from tests.brain.conftest import ALICE, MALLORY, metrics_of, remembered
from tests.brain.requests import new_feedback, new_query, new_report

from soma.brain.core.learn import learn
from soma.brain.learners.checkpoints import Signer
from soma.brain.learners.observations import parse_observation
from soma.brain.learners.replay_without import replay_without
from soma.brain.root import open_brain
from soma.brain.verify import verify_database
from soma.events.facts.codec import fact_of
from soma.events.facts.learning import RewardVoided, WeightsUpdated
from soma.events.log import Log
from soma.memory.embedders.hashing import HashingEmbedder

pytestmark = pytest.mark.learning

DENIED: dict[str, Any] = {"tools_used": ["http"], "tool_outcomes": {"http": "denied"}}


def facts(opened, kind, who=ALICE):
    stream = Log(opened.writer.database).read_stream(who.tenant_id, f"learner:{who.agent_id}")
    return [fact for fact in map(fact_of, stream) if isinstance(fact, kind)]


def proved(opened, settings):
    report = verify_database(opened.writer.database, Signer.of(settings).believed)
    assert report.faults == []
    return report


async def test_praise_of_a_turn_with_a_denied_tool_is_recorded_and_not_learned(client, opened, settings):
    await client.publish_turn_metrics(ALICE, new_report(**metrics_of("t", 0, **DENIED)))
    await client.publish_turn_metrics(ALICE, new_report(**metrics_of("t", 1)))
    before = await client.state(ALICE)
    answer = await client.feedback(ALICE, new_feedback(conversation_id="c", turn_id="t", reward=1.0))
    assert (answer.accepted, answer.adaptation_applied, answer.voided) == (True, False, True)
    assert answer.reason == "reward_voided"
    assert await client.state(ALICE) == before
    [void] = facts(opened, RewardVoided)
    assert (void.turn_id, void.cause, void.iterations, void.versions) == ("t", "tool_denied", [0], [])
    assert void.learner_version == before.version
    [row] = await client.list_feedback(ALICE, conversation_id="c")
    assert (row.applied, row.reason, row.version) == (False, "reward_voided", None)
    clean = await client.feedback(ALICE, new_feedback(conversation_id="c", turn_id="another", reward=1.0))
    assert (clean.adaptation_applied, clean.voided) == (True, False)
    proved(opened, settings)


@pytest.mark.parametrize("word", ["Denied", "DENIED", " denied "])
async def test_a_denied_tool_is_one_however_the_word_is_written(client, word):
    await client.publish_turn_metrics(ALICE, new_report(**metrics_of("t", tool_outcomes={"http": word})))
    answer = await client.feedback(ALICE, new_feedback(conversation_id="c", turn_id="t", reward=1.0))
    assert (answer.adaptation_applied, answer.voided) == (False, True)


async def test_evidence_beside_a_voided_verdict_is_learned(client, opened):
    await remembered(client)
    bundle = await client.evaluate(ALICE, new_query(conversation_id="c", query="Caroline cat train Melanie", top_k=6))
    await client.publish_turn_metrics(ALICE, new_report(**metrics_of("t", **DENIED)))
    shown = [bundle.memories[0].id]
    answer = await client.feedback(
        ALICE, new_feedback(conversation_id="c", turn_id="t", bundle_id=bundle.bundle_id, helpful=shown, reward=1.0)
    )
    assert (answer.adaptation_applied, answer.voided) == (True, True)
    kinds = [fact.observation["kind"] for fact in facts(opened, WeightsUpdated)]
    assert kinds == ["outcome", "evidence"]


async def test_a_batch_passes_the_same_gate(client, opened, settings):
    await client.publish_turn_metrics(ALICE, new_report(**metrics_of("bad", **DENIED)))
    await client.publish_turn_metrics(ALICE, new_report(**metrics_of("good")))
    items = [{"conversation_id": "c", "turn_id": turn, "reward": 0.5} for turn in ("bad", "good", "bad2")]
    answer = await client.feedback_batch(ALICE, items)
    assert (answer.accepted, answer.adapted) == (3, 2)
    [void] = facts(opened, RewardVoided)
    assert (void.turn_id, void.learner_version) == ("bad", (await client.state(ALICE)).version)
    assert (await client.withdraw_answer(ALICE, turn_id="good")).versions == [3]
    report = proved(opened, settings)
    assert report.states["acme helper"] == (await client.state(ALICE)).state_hash


async def taught(client, turns):
    for number, turn in enumerate(turns):
        await client.publish_turn_metrics(ALICE, new_report(**metrics_of(turn, confidence=number / 10)))
        metadata = {"cost": 0.01 * number, "latency_ms": 900.0}
        reward = (-1) ** number * 0.8
        await client.feedback(ALICE, new_feedback(conversation_id="c", turn_id=turn, reward=reward, metadata=metadata))


async def test_a_withdrawn_answer_leaves_the_learner_as_if_it_had_never_been_judged(client, opened, settings):
    await taught(client, ["a", "b", "c"])
    before = await client.state(ALICE)
    state = opened.brain._learners.state_at(opened.writer.database, ALICE, 3)
    constants = opened.brain._learners.hyperparameters
    for fact in facts(opened, WeightsUpdated)[4:]:
        state, _ = learn(state, parse_observation(fact.observation), constants)
    withdrawn = await client.withdraw_answer(ALICE, turn_id="b")
    assert (withdrawn.status, withdrawn.versions, withdrawn.version) == ("success", [4], before.version + 1)
    now = opened.brain._learners.read_committed(ALICE)
    assert replace(now, version=0) == replace(state, version=0)
    assert (await client.state(ALICE)).state_hash == withdrawn.state_hash != before.state_hash
    again = await client.withdraw_answer(ALICE, turn_id="b")
    assert (again.status, again.version) == ("duplicate", withdrawn.version)
    late = await client.feedback(
        ALICE, new_feedback(conversation_id="c", turn_id="b", reward=1.0, idempotency_key="late")
    )
    assert (late.voided, late.reason) == (True, "reward_voided")
    history = await client.history(ALICE, after=0, limit=100)
    assert [update.version for update in history.updates] == list(range(1, withdrawn.version + 1))
    assert history.updates[3].reward == -0.8  # what happened stays: nothing is written anew
    assert history.updates[-1].cause == "reward_voided"
    assert "turn b: answer_withdrawn" in history.updates[-1].reason
    assert proved(opened, settings).states["acme helper"] == withdrawn.state_hash


async def test_an_answer_that_was_withdrawn_stays_out_when_an_earlier_one_is_withdrawn_too(client, opened):
    await taught(client, ["a", "b", "c"])
    told, learners = facts(opened, WeightsUpdated), opened.brain._learners
    for turn in ("b", "a"):
        await client.withdraw_answer(ALICE, turn_id=turn)
    state = learners.state_at(opened.writer.database, ALICE, 1)
    for version in (3, 5, 6):  # 2 and 4 are the verdicts on a and b
        state, _ = learn(state, parse_observation(told[version - 1].observation), learners.hyperparameters)
    assert replace(learners.read_committed(ALICE), version=0) == replace(state, version=0)


async def test_withdrawals_add_up_across_rollbacks_batches_and_a_restart(settings):
    settings = settings.model_copy(update={"snapshot_every": 3, "batch_workers": 0})
    async with open_brain(settings, embedder=HashingEmbedder()) as opened:
        client = opened.client
        await taught(client, ["a", "b", "c"])
        await client.rollback(ALICE, version=5)
        items = [{"conversation_id": "c", "turn_id": "d", "reward": 0.3}, {"conversation_id": "c", "reward": 0.4}]
        await client.feedback_batch(ALICE, items)
        for turn in ("d", "b", "a"):
            assert (await client.withdraw_answer(ALICE, turn_id=turn)).status == "success"
            await taught(client, [f"after {turn}"])
        await client.rollback(ALICE, version=10)
        before = await client.state(ALICE)
        assert proved(opened, settings).states["acme helper"] == before.state_hash
        opened.writer.database.query("SELECT 1")
        connection = opened.writer.database.connect()
        connection.execute("DELETE FROM learner_snapshots WHERE version > 1")
        connection.close()
    async with open_brain(settings, embedder=HashingEmbedder()) as opened:
        assert await opened.client.state(ALICE) == before


async def test_withdrawing_what_nobody_judged_moves_nothing_and_still_closes_the_gate(client, opened):
    await client.publish_turn_metrics(ALICE, new_report(**metrics_of("t")))
    before = await client.state(ALICE)
    withdrawn = await client.withdraw_answer(ALICE, turn_id="t")
    assert (withdrawn.status, withdrawn.versions) == ("success", [])
    assert await client.state(ALICE) == before
    assert (await client.feedback(ALICE, new_feedback(conversation_id="c", turn_id="t", reward=1.0))).voided
    assert not (await client.feedback(MALLORY, new_feedback(conversation_id="c", turn_id="t", reward=1.0))).voided


def test_what_is_left_out_is_as_if_it_had_never_been(hyperparameters_and_log):
    """For any one update: the rest, learned in order, to the bit."""
    constants, events, states, records = hyperparameters_and_log
    for left_out in range(1, len(records) + 1):
        expected = states[left_out - 1]
        for number, record in enumerate(records, 1):
            if number > left_out:
                expected, _ = learn(expected, parse_observation(record), constants)
        found = replay_without(
            frozenset({left_out}),
            lambda: events,
            until=len(records),
            hyperparameters_of=lambda _: constants,
            at=states.__getitem__,
        )
        assert found == expected


@pytest.fixture
def hyperparameters_and_log():
    from soma.brain.core.hyperparameters import Hyperparameters
    from soma.brain.core.state import LearnerState
    from soma.events.chain import Head, place
    from soma.events.facts.codec import Subject, draft

    constants = Hyperparameters()
    records = [{"kind": "answer", "reward": (-1) ** n * n / 12, "cost": 0.01 * n, "latency_ms": 100.0 * n}
               for n in range(1, 12)]  # fmt: skip
    states = {0: LearnerState.initial(constants)}
    events, head = [], Head()
    for number, record in enumerate(records, 1):
        states[number], _ = learn(states[number - 1], parse_observation(record), constants)
        fact = WeightsUpdated(
            learner_version=number, cause="feedback", observation=record, weight_deltas={}, state_hash=""
        )
        event = place(draft(fact, Subject(tenant_id="t", stream="s")), head=head, position=number,
                      conversation_position=None)  # fmt: skip
        events.append(event)
        head = Head(event.seq, event.hash)
    return constants, events, states, records
