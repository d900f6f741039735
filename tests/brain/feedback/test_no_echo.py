"""A model's own citations earn no trust, an error of the caller is no failure of a tool, and both have a day."""

from typing import Any

import pytest
from tests.brain.conftest import ALICE, BOB, MALLORY, metrics_of, remembered
from tests.brain.requests import new_feedback, new_query, new_report

from soma.brain.root import open_brain
from soma.brain.verify import verify_database
from soma.memory.embedders.hashing import HashingEmbedder

pytestmark = pytest.mark.learning

QUESTION = "Caroline cat train Melanie"
HELD_OUT = "Caroline cat train"


@pytest.fixture
async def client(opened):
    await remembered(opened.client)
    return opened.client


async def cites(client, turn, *, who=ALICE, **fields):
    """A turn whose model cites the last of what it was shown, unsure of itself."""
    bundle = await client.evaluate(who, new_query(conversation_id="c1", query=QUESTION, top_k=6))
    cited = [bundle.memories[-1].id]
    body = {"bundle_id": bundle.bundle_id, "cited": cited, "confidence": 0.1, "tool_outcomes": {}} | fields
    learned = await client.publish_turn_metrics(who, new_report(**metrics_of(turn, **body)))
    return bundle, learned


async def earns_trust(client, who=ALICE):
    """A person who names again and again what stood last, also where nobody learns from it."""
    before = (await client.state(who)).trust
    for number in range(12):
        conversation, question = f"earned-{number}", HELD_OUT if number > 5 else QUESTION
        bundle = await client.evaluate(who, new_query(conversation_id=conversation, query=question, top_k=6))
        said = {"conversation_id": conversation, "bundle_id": bundle.bundle_id}
        await client.feedback(
            who, new_feedback(**said, helpful=[max(bundle.memories, key=lambda memory: memory.key).id])
        )
    assert (await client.state(who)).trust > before


def ranking(state):
    """What was learned of views; an outcome itself may move what gain, cost and latency are worth."""
    return {name: weight for name, weight in state.learned.items() if name not in {"lambda", "mu", "nu", "tau"}}


async def values(client, who=ALICE):
    return [(memory.key, memory.value) for memory in (await client.memories(who)).memories]


async def test_what_an_extractive_model_cites_teaches_nothing(client):
    before = await client.state(ALICE)
    worth = await values(client)
    for number in range(5):
        await cites(client, f"t{number}", extractive=True)
    after = await client.state(ALICE)
    assert (after.version, after.trust, ranking(after)) == (5, before.trust, ranking(before))
    assert await values(client) == worth


async def test_what_an_extractive_model_thinks_of_its_own_answer_is_no_reward(client):
    before = await client.state(ALICE)
    for number in range(5):
        body = metrics_of(f"t{number}", tool_outcomes={}, confidence=1.0, progress=None, extractive=True)
        learned = await client.publish_turn_metrics(ALICE, new_report(**body))
        assert (learned.reward, learned.reward_terms) == (0.0, {})
    assert (await client.state(ALICE)).learned == before.learned


async def test_what_another_model_cites_teaches_nothing_before_people_have_earned_trust(client):
    before, worth = await client.state(ALICE), await values(client)
    for number in range(5):
        await cites(client, f"t{number}", model="openai/gpt")
    after = await client.state(ALICE)
    assert (after.trust, ranking(after)) == (before.trust, ranking(before))
    assert await values(client) == worth


async def test_what_another_model_cites_moves_weights_a_little_and_neither_trust_nor_values(opened, client):
    await earns_trust(client)
    before, worth = await client.state(ALICE), await values(client)
    for number in range(5):
        await cites(client, f"t{number}", model="openai/gpt")
    cited = await client.state(ALICE)
    assert ranking(cited) != ranking(before)
    assert cited.trust == before.trust
    assert await values(client) == worth
    assert verify_database(opened.writer.database).faults == []


