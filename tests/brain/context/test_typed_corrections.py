"""What a person types as right is remembered and taught with the feedback, in one commit, for that person alone."""

import pytest
from tests.brain.conftest import ALICE, BOB, remembered
from tests.brain.requests import new_feedback, new_query

from soma.brain.errors import BrainError, BrainRefused
from soma.brain.verify import verify_database
from soma.events.facts.learning import FeedbackReceived

pytestmark = pytest.mark.learning

ASKED = "When does the train to Bern leave?"
RIGHT = "The Bern train leaves at 9:12 from platform 3."
OTHER = "What is the cat called?"


@pytest.fixture
async def client(opened):
    await remembered(opened.client)
    return opened.client


async def asked(client, query=ASKED, who=ALICE):
    return await client.evaluate(who, new_query(conversation_id="c1", query=query, top_k=6))


async def correct(client, *, text=RIGHT, turn="t1", who=ALICE, **more):
    bundle = await asked(client, who=who)
    about = {"conversation_id": "c1", "bundle_id": bundle.bundle_id, "turn_id": turn, "query": ASKED}
    return await client.feedback(who, new_feedback(**about | {"correction": {"text": text}} | more))


async def taught(client, query=ASKED, who=ALICE):
    return [memory.text for memory in (await asked(client, query, who)).memories if memory.taught]


async def texts(client, who=ALICE):
    return [memory.text for memory in (await client.memories(who)).memories]


def rows(opened):
    return opened.writer.database.query("SELECT memory_id FROM corrections")


async def test_what_was_typed_stands_first_and_is_the_persons_own_memory(opened, client):
    before = await client.state(ALICE)
    answer = await correct(client)
    first = (await asked(client)).memories[0]
    assert (first.id, first.text, first.taught) == (answer.memory_id, RIGHT, True)
    [kept] = [memory for memory in (await client.memories(ALICE)).memories if memory.id == answer.memory_id]
    assert (kept.scope, kept.metadata["source"], kept.metadata["turn_id"]) == ("user", "correction", "t1")
    assert not await taught(client, OTHER)
    assert not await taught(client, who=BOB)
    assert RIGHT not in await texts(client, BOB)
    after = await client.state(ALICE)
    views = {name for name in before.learned if name not in {"lambda", "mu", "nu", "tau"}}
    assert {name: after.learned[name] for name in views} == {name: before.learned[name] for name in views}
    assert verify_database(opened.writer.database).faults == []


async def test_it_says_that_the_answer_was_wrong(client):
    await correct(client)
    [row] = await client.list_feedback(ALICE, conversation_id="c1")
    assert row.reward == -1
    for praise in ({"thumb": 1}, {"rating": 4}, {"reward": 0.5}, {"copied": True}):
        with pytest.raises(BrainRefused) as refused:
            await correct(client, **praise)
        assert refused.value.field == "correction"
    with pytest.raises(BrainRefused, match="blank"):
        await correct(client, text=" \n ")


@pytest.mark.parametrize("key", [None, "once"])
async def test_said_again_it_is_one_memory_and_one_lesson(opened, client, key):
    more = {"idempotency_key": key} if key else {}
    bundle = await asked(client)
    about = {"conversation_id": "c1", "bundle_id": bundle.bundle_id, "turn_id": "t1", "correction": {"text": RIGHT}}
    first, again = [await client.feedback(ALICE, new_feedback(**about, **more)) for _ in range(2)]
    assert (again.status, again.version, again.memory_id) == ("duplicate", first.version, first.memory_id)
    assert (await texts(client)).count(RIGHT) == 1
    assert len(rows(opened)) == 1


async def test_another_correction_of_the_answer_takes_the_place_of_the_first(client):
    bundle = await asked(client)
    about = {"conversation_id": "c1", "bundle_id": bundle.bundle_id, "turn_id": "t1"}
    for text in ("It leaves at eight.", RIGHT):
        await client.feedback(ALICE, new_feedback(**about, correction={"text": text}))
        assert await taught(client) == [text]


async def test_it_stands_before_a_memory_that_was_named_and_stays_when_that_word_changes(client):
    bundle = await asked(client)
    about = {"conversation_id": "c1", "bundle_id": bundle.bundle_id, "turn_id": "t1"}
    named, other = bundle.memories[-1], bundle.memories[-2]
    await client.feedback(ALICE, new_feedback(**about, helpful=[named.id], correction={"text": RIGHT}))
    assert await taught(client) == [RIGHT, named.text]
    await client.feedback(ALICE, new_feedback(**about, helpful=[other.id]))
    assert await taught(client) == [RIGHT, other.text]


