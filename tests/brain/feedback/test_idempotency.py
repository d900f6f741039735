"""At least once in, exactly once learned."""

import asyncio

import msgspec
import pytest
from msgspec.structs import replace
from tests.brain.conftest import ALICE, BOB, metrics_of
from tests.brain.requests import new_feedback, new_report

from soma.brain.errors import BrainRefused


async def test_a_repeated_iteration_gets_the_first_answer_whatever_its_body(client):
    first = await client.publish_turn_metrics(ALICE, new_report(**metrics_of(confidence=0.9)))
    again = await client.publish_turn_metrics(
        ALICE, new_report(**metrics_of(confidence=0.1, tool_outcomes={"clock": "failed"}))
    )
    assert again.status == "duplicate"
    assert (again.weights, again.version, again.reward) == (first.weights, first.version, first.reward)
    assert (await client.state(ALICE)).version == 1


async def test_duplicates_in_flight_are_learned_once(client):
    answers = await asyncio.gather(*(client.publish_turn_metrics(ALICE, new_report(**metrics_of())) for _ in range(20)))
    assert sorted(answer.status for answer in answers) == ["duplicate"] * 19 + ["success"]
    feedbacks = await asyncio.gather(
        *(client.feedback(ALICE, new_feedback(conversation_id="c1", reward=1.0)) for _ in range(20))
    )
    assert [answer.status for answer in feedbacks].count("success") == 1
    assert len({str(answer.weights_after) for answer in feedbacks}) == 1
    assert (await client.state(ALICE)).version == 2


async def test_the_first_answer_comes_again_to_the_bit(client):
    said = {"conversation_id": "c1", "reward": 0.9, "metadata": {"cost": 0.01, "latency_ms": 9_000.0}}
    first, again = [await client.feedback(ALICE, new_feedback(**said)) for _ in range(2)]
    assert any(first.weight_deltas.values())
    assert again == msgspec.structs.replace(first, status="duplicate")


async def test_the_same_word_is_the_same_feedback_whatever_its_key(client):
    said = {"conversation_id": "c1", "reward": 0.5}
    assert (await client.feedback(ALICE, new_feedback(**said))).status == "success"
    assert (await client.feedback(ALICE, new_feedback(**said))).status == "duplicate"
    assert (await client.feedback(ALICE, new_feedback(**said, idempotency_key="k1"))).status == "duplicate"
    assert (await client.feedback(BOB, new_feedback(**said))).status == "success"
    assert (
        await client.feedback(BOB, new_feedback(conversation_id="c2", reward=-1.0, idempotency_key="k1"))
    ).status == "success"
    assert (await client.state(ALICE)).version == 3


async def test_another_word_under_a_used_key_is_refused_and_a_correction_never_lost(client):
    said = {"conversation_id": "c1", "query": "When is the sweep?", "idempotency_key": "k1"}
    await client.feedback(ALICE, new_feedback(**said, correction={"text": "On 3 May."}))
    for other in ({"correction": {"text": "On 4 May."}}, {"thumb": 1}):
        with pytest.raises(BrainRefused) as refused:
            await client.feedback(ALICE, new_feedback(**said, **other))
        assert (refused.value.status, refused.value.code) == (409, "idempotency_key_used")
        assert refused.value.field == "idempotency_key"
    assert (await client.state(ALICE)).version == 1
    again = {"correction": {"text": "On 3 May.", "key": "k"}, "metadata": {"cost": 0.5}}
    assert (await client.feedback(ALICE, new_feedback(**said, **again))).status == "duplicate"
    assert (await client.feedback(BOB, new_feedback(**said, thumb=1))).status == "success"


async def test_another_word_under_the_key_of_a_repeated_one_is_refused(client):
    said = {"conversation_id": "c1", "turn_id": "t1"}
    await client.feedback(ALICE, new_feedback(**said, thumb=1))
    assert (await client.feedback(ALICE, new_feedback(**said, thumb=1, idempotency_key="k1"))).status == "duplicate"
    with pytest.raises(BrainRefused, match="another key"):
        await client.feedback(ALICE, new_feedback(**said, thumb=-1, idempotency_key="k1"))


async def test_items_of_a_batch_that_say_another_thing_under_a_used_key_are_rejected_by_index(client):
    one, same, other = (
        {"conversation_id": "c1", "reward": reward, "idempotency_key": "k1"} for reward in (0.5, 0.5, -0.5)
    )
    fresh = {"conversation_id": "c2", "reward": 0.5, "idempotency_key": "k2"}
    answer = await client.feedback_batch(ALICE, [one, other, same, fresh])
    assert (answer.accepted, answer.duplicates) == (2, 1)
    assert [(item.index, item.error["code"]) for item in answer.rejected] == [(1, "idempotency_key_used")]
    later = await client.feedback_batch(ALICE, [{"conversation_id": ""}, fresh | {"reward": 1.0}, fresh])
    assert (later.accepted, later.duplicates, [item.index for item in later.rejected]) == (0, 1, [0, 1])
    with pytest.raises(BrainRefused, match="another key"):
        await client.feedback(ALICE, new_feedback(**other))


async def test_another_batch_under_a_used_key_is_refused(client):
    items = [{"conversation_id": "c1", "reward": 0.5}]
    await client.feedback_batch(ALICE, items, idempotency_key="b1")
    with pytest.raises(BrainRefused) as refused:
        await client.feedback_batch(ALICE, [{"conversation_id": "c1", "reward": 0.4}], idempotency_key="b1")
    assert (refused.value.status, refused.value.code) == (409, "idempotency_key_used")
    assert (await client.state(ALICE)).version == 1


