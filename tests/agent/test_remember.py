"""What reaches memory: what was said, once, and nothing that came out of memory or a tool."""

import asyncio

import pytest
from tests.agent.making import TURN, bundle, completed, judged, memory, response, started, used
from tests.agent.stage import Person, call

from soma.agent.llm.scripted import calls, says
from soma.agent.record import TurnRecord, fold
from soma.agent.remember import items_of, remembering
from soma.events.cursors import Consumer
from soma.events.schema import TurnComplete

pytestmark = pytest.mark.asyncio(loop_scope="module")


def ended(*facts, content="an answer", citations=(), error=None, answer_iteration=0, model="scripted") -> TurnRecord:
    complete = TurnComplete(
        convergence_score=1.0, exit_reason="converged", final_weights={}, final_neuromodulators={}, total_iterations=1,
        output_hash="", message_id=TURN.answer_id, content=content, answer_iteration=answer_iteration,
        citations=list(citations), prompt_tokens=0, completion_tokens=0, latency_ms=0.0, error=error,
    )  # fmt: skip
    return fold(TURN, [started(model=model), bundle(0, memory()), *facts, complete])


def texts(record: TurnRecord) -> list[str]:
    return [item["text"] for item in items_of(record)]


ANSWER = [response(0, "an answer"), judged(0, score=1.0), completed(0, score=1.0, exit_reason="converged")]


async def test_a_message_and_an_answer_of_the_models_own_are_remembered():
    assert texts(ended(*ANSWER)) == ["what now?", "an answer"]


async def test_an_answer_that_quotes_a_memory_is_not_remembered_again():
    assert texts(ended(*ANSWER, citations=[{"number": 1, "id": "m1"}])) == ["what now?"]


async def test_an_answer_from_a_tool_is_not_remembered():
    assert texts(ended(response(0, "", "clock"), *used(0, "clock"), response(1, "noon"))) == ["what now?"]


async def test_what_the_remember_tool_has_kept_is_not_remembered_twice():
    asked = response(0, "", "remember")
    assert texts(ended(asked, *used(0, "remember"), response(1, "noted"))) == []
    assert texts(ended(asked, *used(0, "remember", status="failed"), response(1, "sorry"))) == ["what now?"]


async def test_an_error_and_the_offline_models_quotation_are_no_knowledge():
    assert texts(ended(error={"code": "internal"}, answer_iteration=None)) == ["what now?"]
    assert texts(ended(*ANSWER, model="offline-extractive")) == ["what now?"]


async def test_a_turn_that_is_not_complete_is_not_remembered():
    assert items_of(fold(TURN, [started()])) == []


# Through the cursor


def consumer(ann: Person) -> Consumer:
    return remembering(ann.agent.writer, ann.agent.store, ann.agent.brain)


async def caught_up(ann: Person) -> None:
    rows = ann.agent.writer.database.query("SELECT MAX(position) FROM events WHERE event_type = 'chat.turn_complete'")
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


async def test_a_statement_that_the_tool_keeps_is_one_memory(ann):
    ann.hears(calls(call("remember", statement="my cat is called Miso")), says("noted", confidence=1.0))
    await ann.asks("remember that my cat is called Miso")
    await caught_up(ann)
    assert await memories(ann) == ["my cat is called Miso"]


async def test_a_turn_that_is_handed_over_again_leaves_the_same_memories(ann):
    ann.hears(says("hello", confidence=1.0))
    record = await ann.asks("good morning")
    await caught_up(ann)
    before = await memories(ann)
    again = consumer(ann)
    await again._handle([event for event in ann.events(record.turn.id) if event.event_type == TurnComplete.event_type])
    assert await memories(ann) == before == ["good morning", "hello"]
