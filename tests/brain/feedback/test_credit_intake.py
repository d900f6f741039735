"""Credit that nobody gave is learned as feedback is: once, within the day, until a person speaks; and undone so."""

import pytest
from msgspec import to_builtins
from tests.brain.conftest import ALICE, BOB, MALLORY, metrics_of, remembered
from tests.brain.requests import new_feedback, new_query, new_report

from soma.brain.errors import BrainRefused
from soma.brain.root import open_brain
from soma.brain.settings.learner import LearnerSettings
from soma.brain.verify import verify_database
from soma.brain.wire.requests import Correction, Credit, SecondAnswer
from soma.memory.embedders.hashing import HashingEmbedder

pytestmark = pytest.mark.learning

QUESTION = "Where does the train to Bern leave, and what likes the cat?"
SHOPPING = "What shall I buy for the cat, and when leaves the train to Bern?"
PASSAGE = "The cat is called Miso and likes tuna."


@pytest.fixture
async def client(opened):
    await remembered(opened.client)
    return opened.client


async def ask(client, query=QUESTION, *, who=ALICE, conversation="c1"):
    return await client.evaluate(who, new_query(conversation_id=conversation, query=query, top_k=6))


async def report(client, source, bundle, *, who=ALICE, turn="t1", conversation="c1", **fields):
    happened = Credit(conversation_id=conversation, source=source, bundle_id=bundle.bundle_id, turn_id=turn, **fields)
    return await client.credit(who, happened)


async def copies(client, bundle=None, **more):
    return await report(
        client, "copied", bundle or await ask(client, who=more.get("who", ALICE)), words=PASSAGE, **more
    )


async def value_of(client, word, who=ALICE):
    [value] = [memory.value for memory in (await client.memories(who)).memories if word in memory.text]
    return value


def ranking(state):
    return {name: weight for name, weight in state.learned.items() if name not in {"lambda", "mu", "nu", "tau"}}


def faults(opened):
    return verify_database(opened.writer.database).faults


async def test_a_copied_passage_moves_weights_and_half_a_step_of_its_memorys_value(opened, client):
    before = await client.state(ALICE)
    answer = await copies(client)
    assert (answer.adaptation_applied, answer.reason) == (True, None)
    after = await client.state(ALICE)
    assert ranking(after) != ranking(before)
    assert (await value_of(client, "Miso"), await value_of(client, "train")) == (0.5 + 0.05 * 0.5, 0.5)
    [update] = (await client.history(ALICE)).updates
    assert (update.cause, update.credit) == ("copied", 0.5)
    assert "copied" in update.reason
    assert faults(opened) == []


async def test_the_same_happening_twice_is_learned_once_and_nobody_else_is_credited(client):
    bundle = await ask(client)
    assert [(await copies(client, bundle)).status for _ in range(2)] == ["success", "duplicate"]
    assert (await client.state(ALICE)).version == 1
    assert (await copies(client, bundle, who=BOB)).reason == "unknown_bundle"
    assert (await copies(client, bundle, who=MALLORY)).reason == "unknown_bundle"


async def test_what_tells_of_no_memory_teaches_nothing_and_says_why(client):
    bundle = await ask(client)
    for source, words in (("copied", "Good morning!"), ("used_by_tool", QUESTION)):
        answer = await report(client, source, bundle, words=words)
        assert (answer.status, answer.reason) == ("skipped", "no_memory")
    with pytest.raises(BrainRefused) as refused:
        await report(client, "copied", bundle)
    assert refused.value.field == "words"
    assert (await client.state(ALICE)).version == 0


async def test_a_tool_that_worked_credits_the_memory_that_its_arguments_came_from(client):
    bundle = await ask(client, SHOPPING)
    answer = await report(client, "used_by_tool", bundle, words="tuna for Miso", said=(SHOPPING,))
    assert answer.adaptation_applied
    assert await value_of(client, "Miso") == 0.5 + 0.1 * 0.3 * 0.5


async def test_a_persons_word_takes_back_what_nobody_gave_to_the_bit(opened, client):
    await remembered(client, MALLORY)
    for who in (ALICE, MALLORY):
        bundle = await ask(client, who=who)
        if who == ALICE:
            await copies(client, bundle)
        said = {"conversation_id": "c1", "bundle_id": bundle.bundle_id, "helpful": [bundle.memories[-1].id]}
        await client.feedback(who, new_feedback(**said))
    ours, alone = await client.state(ALICE), await client.state(MALLORY)
    assert (ours.learned, ours.trust, ours.weights) == (alone.learned, alone.trust, alone.weights)
    assert await value_of(client, "Miso") == await value_of(client, "Miso", MALLORY)
    assert faults(opened) == []


async def test_where_a_person_has_spoken_nothing_that_happens_is_learned(client):
    bundle = await ask(client)
    said = {"conversation_id": "c1", "bundle_id": bundle.bundle_id, "unhelpful": [bundle.memories[0].id]}
    await client.feedback(ALICE, new_feedback(**said))
    answer = await copies(client, bundle)
    assert (answer.adaptation_applied, answer.reason) == (False, "person_spoke")
    assert (await client.state(ALICE)).version == 1


