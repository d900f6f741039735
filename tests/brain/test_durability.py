"""What was acknowledged is there after a restart, to the bit; what was not committed never moved a weight."""

import asyncio
import sqlite3

import pytest
from msgspec.structs import replace
from tests.brain.conftest import ALICE, MALLORY, metrics_of, remembered
from tests.brain.requests import new_feedback, new_query, new_report

from soma.brain.core.state import LearnerState
from soma.brain.errors import BrainRefused, BrainUnavailable
from soma.brain.learners.chain import stream_of
from soma.brain.root import open_brain
from soma.brain.verify import verify_database
from soma.events.chain import verify
from soma.events.log import Log
from soma.memory.embedders.hashing import HashingEmbedder


async def lived(client) -> None:
    """A bit of everything that learns."""
    ids = await remembered(client)
    for number in range(6):
        bundle = await client.evaluate(
            ALICE, new_query(conversation_id="c1", query="Caroline cat train Melanie", top_k=6)
        )
        cited = [bundle.memories[0].id]
        body = metrics_of(iteration_number=number, bundle_id=bundle.bundle_id, cited=cited, confidence=number / 6)
        await client.publish_turn_metrics(ALICE, new_report(**body))
        await client.feedback(
            ALICE, new_feedback(conversation_id="c1", bundle_id=bundle.bundle_id, helpful=[ids[number]])
        )
    await client.rollback(ALICE, turn_id="turn-1", iteration_number=2)
    await client.feedback_batch(ALICE, [{"conversation_id": "c1", "reward": n / 9} for n in range(9)])
    await client.publish_turn_metrics(MALLORY, new_report(**metrics_of()))


@pytest.mark.parametrize("snapshot_every", [1, 7, 1_000])
async def test_a_restart_restores_the_same_state_hash(settings, snapshot_every):
    settings = settings.model_copy(update={"snapshot_every": snapshot_every})
    async with open_brain(settings, embedder=HashingEmbedder()) as opened:
        await lived(opened.client)
        before = [await opened.client.state(who) for who in (ALICE, MALLORY)]
    async with open_brain(settings, embedder=HashingEmbedder()) as opened:
        assert [await opened.client.state(who) for who in (ALICE, MALLORY)] == before
        events = Log(opened.writer.database).read_stream(ALICE.tenant_id, stream_of(ALICE))
        assert verify(events).seq == len(events)


async def test_a_changed_constant_does_not_change_what_was_learned_before(settings):
    settings = settings.model_copy(update={"snapshot_every": 1_000})
    async with open_brain(settings, embedder=HashingEmbedder()) as opened:
        await lived(opened.client)
        before = await opened.client.state(ALICE)
    learner = settings.learner.model_copy(update={"modulator_leak": 0.5, "evidence_step": 1.0})
    async with open_brain(settings.model_copy(update={"learner": learner}), embedder=HashingEmbedder()) as opened:
        assert (await opened.client.state(ALICE)).state_hash == before.state_hash


async def test_a_reset_and_a_withdrawal_under_changed_constants_are_proved(settings):
    """Nothing learned means another state after an upgrade: the events name the constants that they began with."""
    prior = settings.learner.model_copy(update={"neuromodulator_profile": "unit", "tau_default": 0.9})
    async with open_brain(settings, embedder=HashingEmbedder()) as opened:
        await opened.client.feedback(ALICE, new_feedback(conversation_id="c", turn_id="t", reward=0.5))
        await lived(opened.client)
    changed = settings.model_copy(update={"learner": prior, "snapshot_every": 1_000})
    async with open_brain(changed, embedder=HashingEmbedder()) as opened:
        await opened.client.withdraw_answer(ALICE, turn_id="t")
        await opened.client.rollback(ALICE, version=0)
        await opened.client.feedback(ALICE, new_feedback(conversation_id="c", reward=0.1))
        before = await opened.client.state(ALICE)
        assert verify_database(opened.writer.database).faults == []
    async with open_brain(settings, embedder=HashingEmbedder()) as opened:
        assert (await opened.client.state(ALICE)).state_hash == before.state_hash
        assert verify_database(opened.writer.database).faults == []


async def test_versions_in_the_log_have_no_gaps(opened):
    await lived(opened.client)
    expected = 1
    for event in Log(opened.writer.database).read_stream(ALICE.tenant_id, stream_of(ALICE)):
        from soma.events.facts.codec import fact_of
        from soma.events.facts.learning import RewardVoided, WeightsBatchUpdated, WeightsRolledBack, WeightsUpdated

        match fact_of(event):
            case (
                WeightsUpdated(learner_version=version)
                | WeightsRolledBack(learner_version=version)
                | RewardVoided(learner_version=version)
            ):
                assert version == expected
                expected += 1
            case WeightsBatchUpdated(first_version=first, learner_version=version):
                assert first == expected
                expected = version + 1
    assert (await opened.client.state(ALICE)).version == expected - 1


