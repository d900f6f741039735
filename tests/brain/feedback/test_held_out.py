"""One question in four is never learned from: it measures what was learned."""

import pytest
from tests.brain.conftest import ALICE, remembered
from tests.brain.requests import new_feedback, new_query

from soma.brain.context.held_out import is_held_out
from soma.brain.core.hyperparameters import Hyperparameters
from soma.brain.verify import verify_database

LEARNED, HELD_OUT = "Caroline cat train Melanie", "Caroline cat train"


async def names_last(client, question: str, number: int):
    conversation = f"c{number}"
    bundle = await client.evaluate(ALICE, new_query(conversation_id=conversation, query=question, top_k=6))
    last = max(bundle.memories, key=lambda memory: memory.key).id
    said = {"conversation_id": conversation, "bundle_id": bundle.bundle_id, "helpful": [last]}
    return await client.feedback(ALICE, new_feedback(**said))


def test_the_share_of_held_out_questions_is_as_set_and_a_question_always_falls_alike():
    questions = [f"when does the ferry to island {number} leave" for number in range(2_000)]
    for share in (0.0, 0.25, 0.5):
        hyperparameters = Hyperparameters(held_out_share=share)
        held_out = [is_held_out(question, hyperparameters) for question in questions]
        assert sum(held_out) / len(questions) == pytest.approx(share, abs=0.03)
        assert held_out == [is_held_out(f"{question.upper()}?", hyperparameters) for question in questions]


async def test_a_held_out_question_moves_no_weight_and_counts_for_or_against_what_was_learned(client):
    await remembered(client)
    for number in range(6):
        assert not (await names_last(client, LEARNED, number)).held_out
    before = await client.state(ALICE)
    for number in range(6, 12):
        assert (await names_last(client, HELD_OUT, number)).held_out
    after = await client.state(ALICE)
    assert after.learned == before.learned
    assert after.trust > before.trust


async def test_what_a_held_out_question_measured_is_replayed_and_proved(opened, client):
    await remembered(client)
    for number in range(4):
        await names_last(client, LEARNED, number)
        await names_last(client, HELD_OUT, number + 10)
    update = (await client.history(ALICE, limit=1)).updates[-1]
    assert "never learned from" in update.reason
    assert verify_database(opened.writer.database).faults == []


async def test_a_rollback_takes_back_what_was_measured(client):
    await remembered(client)
    for number in range(5):
        await names_last(client, LEARNED, number)
    before = await client.state(ALICE)
    for number in range(5, 9):
        await names_last(client, HELD_OUT, number)
    assert (await client.state(ALICE)).trust != before.trust
    await client.rollback(ALICE, version=before.version)
    assert (await client.state(ALICE)).trust == before.trust
