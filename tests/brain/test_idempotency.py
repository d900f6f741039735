"""At least once in, exactly once learned."""

import asyncio

from tests.brain.conftest import ALICE, BOB, metrics_of


async def test_a_repeated_iteration_gets_the_first_answer_whatever_its_body(client):
    first = await client.publish_turn_metrics(ALICE, **metrics_of(confidence=0.9))
    again = await client.publish_turn_metrics(ALICE, **metrics_of(confidence=0.1, tool_outcomes={"clock": "failed"}))
    assert again.status == "duplicate"
    assert (again.weights, again.version, again.reward) == (first.weights, first.version, first.reward)
    assert (await client.state(ALICE)).version == 1


async def test_duplicates_in_flight_are_learned_once(client):
    answers = await asyncio.gather(*(client.publish_turn_metrics(ALICE, **metrics_of()) for _ in range(20)))
    assert sorted(answer.status for answer in answers) == ["duplicate"] * 19 + ["success"]
    feedbacks = await asyncio.gather(*(client.feedback(ALICE, conversation_id="c1", reward=1.0) for _ in range(20)))
    assert [answer.status for answer in feedbacks].count("success") == 1
    assert len({str(answer.weights_after) for answer in feedbacks}) == 1
    assert (await client.state(ALICE)).version == 2


async def test_the_same_body_is_the_same_feedback_and_a_key_decides_where_it_is_given(client):
    said = {"conversation_id": "c1", "reward": 0.5}
    assert (await client.feedback(ALICE, **said)).status == "success"
    assert (await client.feedback(ALICE, **said)).status == "duplicate"
    assert (await client.feedback(ALICE, **said, idempotency_key="k1")).status == "success"
    assert (await client.feedback(ALICE, conversation_id="c2", reward=-1.0, idempotency_key="k1")).status == "duplicate"
    assert (await client.feedback(BOB, **said)).status == "success"
    assert (await client.feedback(BOB, **said, idempotency_key="k1")).status == "success"


async def test_duplicates_within_a_batch_and_after_it_are_dropped(client):
    item = {"conversation_id": "c1", "reward": 0.5}
    answer = await client.feedback_batch(ALICE, [item, item, {**item, "reward": 0.6}])
    assert (answer.accepted, answer.duplicates) == (2, 1)
    again = await client.feedback_batch(ALICE, [item])
    assert (again.accepted, again.duplicates) == (0, 1)
    assert (await client.feedback(ALICE, **item)).status == "duplicate"
    assert (await client.state(ALICE)).version == 2


async def test_one_key_stands_for_a_whole_batch(client):
    items = [{"conversation_id": "c1", "reward": 0.5}] * 3
    first = await client.feedback_batch(ALICE, items, idempotency_key="b1")
    again = await client.feedback_batch(ALICE, items, idempotency_key="b1")
    assert first.accepted == 3
    assert again == first
    assert (await client.state(ALICE)).version == 3


async def test_a_caller_that_goes_away_does_not_undo_a_commit(opened):
    call = asyncio.ensure_future(opened.client.publish_turn_metrics(ALICE, **metrics_of()))
    await asyncio.sleep(0)
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    await opened.client.feedback(ALICE, conversation_id="c1", reward=1.0)
    assert (await opened.client.publish_turn_metrics(ALICE, **metrics_of())).status == "duplicate"