async def test_a_failed_commit_leaves_the_weights_unmoved(opened):
    await opened.client.publish_turn_metrics(ALICE, new_report(**metrics_of()))
    before = await opened.client.state(ALICE)
    connection = opened.writer.database.connect()
    connection.execute("CREATE TRIGGER refuse BEFORE INSERT ON turn_metrics BEGIN SELECT RAISE(FAIL, 'no row'); END")
    with pytest.raises(BrainRefused):
        await opened.client.publish_turn_metrics(ALICE, new_report(**metrics_of(iteration_number=1)))
    assert await opened.client.state(ALICE) == before
    connection.execute("DROP TRIGGER refuse")
    connection.close()
    learned = await opened.client.publish_turn_metrics(ALICE, new_report(**metrics_of(iteration_number=1)))
    assert (learned.status, learned.version) == ("success", before.version + 1)


async def test_a_locked_database_is_not_ready_and_comes_back(settings):
    from soma.events import database

    settings = settings.model_copy(update={"ready_seconds": 0.2})
    async with open_brain(settings, embedder=HashingEmbedder()) as opened:
        connection = database.Database(settings.database).connect()
        connection.execute("BEGIN IMMEDIATE")
        with pytest.raises(BrainUnavailable, match="database"):
            await opened.client.ready()
        connection.execute("ROLLBACK")
        connection.close()
        async with asyncio.timeout(5):
            while True:
                try:
                    await opened.client.ready()
                    break
                except BrainUnavailable:
                    await asyncio.sleep(0.05)


async def test_a_second_process_does_not_open_the_same_folder(tmp_path):
    from soma.brain.__main__ import FolderInUse, lock

    with lock(tmp_path), pytest.raises(FolderInUse, match="in use by process"), lock(tmp_path):
        pass
    with lock(tmp_path):
        pass


def forged(settings, change) -> None:
    connection = sqlite3.connect(settings.data_dir / "brain.sqlite3")
    with connection:
        change(connection)
    connection.close()


async def test_a_stored_state_that_the_log_does_not_bear_out_is_neither_served_nor_overlooked(settings):
    async with open_brain(settings, embedder=HashingEmbedder()) as opened:
        await lived(opened.client)
        before = await opened.client.state(ALICE)

    def insert(connection: sqlite3.Connection) -> None:
        [row] = connection.execute(
            "SELECT state FROM learner_snapshots WHERE tenant_id = ? ORDER BY version DESC LIMIT 1", [ALICE.tenant_id]
        )
        state = replace(LearnerState.from_json(row[0]), version=before.version + 1, baseline=0.9)
        [(seq,)] = connection.execute("SELECT MAX(seq) FROM events WHERE stream = ?", [stream_of(ALICE)])
        values = [ALICE.tenant_id, ALICE.agent_id, state.version, seq, state.to_json(), state.state_hash(), "2026"]
        connection.execute("INSERT INTO learner_snapshots VALUES (?, ?, ?, ?, ?, ?, ?)", values)

    forged(settings, insert)
    async with open_brain(settings, embedder=HashingEmbedder()) as opened:
        assert await opened.client.state(ALICE) == before
        assert "of no update in the log" in verify_database(opened.writer.database).faults[0]


async def test_the_lost_end_of_a_chain_does_not_go_unnoticed(settings):
    async with open_brain(settings, embedder=HashingEmbedder()) as opened:
        await lived(opened.client)
        assert verify_database(opened.writer.database).faults == []

    def drop(connection: sqlite3.Connection) -> None:
        connection.execute(
            "DELETE FROM events WHERE tenant_id = ? AND stream = ? AND seq = (SELECT MAX(seq) FROM events AS e "
            "WHERE e.tenant_id = events.tenant_id AND e.stream = events.stream)",
            [ALICE.tenant_id, stream_of(ALICE)],
        )

    forged(settings, drop)
    async with open_brain(settings, embedder=HashingEmbedder()) as opened:
        faults = verify_database(opened.writer.database).faults
    assert any("events were written" in fault for fault in faults)


async def test_a_row_of_feedback_that_was_changed_is_named(settings):
    async with open_brain(settings, embedder=HashingEmbedder()) as opened:
        await lived(opened.client)
    forged(
        settings, lambda connection: connection.execute("UPDATE feedback_events SET user_id = 'evil' WHERE item = 2")
    )
    async with open_brain(settings, embedder=HashingEmbedder()) as opened:
        [fault] = verify_database(opened.writer.database).faults
    assert "row 2 of feedback" in fault


@pytest.mark.parametrize(
    "sql", ["UPDATE usage_days SET calls = calls + 1", "DELETE FROM usage_days", "DELETE FROM token_usage"]
)
async def test_sums_of_usage_that_their_entries_do_not_make_are_named(settings, sql):
    async with open_brain(settings, embedder=HashingEmbedder()) as opened:
        await opened.client.feedback(
            ALICE, new_feedback(conversation_id="c1", reward=1.0, metadata={"tokens": 7, "cost": 0.1})
        )
        await opened.client.feedback(
            ALICE, new_feedback(conversation_id="c1", reward=0.5, metadata={"tokens": 3, "cost": 0.2})
        )
        assert verify_database(opened.writer.database).faults == []
    forged(settings, lambda connection: connection.execute(sql))
    async with open_brain(settings, embedder=HashingEmbedder()) as opened:
        [fault] = verify_database(opened.writer.database).faults
    assert "the usage of acme" in fault
