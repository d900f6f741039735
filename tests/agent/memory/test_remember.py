"""Memory gets what was said, once, and nothing that came out of memory or a tool."""

import asyncio
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import pytest
from tests.agent.making import TURN, bundle, completed, judged, memory, response, started, used
from tests.agent.stage import Person, call

from soma.agent.language.statements import statement_key
from soma.agent.llm.scripted import calls, says
from soma.agent.memory.parts import PART_BYTES, parts_of
from soma.agent.memory.remember import items_of, memory_consumer
from soma.agent.record.turn import TurnRecord, fold
from soma.brain.errors import BrainRefused
from soma.events.cursors import Consumer
from soma.events.facts.turn import TurnComplete

pytestmark = pytest.mark.asyncio(loop_scope="module")


SAID = "My cat is called Miso."


def ended(
    *facts,
    said=SAID,
    content="an answer",
    citations=(),
    error=None,
    answer_iteration=0,
    model="scripted",
    known="Rex barks",
) -> TurnRecord:
    complete = TurnComplete(
        convergence_score=1.0, exit_reason="converged", final_weights={}, final_neuromodulators={}, total_iterations=1,
        output_hash="", message_id=TURN.answer_id, content=content, answer_iteration=answer_iteration,
        citations=list(citations), prompt_tokens=0, completion_tokens=0, latency_ms=0.0, error=error,
    )  # fmt: skip
    turn = replace(TURN, content=said)
    return fold(turn, [started(model=model), bundle(0, memory(text=known)), *facts, complete])


def texts(record: TurnRecord) -> list[str]:
    return [item["text"] for item in items_of(record)]


def kept_by_tool(statement: str, status: str = "ok") -> list[Any]:
    return [response(0, "", "remember"), *used(0, "remember", status=status, arguments={"statement": statement})]


ANSWER = [response(0, "an answer"), judged(0, score=1.0), completed(0, score=1.0, exit_reason="converged")]


async def test_a_message_and_an_answer_of_the_models_own_are_remembered():
    assert texts(ended(*ANSWER)) == [SAID, "an answer"]


async def test_an_answer_that_quotes_a_memory_is_not_remembered_again():
    assert texts(ended(*ANSWER, citations=[{"number": 1, "id": "m1"}])) == [SAID]


async def test_an_answer_is_remembered_without_the_numbers_that_it_cites():
    record = ended(*ANSWER, content="Penguins live in the south [1]. `[2]` stays.")
    assert texts(record) == [SAID, "Penguins live in the south. `[2]` stays."]


async def test_an_answer_that_carries_a_memory_without_citing_it_is_not_remembered():
    planted = "Approved supplier account is XX-666"
    assert texts(ended(*ANSWER, known=planted, content=f"Noted. {planted.upper()}.")) == [SAID]


async def test_an_answer_that_repeats_what_was_said_before_is_not_remembered():
    record = ended(*ANSWER, content="The Wi-Fi password is heron-42.")
    assert texts(record) == [SAID, "The Wi-Fi password is heron-42."]
    before = ["Our Wi-Fi password is heron-42."]
    assert [item["text"] for item in items_of(record, before)] == [SAID]


async def test_an_answer_from_a_tool_is_not_remembered():
    assert texts(ended(response(0, "", "clock"), *used(0, "clock"), response(1, "noon"))) == [SAID]


@pytest.mark.parametrize(
    "answer",
    [
        "I don't know your blood group; the memories do not mention it.",
        "I am not sure, maybe.",
        "I’m not sure. Could you tell me more? If you tell me, I can remember it.",
        "Sorry, I cannot find anything about that.",
        "There is nothing about a boat in your notes.",
        "Perhaps on Tuesday.",
        "Das weiß ich leider nicht: ich weiß es nicht.",
        "Je ne sais pas.",
    ],
)
async def test_an_answer_that_only_says_that_it_does_not_know_or_hedges_is_not_remembered(answer):
    assert texts(ended(*ANSWER, content=answer)) == [SAID]


@pytest.mark.parametrize(
    "answer",
    [
        "I am not sure who wrote it. The Odyssey has 24 books.",
        "There are no penguins north of Galapagos.",
        "Cats don't know sweetness: they lack the receptor.",
    ],
)
async def test_an_answer_that_tells_something_beside_its_doubts_is_remembered(answer):
    assert texts(ended(*ANSWER, content=answer)) == [SAID, answer]


async def test_what_the_remember_tool_has_kept_is_not_remembered_twice():
    assert texts(ended(*kept_by_tool("my cat is called Miso"), response(1, "noted"))) == []
    assert texts(ended(*kept_by_tool("my cat is called Miso", "failed"), response(1, "sorry"))) == [SAID]


async def test_the_message_is_left_out_only_where_the_kept_text_stands_in_it():
    assert texts(ended(*kept_by_tool("Approved supplier account is XX-666"), response(1, "noted"))) == [SAID]
    said = "Remember that my cat is called Miso. I live in Bergen."
    assert texts(ended(*kept_by_tool("my cat is called Miso"), response(1, "noted"), said=said)) == [
        "I live in Bergen."
    ]


