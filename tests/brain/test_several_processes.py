"""Several brains on one database: one appender at a time, every lesson once, no weight from a stale state."""

import asyncio
import threading

import pytest
from msgspec.structs import replace
from pydantic import SecretStr
from tests.brain.conftest import ALICE, BOB, TOKEN, metrics_of, remembered
from tests.brain.requests import new_feedback, new_query, new_report

from soma.brain.client import BrainClient
from soma.brain.errors import BrainUnavailable
from soma.brain.root import open_brain
from soma.brain.settings import BrainSettings
from soma.brain.verify import verify_database
from soma.memory.embedders.hashing import HashingEmbedder


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.integration)])
def shared(request, settings):
    if request.param == "sqlite":
        return settings
    return settings.model_copy(update={"database_url": request.getfixturevalue("postgresql").database()})


async def test_two_brains_learn_into_one_learner_without_a_gap(shared):
    async with (
        open_brain(shared, embedder=HashingEmbedder()) as one,
        open_brain(shared, embedder=HashingEmbedder()) as two,
    ):

        async def turn(number: int) -> None:
            brain = (one, two)[number % 2]
            await brain.client.publish_turn_metrics(ALICE, new_report(**metrics_of(turn_id=f"t{number}")))
            await brain.client.feedback(BOB, new_feedback(conversation_id=f"c{number}", reward=0.5))

        await asyncio.gather(*(turn(number) for number in range(40)))
        items = [{"conversation_id": f"c{n}", "reward": 0.1} for n in range(30)]
        batches = (brain.client.feedback_batch(ALICE, items, idempotency_key="b") for brain in (one, two))
        assert {answer.accepted for answer in await asyncio.gather(*batches)} == {30}
        report = verify_database(one.writer.database)
        assert report.faults == []
        assert report.updates == 40 + 40 + 30
        assert report.feedbacks == report.rows == 40 + 30
        one.writer.database.close()


async def test_the_same_iteration_at_two_brains_is_learned_once(shared):
    async with (
        open_brain(shared, embedder=HashingEmbedder()) as one,
        open_brain(shared, embedder=HashingEmbedder()) as two,
    ):
        answers = await asyncio.gather(
            *(
                brain.client.publish_turn_metrics(ALICE, new_report(**metrics_of()))
                for brain in (one, two)
                for _ in range(5)
            )
        )
        assert sorted(answer.status for answer in answers) == ["duplicate"] * 9 + ["success"]
        assert len({str(answer.weights) for answer in answers}) == 1


@pytest.mark.parametrize("key", ["k", None], ids=["by its key", "by what it says"])
async def test_the_same_feedback_at_two_brains_is_learned_once(shared, key):
    said = {"conversation_id": "c", "reward": 0.9, "metadata": {"cost": 0.01, "latency_ms": 9_000.0}}
    said |= {"idempotency_key": key}
    async with (
        open_brain(shared, embedder=HashingEmbedder()) as one,
        open_brain(shared, embedder=HashingEmbedder()) as two,
    ):
        first = await one.client.feedback(ALICE, new_feedback(**said))
        assert any(first.weight_deltas.values())
        assert await two.client.feedback(ALICE, new_feedback(**said)) == replace(first, status="duplicate")
        at_once = [brain.client.feedback(BOB, new_feedback(**said)) for brain in (one, two) for _ in range(5)]
        answers = await asyncio.gather(*at_once)
        assert sorted(answer.status for answer in answers) == ["duplicate"] * 9 + ["success"]
        assert len({str(replace(answer, status="")) for answer in answers}) == 1
        assert (await two.client.state(ALICE)).version == 2
        report = verify_database(one.writer.database)
        assert (report.faults, report.feedbacks, report.updates) == ([], 2, 2)


async def test_who_has_only_restored_notices_what_others_wrote_since(shared):
    async with open_brain(shared, embedder=HashingEmbedder()) as one:
        await one.client.feedback(BOB, new_feedback(conversation_id="c", reward=0.5))
        async with open_brain(shared, embedder=HashingEmbedder()) as two:
            await one.client.feedback(BOB, new_feedback(conversation_id="d", reward=0.5))
            assert (await two.client.feedback(BOB, new_feedback(conversation_id="e", reward=0.5))).version == 3
            assert verify_database(one.writer.database).faults == []


@pytest.mark.integration
async def test_what_one_brain_learned_the_other_serves(settings, postgresql):
    shared = settings.model_copy(update={"database_url": postgresql.database()})
    async with (
        open_brain(shared, embedder=HashingEmbedder()) as one,
        open_brain(shared, embedder=HashingEmbedder()) as two,
    ):
        for number in range(3):
            brain = (one, two)[number % 2]
            await brain.client.publish_turn_metrics(ALICE, new_report(**metrics_of(iteration_number=number)))
            states = [await each.client.state(ALICE) for each in (one, two)]
            assert states[0] == states[1]
            assert states[0].version == number + 1


@pytest.mark.integration
async def test_a_database_that_went_away_is_used_again_when_it_is_back(settings, postgresql):
    shared = settings.model_copy(update={"database_url": postgresql.database()})
    async with open_brain(shared, embedder=HashingEmbedder()) as opened:
        await opened.client.publish_turn_metrics(ALICE, new_report(**metrics_of()))
        postgresql.disconnect()
        outcomes = [await _tried(opened.client, number) for number in range(1, 6)]
        assert "unavailable" in outcomes  # said so, and nothing half-written
        assert outcomes[-1] == "success"
        state = await opened.client.state(ALICE)
        assert state.version == 1 + outcomes.count("success")
        assert verify_database(opened.writer.database).faults == []


async def _tried(client: BrainClient, number: int) -> str:
    try:
        return (await client.publish_turn_metrics(ALICE, new_report(**metrics_of(iteration_number=number)))).status
    except BrainUnavailable:
        return "unavailable"


@pytest.mark.integration
def test_a_brain_ends_though_its_database_is_away(postgresql, tmp_path):
    url = postgresql.database()
    settings = BrainSettings(data_dir=tmp_path, database_url=url, service_token=SecretStr(TOKEN))

    async def live() -> None:
        async with open_brain(settings, embedder=HashingEmbedder()) as opened:
            await remembered(opened.client)
            await opened.client.evaluate(ALICE, new_query(conversation_id="c", query="cat"))
            postgresql.take_away(url)
            with pytest.raises(BrainUnavailable):
                await opened.client.evaluate(ALICE, new_query(conversation_id="c", query="cat"))

    life = threading.Thread(target=lambda: asyncio.run(live()), daemon=True)  # an end that waits is not to be cancelled
    life.start()
    life.join(30)
    assert not life.is_alive()
