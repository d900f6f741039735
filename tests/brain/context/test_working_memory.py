"""Working memory: a ring a conversation, entered by salience, with what says the same merged."""

import pytest
from tests.brain.conftest import ALICE, BOB, FACTS, metrics_of, remembered
from tests.brain.requests import new_query, new_report

from soma.brain.context.working_memory import Item, LocalWorkingMemory, admit_item, novelty

pytestmark = pytest.mark.learning

NORTH, EAST = (1.0, 0.0), (0.0, 1.0)
NEARLY_NORTH = (0.96, 0.28)


def item(text, embedding=NORTH, salience=0.8):
    return Item(text=text, embedding=embedding, salience=salience, at="2026-01-01T00:00:00Z")


def test_the_oldest_leaves_a_full_ring():
    ring: tuple[Item, ...] = ()
    for number in range(5):
        ring = admit_item(ring, item(str(number), (float(number == 0), float(number))), 3)
    assert len(ring) <= 3
    assert ring[-1].text == "4"


def test_what_says_the_same_is_one_item_with_the_greater_salience():
    ring = admit_item((item("old", salience=0.9), item("else", EAST)), item("new", NEARLY_NORTH, 0.75), 8)
    assert [(held.text, held.salience) for held in ring] == [("else", 0.8), ("new", 0.9)]
    apart = admit_item((item("old"),), item("new", (0.94, 0.34)), 8)
    assert len(apart) == 2


def test_novelty_is_the_distance_to_the_nearest():
    ring = (item("a", NORTH), item("b", EAST))
    assert novelty(ring, NORTH) == 0.0
    assert novelty(ring, (0.6, 0.8)) == pytest.approx(0.2)
    assert novelty((), NORTH) == 1.0


async def test_the_conversation_used_least_lately_is_forgotten_first():
    memory = LocalWorkingMemory(items=2, conversations=2)
    keys = [("t", "u", "a", f"c{n}") for n in range(3)]
    for key in keys:
        await memory.admit(key, item("x"))
    assert [len(await memory.items(key)) for key in keys] == [0, 1, 1]
    assert memory.count() == 2


async def test_only_what_is_salient_is_admitted(client):
    """A surprise of 0.8 on something new passes 0.7; the routine that follows does not."""
    await remembered(client)
    texts = []
    for number, (query, confidence) in enumerate([(FACTS[2], 0.0), (FACTS[5], 0.45)]):
        bundle = await client.evaluate(ALICE, new_query(conversation_id=f"c{number}", query=query))
        body = metrics_of(iteration_number=number, bundle_id=bundle.bundle_id, tool_outcomes={}, confidence=confidence)
        learned = await client.publish_turn_metrics(ALICE, new_report(**body))
        again = await client.evaluate(ALICE, new_query(conversation_id=f"c{number}", query="what else?"))
        texts.append([held["text"] for held in again.working_memory])
        assert (learned.salience >= 0.7) == bool(texts[-1])
    assert texts == [[FACTS[2]], []]
    other = await client.evaluate(BOB, new_query(conversation_id="c0", query="what else?"))
    assert other.working_memory == []


async def test_acetylcholine_lowers_the_threshold(client):
    """New and uncertain again and again: what 0.7 would have kept out is admit_item."""
    await remembered(client)
    admitted_at = []
    for number in range(12):
        bundle = await client.evaluate(ALICE, new_query(conversation_id=f"c{number}", query=FACTS[number % 6]))
        body = metrics_of(iteration_number=number, bundle_id=bundle.bundle_id, tool_outcomes={}, confidence=0.35)
        learned = await client.publish_turn_metrics(ALICE, new_report(**body))
        held = await client.evaluate(ALICE, new_query(conversation_id=f"c{number}", query="what else?"))
        if held.working_memory:
            admitted_at.append(learned.salience)
    assert learned.neuromodulators["acetylcholine"] > 0.03
    assert admitted_at
    assert min(admitted_at) < 0.7