async def test_an_error_and_the_offline_models_quotation_are_no_knowledge():
    assert texts(ended(error={"code": "internal"}, answer_iteration=None)) == [SAID]
    assert texts(ended(*ANSWER, model="offline-extractive")) == [SAID]


@pytest.mark.parametrize(
    ("said", "remembered"),
    [
        ("what now?", []),
        ("What is my cat called", []),
        ("Read the plan. Can you?", []),
        ("我的狗几岁？", []),
        ("yes, please", []),
        ("which present for Mirabel", []),
        ("my cabin code please", []),
        ("wher are the wintr tires stored", []),
        ("hi", []),
        ("thank you!", []),
        ("bye", []),
        ("Danke!", []),
        ("Good morning. My dog is Rex.", ["My dog is Rex."]),
        ("my cabin code is 8810-QUILL", ["my cabin code is 8810-QUILL"]),
        ("My dog is Rex. How old is he?", ["My dog is Rex."]),
        ("我的狗叫豆豆。它几岁？", ["我的狗叫豆豆。"]),
        ("Had lunch with Ann", ["Had lunch with Ann"]),
        ("Will is my brother", ["Will is my brother"]),
        ("Dear diary,\n\n  it rained.\n", ["Dear diary,\n\n  it rained.\n"]),
        ("Don't forget that Ann's birthday is in May.", ["Don't forget that Ann's birthday is in May."]),
    ],
)
async def test_what_only_asks_is_not_remembered_and_what_states_is(said, remembered):
    for failed in (False, True):
        error = {"code": "model_unavailable"} if failed else None
        assert texts(ended(*ANSWER, said=said, error=error, citations=[{"number": 1}])) == remembered


MANUAL = "Plover installation > Before you go\nPack the pole. Operating temperature of the Heron 4 is 0 to 45 °C."


@pytest.mark.parametrize(
    ("said", "quoted", "is_kept"),
    [
        ("Before you go", MANUAL, False),
        ("opperating temprature of the herron 4", MANUAL, False),
        ("operating temperature, Heron 4", MANUAL, False),
        ("operating temperature of the Heron 5", MANUAL, True),
        ("The operating temperature is 0 to 45 °C.", MANUAL, True),
        ("Heron 4 broke", MANUAL, True),
        ("Before you go", "", True),
        ("dentist on Monday", MANUAL, True),
    ],
)
async def test_what_was_looked_up_in_a_document_is_no_statement(said, quoted, is_kept):
    cited = [{"number": 1, "text": quoted, "metadata": {"document": "plover.md"}}] if quoted else []
    assert texts(ended(*ANSWER, said=said, citations=cited, model="offline-extractive")) == [said] * is_kept


async def test_what_was_said_before_may_be_said_again():
    cited = [{"number": 1, "text": "Rex barks", "metadata": {"role": "user"}}]
    assert texts(ended(*ANSWER, said="Rex, the dog", citations=cited)) == ["Rex, the dog"]


@pytest.mark.parametrize(
    "said",
    [
        "Forget that our Wi-Fi password is heron-42",
        "My dog is Rex. Please forget our Wi-Fi password, it is heron-42.",
        "Vergiss, dass unser WLAN-Passwort heron-42 ist",
        "Oublie que notre mot de passe est heron-42.",
        "Olvida que nuestra contraseña es heron-42",
    ],
)
async def test_nothing_of_a_turn_that_asks_to_forget_is_remembered(said):
    assert texts(ended(*ANSWER, said=said, content="Done: heron-42 is forgotten.", known="Rex barks")) == []


async def test_a_turn_that_is_not_complete_is_not_remembered():
    assert items_of(fold(replace(TURN, content=SAID), [started()])) == []


async def test_equal_statements_have_one_key_and_yesterdays_of_two_days_have_two():
    def key(text: str, day: str = "2026-11-20") -> str:
        return statement_key(text, f"{day}T10:00:00+00:00")

    assert key("My cat is  called Miso.") == key("my cat is called MISO", "2026-11-21")
    assert key("My cat is called Miso") != key("My cat is called Rex")
    assert key("We signed yesterday.") != key("We signed yesterday.", "2026-11-21")


async def test_a_long_message_is_remembered_in_parts_that_together_hold_every_word():
    words = [f"word{number}" for number in range(20_000)]
    for joined in (" ".join(words), "\n\n".join(words), ". ".join(words)):
        parts = parts_of(joined)
        assert " ".join(parts).replace(".", " ").split() == words
        assert max(len(part.encode()) for part in parts) <= PART_BYTES
    for solid in ("x" * 100_000, "\U0001f600" * 30_000, "汉字" * 30_000):
        assert "".join(parts_of(solid)) == solid
        assert max(len(part.encode()) for part in parts_of(solid)) <= PART_BYTES
    assert parts_of("short") == ["short"]


# Through the cursor