async def test_what_happened_stands_in_the_place_of_what_the_model_cited(opened, client):
    bundle = await ask(client)
    body = metrics_of("t1", bundle_id=bundle.bundle_id, cited=[bundle.memories[0].id], tool_outcomes={})
    await client.publish_turn_metrics(ALICE, new_report(**body))
    assert (await copies(client, bundle)).version == 4, "outcome, citation, its taking back, credit"
    await client.publish_turn_metrics(ALICE, new_report(**body | {"iteration_number": 1}))
    assert (await client.state(ALICE)).version == 5, "the outcome alone"
    assert faults(opened) == []


async def test_a_question_asked_again_credits_what_answers_it_until_it_is_asked_once_more(opened, client):
    wide = "Caroline cat train Melanie"
    first, again, third = [await ask(client, query) for query in (wide, f"So {wide}", f"So again {wide}")]
    failed, right, other = (memory.id for memory in first.memories[:3])
    before = await client.state(ALICE)
    answer = await report(
        client, "asked_again", first, used=(failed,), again=SecondAnswer(bundle_id=again.bundle_id, used=(right,))
    )
    assert answer.adaptation_applied
    assert ranking(await client.state(ALICE)) != ranking(before)
    answer = await report(
        client, "asked_again", again, used=(right,), again=SecondAnswer(bundle_id=third.bundle_id, used=(other,))
    )
    assert answer.version == 3, "what said that the second answer was good is taken back"
    assert {memory.value for memory in (await client.memories(ALICE)).memories} == {0.5}
    assert faults(opened) == []


@pytest.mark.parametrize("source", ["asked_again", "corrected_in_chat", "used_by_tool", "copied"])
async def test_a_source_that_is_switched_off_leaves_no_trace(settings, monkeypatch, source):
    monkeypatch.setenv(f"SOMABRAIN_{source.upper()}_CREDIT", "0")
    settings = type(settings)(**settings.model_dump() | {"learner": LearnerSettings()})
    async with open_brain(settings, embedder=HashingEmbedder()) as opened:
        await remembered(opened.client)
        bundle = await ask(opened.client)
        again = SecondAnswer(bundle_id=bundle.bundle_id)
        answer = await report(
            opened.client, source, bundle, words=PASSAGE, again=again, correction=Correction(text=PASSAGE)
        )
        assert (answer.status, answer.reason) == ("skipped", "switched_off")
        assert (await opened.client.state(ALICE)).version == 0


async def test_beyond_the_day_credit_is_recorded_and_not_learned(settings):
    async with open_brain(settings.model_copy(update={"lessons_per_day": 2}), embedder=HashingEmbedder()) as opened:
        await remembered(opened.client)
        answers = [await copies(opened.client) for _ in range(3)]
        assert [answer.reason for answer in answers] == [None, None, "daily_bound"]
        assert (await opened.client.state(ALICE)).version == 2


async def test_a_rollback_takes_credit_back_with_the_values_that_it_moved(opened, client):
    before = await client.state(ALICE)
    await copies(client)
    await client.rollback(ALICE, version=0)
    assert ranking(await client.state(ALICE)) == ranking(before)
    assert await value_of(client, "Miso") == 0.5
    assert faults(opened) == []


ASKED, RIGHT = "When does the train to Bern leave?", "When does the train to Bern leave? It leaves at 9:12."


async def corrects(client):
    bundle = await ask(client, ASKED)
    used = tuple(memory.id for memory in bundle.memories if "Bern" in memory.text)
    return await report(
        client,
        "corrected_in_chat",
        bundle,
        question=ASKED,
        used=used,
        words="It leaves at 9:12.",
        correction=Correction(text=RIGHT),
    )


async def test_a_correction_in_the_chat_comes_first_and_what_it_corrects_last(opened, client):
    answer = await corrects(client)
    shown = (await ask(client, ASKED)).memories
    assert (shown[0].id, shown[0].text, shown[0].taught) == (answer.memory_id, RIGHT, True)
    assert [memory.text for memory in shown if "platform four" in memory.text] in ([], [shown[-1].text])
    assert await value_of(client, "platform four") == 0.5 - 0.05 * 0.5
    causes = {(update.cause, update.credit, update.reward) for update in (await client.history(ALICE)).updates}
    assert causes == {("corrected_in_chat", 0.5, None), ("corrected_in_chat", 1.0, -0.5)}
    assert not [memory for memory in (await ask(client, ASKED, who=BOB)).memories if memory.text == RIGHT]
    assert faults(opened) == []


@pytest.mark.parametrize("way_back", ["withdraw", "rollback", "forget"])
async def test_a_correction_in_the_chat_is_undone_like_a_typed_one(opened, client, way_back):
    answer = await corrects(client)
    if way_back == "withdraw":
        await client.withdraw_answer(ALICE, turn_id="t1")
    elif way_back == "rollback":
        await client.rollback(ALICE, version=0)
    else:
        await client.forget(ALICE, ids=[answer.memory_id])
    taught = [memory.id for memory in (await ask(client, ASKED)).memories if memory.taught]
    assert answer.memory_id not in taught
    assert faults(opened) == []


async def test_the_log_holds_no_word_of_what_was_copied_or_given_to_a_tool(opened, client):
    bundle = await ask(client, SHOPPING)
    await report(client, "used_by_tool", bundle, words="tuna for Miso")
    rows = opened.writer.database.query("SELECT payload FROM events WHERE event_type = 'feedback.received'")
    assert rows
    assert not [row for row in rows if "tuna" in str(to_builtins(row[0]))]