async def test_what_another_model_cites_counts_a_tenth_of_a_persons_word(client):
    await remembered(client, MALLORY)
    for who in (ALICE, MALLORY):
        await earns_trust(client, who)
    before = await client.state(ALICE)
    await cites(client, "t0")
    cited = await client.state(ALICE)
    bundle, _ = await cites(client, "t0", who=MALLORY, extractive=True)
    about = {"conversation_id": "c1", "bundle_id": bundle.bundle_id}
    await client.feedback(MALLORY, new_feedback(**about, helpful=[bundle.memories[-1].id]))
    person = await client.state(MALLORY)
    by_person, by_model = (
        sum(abs(weight - before.learned[name]) for name, weight in ranking(after).items()) for after in (person, cited)
    )
    assert 0 < by_model <= 0.13 * by_person  # what a person says damps itself


@pytest.mark.parametrize("by_batch", [False, True])
@pytest.mark.parametrize("word", [{"helpful": 0}, {"thumb": -1}])
async def test_a_persons_word_takes_back_what_the_turns_own_model_cited(opened, client, by_batch, word):
    """As if the model had cited nothing: weights and trust to the bit."""
    await remembered(client, MALLORY)
    for who in (ALICE, MALLORY):
        await earns_trust(client, who)
        bundle, _ = await cites(client, "t1", who=who, **({"cited": []} if who == MALLORY else {}))
        said = {"conversation_id": "c1", "turn_id": "t1", "bundle_id": bundle.bundle_id} | word
        if "helpful" in said:
            said["helpful"] = [bundle.memories[word["helpful"]].id]
        if by_batch:
            assert (await client.feedback_batch(who, [said])).adapted == 1
        else:
            assert (await client.feedback(who, new_feedback(**said))).status == "success"
    ours, alone = await client.state(ALICE), await client.state(MALLORY)
    assert (ours.learned, ours.trust, ours.weights) == (alone.learned, alone.trust, alone.weights)
    assert ours.version == alone.version + 2  # the citation, and that it was taken back
    assert verify_database(opened.writer.database).faults == []


@pytest.mark.parametrize("outcome", ["invalid", "denied", "breaker_open", "unknown"])
async def test_an_error_of_the_caller_is_no_failure_of_the_tool(client, outcome):
    for number in range(5):
        await client.publish_turn_metrics(
            ALICE, new_report(**metrics_of(f"t{number}", tool_outcomes={"calculator": outcome}))
        )
    assert (await client.state(ALICE)).usefulness == {}
    await client.publish_turn_metrics(ALICE, new_report(**metrics_of("t9", tool_outcomes={"calculator": "timeout"})))
    assert (await client.state(ALICE)).usefulness == {"calculator": 0.9}


async def test_a_tool_that_fails_without_end_keeps_a_floor_and_recovers_from_it(client):
    for number in range(40):
        await client.publish_turn_metrics(
            ALICE, new_report(**metrics_of(f"t{number}", tool_outcomes={"calculator": "failed"}))
        )
    assert (await client.state(ALICE)).usefulness == {"calculator": 0.2}
    await client.publish_turn_metrics(BOB, new_report(**metrics_of("good", tool_outcomes={"calculator": "ok"})))
    assert (await client.state(ALICE)).usefulness["calculator"] == pytest.approx(0.28)


async def test_beyond_the_day_what_one_persons_turns_come_to_is_felt_and_teaches_nothing(settings):
    settings = settings.model_copy(update={"lessons_per_day": 3})
    failing: dict[str, Any] = {"tool_outcomes": {"calculator": "failed"}, "confidence": 0.0, "latency_ms": 9_000.0}
    async with open_brain(settings, embedder=HashingEmbedder()) as opened:
        client = opened.client
        for number in range(3):
            await client.publish_turn_metrics(ALICE, new_report(**metrics_of(f"t{number}", **failing)))
        before = await client.state(ALICE)
        for number in range(3, 9):
            learned = await client.publish_turn_metrics(ALICE, new_report(**metrics_of(f"t{number}", **failing)))
            assert (learned.status, learned.gated) == ("success", True)
        after = await client.state(ALICE)
        assert after.version == 9
        assert (ranking(after), after.usefulness) == (ranking(before), before.usefulness)
        assert after.weights["lambda"] == before.weights["lambda"]
        await client.publish_turn_metrics(BOB, new_report(**metrics_of("other", **failing)))
        assert (await client.state(BOB)).usefulness["calculator"] < before.usefulness["calculator"]
        assert verify_database(opened.writer.database).faults == []