def consumer(ann: Person) -> Consumer:
    return memory_consumer(ann.agent.writer, ann.agent.store, ann.agent.brain)


async def caught_up(ann: Person) -> None:
    rows = ann.agent.writer.database.query(
        "SELECT COALESCE(MAX(position), 0) FROM events WHERE event_type = 'chat.turn_complete'"
    )
    async with asyncio.timeout(10):
        while consumer(ann).position() < rows[0][0]:  # noqa: ASYNC110 - the consumer runs by itself
            await asyncio.sleep(0.01)


async def memories(ann: Person) -> list[str]:
    return sorted(found.text for found in (await ann.agent.brain.memories(ann.principal)).memories)


async def test_a_finished_turn_reaches_memory_and_is_recalled_in_the_next_one(ann):
    ann.hears(says("what a fine name", confidence=1.0), says("Miso", confidence=1.0))
    await ann.asks("my cat is called Miso")
    await caught_up(ann)
    assert await memories(ann) == ["my cat is called Miso", "what a fine name"]
    record = await ann.asks("what is my cat called?", conversation_id=await ann.another_conversation())
    assert record.iterations[0].bundle is not None
    assert "my cat is called Miso" in [shown.text for shown in record.iterations[0].bundle.memories]


async def test_a_message_and_an_answer_over_what_one_memory_holds_are_remembered(ann):
    said = "My ledger follows. " + "A heron costs nine crowns and a goose costs two. " * 1_500 + "My otter is Reed."
    answer = "So be it. " + "Lisbon is where your herons nest. " * 2_500
    assert min(len(said.encode()), len(answer.encode())) > 64 * 1024
    items = items_of(ended(*ANSWER, content=answer, said=said))
    await ann.agent.brain.remember(ann.principal, items, are_messages=True)
    kept = await memories(ann)
    assert any(text.endswith("My otter is Reed.") for text in kept)
    assert any(text.startswith("So be it.") for text in kept)


async def test_an_item_that_the_brain_refuses_takes_no_other_with_it(ann, monkeypatch):
    monkeypatch.setattr("soma.agent.memory.remember.parts_of", lambda text: [text])  # as where nothing were cut
    ann.hears(says("So be it. " + "Lisbon is where your herons nest. " * 2_500, confidence=1.0))
    await ann.asks("My otter is called Reed.")
    await caught_up(ann)
    assert await memories(ann) == ["My otter is called Reed."]


@pytest.mark.parametrize(("status", "waits"), [(401, True), (403, True), (429, True), (422, False), (413, False)])
async def test_a_refusal_of_the_message_itself_is_passed_over_and_any_other_is_waited_for(
    ann, monkeypatch, status, waits
):
    ann.hears(says("noted", confidence=1.0))
    record = await ann.asks("My otter is called Reed.")
    await caught_up(ann)
    ends = [event for event in ann.events(record.turn.id) if event.event_type == "chat.turn_complete"]

    async def refuse(*_, **__):
        raise BrainRefused("refused", "Not now.", None, status)

    monkeypatch.setattr(ann.agent.brain, "remember", refuse)
    with pytest.raises(BrainRefused) if waits else nullcontext():
        await consumer(ann)._handle(ends)


async def test_a_statement_that_the_tool_keeps_is_one_memory(ann):
    ann.hears(calls(call("remember", statement="my cat is called Miso")), says("noted", confidence=1.0))
    await ann.asks("remember that my cat is called Miso")
    await caught_up(ann)
    assert await memories(ann) == ["my cat is called Miso"]


async def test_what_the_model_made_up_is_kept_as_its_own_and_the_users_words_beside_it(ann):
    made_up = "my cat is called Miso and bites the postman"
    ann.hears(calls(call("remember", statement=made_up)), says("noted", confidence=1.0))
    await ann.asks("my cat is called Miso")
    await caught_up(ann)
    page = await ann.agent.brain.memories(ann.principal, limit=10)
    kept = {memory.text: memory.metadata.get("role") for memory in page.memories}
    assert kept == {made_up: "assistant", "my cat is called Miso": "user"}


async def test_a_turn_that_is_handed_over_again_leaves_the_same_memories(ann):
    ann.hears(says("hello", confidence=1.0))
    record = await ann.asks("Rex barks")
    await caught_up(ann)
    before = await memories(ann)
    again = consumer(ann)
    await again._handle([event for event in ann.events(record.turn.id) if event.event_type == TurnComplete.event_type])
    assert await memories(ann) == before == ["Rex barks", "hello"]


async def test_a_statement_made_again_and_again_is_one_memory_and_a_question_is_none(ann):
    ann.hears(*(says("hm", confidence=1.0) for _ in range(5)))
    for said in (
        "My cat is called Miso.",
        "what is my cat called?",
        "my cat is called  Miso",
        "what is my cat called?",
    ):
        await ann.asks(said, conversation_id=await ann.another_conversation())
    await caught_up(ann)
    found = await memories(ann)
    assert [text for text in found if "cat" in text] == ["my cat is called  Miso"]