async def test_a_changed_mind_is_a_new_word_each_time_and_a_repeated_one_is_not(client):
    turn = {"conversation_id": "c1", "turn_id": "t1"}
    up, down = {**turn, "thumb": 1}, {**turn, "thumb": -1}
    said = [up, up, down, down, up, up, down, up]
    answers = [await client.feedback(ALICE, new_feedback(**word)) for word in said]
    new, old = "success", "duplicate"
    assert [answer.status for answer in answers] == [new, old, new, old, new, old, new, new]
    assert answers[5].feedback_id == answers[4].feedback_id
    assert len({answer.feedback_id for answer in answers if answer.status == new}) == 5
    assert (await client.state(ALICE)).version == 1 + 4 * 2, "what was said before is taken back each time"
    assert (await client.feedback(BOB, new_feedback(**up))).status == new
    assert (await client.feedback(ALICE, new_feedback(**up))).status == old, "what Bob says is no word of hers"
    assert (await client.feedback(ALICE, new_feedback(**{**up, "turn_id": "t2"}))).status == new
    assert (await client.feedback(ALICE, new_feedback(**up))).status == old, "nor what she says of another turn"


async def test_a_mind_is_changed_across_batches_too(client):
    up, down = ({"conversation_id": "c1", "turn_id": "t1", "thumb": thumb} for thumb in (1, -1))
    await client.feedback_batch(ALICE, [up])
    assert (await client.feedback(ALICE, new_feedback(**up))).status == "duplicate"
    await client.feedback_batch(ALICE, [down])
    answers = [await client.feedback(ALICE, new_feedback(**up)) for _ in range(2)]
    assert [answer.status for answer in answers] == ["success", "duplicate"]
    assert (await client.state(ALICE)).version == 1 + 2 * 2


async def test_duplicates_within_a_batch_and_after_it_are_dropped(client):
    item = {"conversation_id": "c1", "reward": 0.5}
    answer = await client.feedback_batch(ALICE, [item, item, {**item, "reward": 0.6}])
    assert (answer.accepted, answer.duplicates) == (2, 1)
    again = await client.feedback_batch(ALICE, [item])
    assert (again.accepted, again.duplicates) == (0, 1)
    assert (await client.feedback(ALICE, new_feedback(**item))).status == "duplicate"
    assert (await client.state(ALICE)).version == 2


async def test_one_key_stands_for_a_whole_batch(client):
    items = [{"conversation_id": f"c{number}", "reward": 0.5} for number in range(3)]
    first = await client.feedback_batch(ALICE, items, idempotency_key="b1")
    again = await client.feedback_batch(ALICE, items, idempotency_key="b1")
    assert first.accepted == 3
    assert again == msgspec.structs.replace(first, status="duplicate")
    assert (await client.state(ALICE)).version == 3


async def test_a_caller_that_goes_away_does_not_undo_a_commit(opened):
    call = asyncio.ensure_future(opened.client.publish_turn_metrics(ALICE, new_report(**metrics_of())))
    await asyncio.sleep(0)
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    await opened.client.feedback(ALICE, new_feedback(conversation_id="c1", reward=1.0))
    assert (await opened.client.publish_turn_metrics(ALICE, new_report(**metrics_of()))).status == "duplicate"


async def test_batches_and_single_feedbacks_of_one_learner_meet_and_lose_nothing(opened):
    """The batch is prepared elsewhere, for a state that single feedbacks have left behind by the time it commits."""

    async def single(number: int) -> None:
        await opened.client.feedback(
            BOB, new_feedback(conversation_id=f"c{number}", reward=0.1, idempotency_key=f"s{number}")
        )

    async def batch(number: int) -> None:
        items = [{"conversation_id": f"b{number}-{n}", "reward": 0.2} for n in range(50)]
        who = replace(ALICE, user_id=f"user-{number}")
        assert (await opened.client.feedback_batch(who, items)).accepted == 50

    await asyncio.gather(*(single(n) for n in range(100)), *(batch(n) for n in range(5)))
    assert (await opened.client.state(ALICE)).version == 100 + 5 * 50


async def test_a_worker_that_is_killed_loses_nothing(opened):
    items = [{"conversation_id": f"c{n}", "reward": 0.2} for n in range(50)]
    await opened.client.feedback_batch(ALICE, items)
    [worker] = opened.brain._batches._workers._idle
    worker.kill()
    await worker.wait()
    again = [{**item, "reward": 0.3} for item in items]
    assert (await opened.client.feedback_batch(ALICE, again)).accepted == 50
    assert (await opened.client.state(ALICE)).version == 100


async def test_batches_learn_the_same_in_a_thread_and_in_a_process(tmp_path):
    from pydantic import SecretStr

    from soma.brain.root import open_brain
    from soma.brain.settings import BrainSettings
    from soma.memory.embedders.hashing import HashingEmbedder

    hashes = set()
    for workers in (0, 1):
        folder = tmp_path / str(workers)
        settings = BrainSettings(data_dir=folder, batch_workers=workers, service_token=SecretStr("x"))
        async with open_brain(settings, embedder=HashingEmbedder()) as opened:
            items = [{"conversation_id": f"c{n}", "reward": n / 50, "metadata": {"cost": 0.01}} for n in range(50)]
            await opened.client.feedback_batch(ALICE, items)
            hashes.add((await opened.client.state(ALICE)).state_hash)
    assert len(hashes) == 1


async def test_an_item_that_names_another_tenant_is_not_taken(client):
    items = [{"conversation_id": "c1", "reward": 0.5, "tenant": "globex"}, {"conversation_id": "c1", "reward": 0.5}]
    answer = await client.feedback_batch(ALICE, items)
    assert answer.accepted == 1
    assert [(item.index, item.error["code"]) for item in answer.rejected] == [(0, "tenant_mismatch")]