async def test_a_rollback_behind_it_takes_back_its_order_and_leaves_the_memory(client):
    await correct(client)
    await client.rollback(ALICE, version=0)
    assert not await taught(client)
    assert RIGHT in await texts(client)


@pytest.mark.parametrize("thumb_first", [False, True])
async def test_withdrawing_the_answer_takes_back_its_order(client, thumb_first):
    if thumb_first:
        await client.feedback(ALICE, new_feedback(conversation_id="c1", turn_id="t1", thumb=-1))
    await correct(client)
    assert await taught(client) == [RIGHT]
    await client.withdraw_answer(ALICE, turn_id="t1")
    assert not await taught(client)
    await correct(client, text="It leaves at ten.")  # of what no longer stands nothing is taught
    assert not await taught(client)


async def test_it_is_forgotten_as_any_memory_and_can_be_typed_again(opened, client):
    bundle = await asked(client)
    about = {"conversation_id": "c1", "bundle_id": bundle.bundle_id, "turn_id": "t1", "correction": {"text": RIGHT}}
    for _ in range(3):
        answer = await client.feedback(ALICE, new_feedback(**about))
        assert await taught(client) == [RIGHT]
        await client.forget(ALICE, ids=[answer.memory_id])
        assert RIGHT not in await texts(client)
        assert not rows(opened)


async def test_under_a_key_a_forgotten_correction_does_not_come_back(client):
    answer = await correct(client, idempotency_key="once")
    await client.forget(ALICE, ids=[answer.memory_id])
    assert (await correct(client, idempotency_key="once")).status == "duplicate"
    assert RIGHT not in await texts(client)


async def test_the_log_does_not_hold_its_text(opened, client):
    await correct(client)
    [(payload,)] = opened.writer.database.query(
        "SELECT payload FROM events WHERE event_type = ?", [FeedbackReceived.event_type]
    )
    assert RIGHT not in payload


async def test_it_is_refused_without_its_question_and_in_a_batch(client):
    with pytest.raises(BrainRefused) as refused:
        await client.feedback(ALICE, new_feedback(conversation_id="c1", turn_id="t1", correction={"text": RIGHT}))
    assert refused.value.field == "query"
    answer = await client.feedback_batch(ALICE, [{"conversation_id": "c1", "correction": {"text": RIGHT}, "thumb": -1}])
    assert [rejected.error["field"] for rejected in answer.rejected] == ["correction"]
    await client.feedback(
        ALICE, new_feedback(conversation_id="c1", turn_id="t1", query=ASKED, correction={"text": RIGHT})
    )
    assert await taught(client) == [RIGHT]


@pytest.mark.parametrize("refuses", ["BEFORE INSERT ON corrections", "BEFORE INSERT ON memories"])
async def test_nothing_is_half_written(opened, client, refuses):
    """Whichever row cannot be written, there is no memory, no order and no verdict."""
    before = await client.state(ALICE)
    bundle = await asked(client)
    trigger = f"CREATE TRIGGER refusing {refuses} BEGIN SELECT RAISE(ABORT, 'refused'); END"
    await opened.writer.write(lambda tx: tx.execute(trigger))
    about = {"conversation_id": "c1", "bundle_id": bundle.bundle_id, "turn_id": "t1"}
    with pytest.raises(BrainError):
        await client.feedback(ALICE, new_feedback(**about, correction={"text": RIGHT}))
    await opened.writer.write(lambda tx: tx.execute("DROP TRIGGER refusing"))
    assert RIGHT not in await texts(client)
    assert not rows(opened)
    assert (await client.state(ALICE)).version == before.version
    await client.feedback(ALICE, new_feedback(**about, correction={"text": RIGHT}))
    assert await taught(client) == [RIGHT]


async def test_a_memory_is_not_forgotten_without_its_corrections(opened, client):
    answer = await correct(client)
    trigger = "CREATE TRIGGER refusing BEFORE DELETE ON corrections BEGIN SELECT RAISE(ABORT, 'refused'); END"
    await opened.writer.write(lambda tx: tx.execute(trigger))
    with pytest.raises(BrainError):
        await client.forget(ALICE, ids=[answer.memory_id])
    assert RIGHT in await texts(client)
    assert len(rows(opened)) == 1
