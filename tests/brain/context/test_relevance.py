"""What a bundle leaves out: memories that do not bear on the question."""

import pytest
from tests.brain.conftest import ALICE, metrics_of
from tests.brain.requests import new_feedback, new_preview, new_query, new_report

from soma.brain.context.held_out import is_held_out
from soma.brain.context.relevance import (
    FEW,
    LEAST_COSINE,
    LEAST_WAY,
    SHARES,
    measure_bearings,
    part_bearings,
    touch_question,
)
from soma.brain.core.hyperparameters import Hyperparameters
from soma.brain.core.rules.floor import floors_of
from soma.brain.root import open_brain
from soma.memory.embedders.minilm import MiniLM

ABOUT = ["The Heron has a warranty of three years.", "The warranty covers the Heron's fan for one year."]
SECRETS = ["The password of the safe is 8841.", "Anna earns 54,000 euros a year."]
SALARIES = [f"The salary of employee {number} is {30 + number} thousand euros a year." for number in range(60)]


@pytest.fixture
async def client(settings):
    async with open_brain(settings, embedder=MiniLM()) as opened:
        yield opened.client


async def remember(client, *texts):
    await client.remember(ALICE, [{"key": text, "text": text} for text in texts])


async def shown(client, query):
    return await client.evaluate(ALICE, new_query(conversation_id="c", query=query, token_budget=4_000))


async def test_what_does_not_stand_out_for_the_question_is_not_shown_and_is_counted(opened):
    await remember(opened.client, *ABOUT, *SALARIES)
    bundle = await shown(opened.client, "How long is the warranty of the Heron?")
    assert {memory.text for memory in bundle.memories} == set(ABOUT)
    assert bundle.dropped > FEW


async def test_where_many_answer_alike_many_are_shown(opened):
    await remember(opened.client, *ABOUT, *SALARIES)
    bundle = await shown(opened.client, "What is the salary of an employee?")
    assert len([memory for memory in bundle.memories if "salary" in memory.text]) > FEW
    assert not {memory.text for memory in bundle.memories} & set(ABOUT)


async def test_of_few_memories_those_that_have_nothing_to_do_with_the_question_are_left_out(client):
    await remember(client, *ABOUT, *SECRETS)
    bundle = await shown(client, "How long is the warranty of the Heron?")
    assert {memory.text for memory in bundle.memories} == set(ABOUT)
    assert bundle.dropped == len(SECRETS)


async def test_a_question_that_few_memories_cannot_answer_brings_none_of_them(client):
    await remember(client, *ABOUT, *SECRETS)
    assert (await shown(client, "Please write a poem about trees.")).memories == []


async def test_of_few_memories_one_that_was_taught_is_shown_however_far_from_the_question(client):
    await remember(client, *ABOUT, *SECRETS)
    question = "Please write a poem about trees."
    bundle = await shown(client, "password of the safe")
    body = {"conversation_id": "c", "bundle_id": bundle.bundle_id, "query": question}
    await client.feedback(ALICE, new_feedback(**body, helpful=[bundle.memories[0].id]))
    assert [(memory.text, memory.taught) for memory in (await shown(client, question)).memories] == [(SECRETS[0], True)]


async def test_a_memory_that_was_taught_is_shown_however_far_from_the_question(opened):
    await remember(opened.client, *ABOUT, *SALARIES)
    question = "How long is the warranty of the Heron?"
    bundle = await opened.client.evaluate(ALICE, new_query(conversation_id="c", query="employee 7", token_budget=4_000))
    [far] = [memory.id for memory in bundle.memories if memory.text == SALARIES[7]]
    body = {"conversation_id": "c", "bundle_id": bundle.bundle_id, "query": question, "helpful": [far]}
    await opened.client.feedback(ALICE, new_feedback(**body))
    first = (await shown(opened.client, question)).memories[0]
    assert (first.id, first.taught) == (far, True)


async def test_asking_alone_does_not_narrow_attention(opened):
    """Of what was left out as irrelevant, none could be shown: that all others are does not mean that too many are."""
    await remember(opened.client, *ABOUT, *SALARIES)
    before = (await opened.client.state(ALICE)).weights["tau"]
    for number in range(20):
        bundle = await shown(opened.client, "How long is the warranty of the Heron?")
        body = metrics_of(f"t{number}", bundle_id=bundle.bundle_id, confidence=0.1)
        await opened.client.publish_turn_metrics(ALICE, new_report(**body))
    assert (await opened.client.state(ALICE)).weights["tau"] >= before


async def test_a_shown_memory_says_how_near_in_meaning_it_is(opened):
    await remember(opened.client, *ABOUT, "The office is in Graz.")
    [same] = (await shown(opened.client, ABOUT[0])).memories[:1]
    [akin] = (await shown(opened.client, "How long is the warranty of the Heron?")).memories[:1]
    assert (same.text, same.similarity) == (ABOUT[0], 1.0)
    assert 0.5 < akin.similarity < 1.0


def test_a_bearing_is_the_way_from_the_middle_the_share_of_the_nearest_and_the_cosine():
    scores, near = [2.0, 1.5, 1.0, 0.0], [0.4, 0.8, 0.0, -0.2]
    parts = part_bearings(scores, near)
    assert parts == [(1.0, 0.5, 0.4), (0.5, 1.0, 0.8), (0.0, 0.0, 0.0), (-1.0, -0.25, -0.2)]
    shares = list(map(sum, zip(*[[s * p for s, p in zip(SHARES, row, strict=True)] for row in parts], strict=True)))
    assert sum(measure_bearings(scores, near)) == pytest.approx(sum(shares))


def test_where_all_score_alike_or_none_is_near_a_bearing_is_still_a_number():
    assert measure_bearings([0.0] * 3, [0.0, -0.1, 0.0]) == pytest.approx(
        [SHARES[0], SHARES[0] - 0.1 * SHARES[2], SHARES[0]]
    )


def test_where_many_score_nearly_as_well_as_the_best_the_difference_is_not_made_greater_than_it_is():
    alike = [score for score, _, _ in part_bearings([2.0, 1.97, 1.95, 1.9], [0.5] * 4)]
    assert min(alike) > 1.0 - 0.1 / (LEAST_WAY * 2.0) - 1e-9


async def test_where_even_the_nearest_of_many_is_far_from_the_question_nothing_is_shown(client):
    await remember(client, *ABOUT, *SECRETS, *SALARIES)
    bundle = await shown(client, "富士山の高さは何メートルですか")
    assert bundle.memories == []
    assert bundle.nearness < bundle.floors["nearness"]
    assert bundle.dropped > FEW


async def test_a_bundle_says_how_each_memory_bears_on_the_question_and_from_where_it_is_shown(client):
    await remember(client, *ABOUT, *SALARIES)
    bundle = await shown(client, "How long is the warranty of the Heron?")
    assert bundle.memories
    assert all(memory.bearing >= bundle.floors["bearing"] for memory in bundle.memories)
    assert bundle.nearness == max(memory.similarity for memory in bundle.memories)


POEM = "Please write a poem about work and money."


@pytest.fixture
async def taught(client):
    """A learner with held-out questions that were answered word by word; before them a poem brought salaries."""
    await remember(client, *ABOUT, *SALARIES)
    assert (await shown(client, POEM)).memories
    held_out = [text for text in SALARIES if is_held_out(text, Hyperparameters())]
    assert len(held_out) > 8
    for text in held_out:
        bundle = await shown(client, text)
        body = {"conversation_id": "c", "bundle_id": bundle.bundle_id, "helpful": [bundle.memories[0].id]}
        await client.feedback(ALICE, new_feedback(**body))
    return client


async def test_a_learner_whose_memories_helped_from_near_shows_nothing_for_what_is_far(taught):
    assert (await shown(taught, POEM)).memories == []
    state = await taught.state(ALICE)
    assert state.floor_questions > 6
    assert state.floors["nearness"] > floors_of(None, Hyperparameters()).nearness


async def test_the_preview_without_what_was_learned_has_the_floors_of_before(taught):
    preview = await taught.preview(ALICE, new_preview(query=POEM))
    assert preview.memories == []
    assert preview.other_memories


async def test_the_history_tells_where_the_floors_moved(taught):
    updates = (await taught.history(ALICE, limit=3)).updates
    assert all(update.floors["nearness"] != update.floors_before["nearness"] for update in updates)
    assert updates[-1].floors == (await taught.state(ALICE)).floors


async def test_a_rollback_takes_back_learned_floors(taught):
    await taught.rollback(ALICE, version=0)
    assert (await taught.state(ALICE)).floors == floors_of(None, Hyperparameters())._asdict()
    assert (await shown(taught, POEM)).memories


async def test_a_held_out_question_is_shown_what_bears_on_it_less(client):
    await remember(client, *ABOUT, *SALARIES)
    questions = [f"What does employee {number} earn?" for number in range(60)]
    kinds = {is_held_out(question, Hyperparameters()): question for question in questions}
    floors = {kind: (await shown(client, question)).floors for kind, question in kinds.items()}
    assert floors[True]["bearing"] < floors[False]["bearing"]
    assert floors[True]["nearness"] < floors[False]["nearness"]


async def test_a_taught_memory_that_is_far_has_no_bearing_to_learn_from(client):
    await remember(client, *ABOUT, *SALARIES)
    question = "Please write a poem about trees."
    bundle = await client.evaluate(ALICE, new_query(conversation_id="c", query="employee 7", token_budget=4_000))
    [far] = [memory.id for memory in bundle.memories if memory.text == SALARIES[7]]
    body = {"conversation_id": "c", "bundle_id": bundle.bundle_id, "query": question, "helpful": [far]}
    await client.feedback(ALICE, new_feedback(**body))
    first = (await shown(client, question)).memories[0]
    assert (first.id, first.taught, first.bearing) == (far, True, None)


def test_one_of_few_touches_the_question_by_its_meaning_or_by_a_part_of_its_telling_words():
    texts = ["I am vegetarian.", "Annas Gehalt beträgt 54.000 Euro.", "The safe opens with 8841."]
    assert touch_question("What should I cook tonight?", texts, [LEAST_COSINE, 0.0, LEAST_COSINE - 0.01]) == [
        True, False, False,
    ]  # fmt: skip
    assert touch_question("Wie hoch ist das Gehalt von Anna?", texts, [0.0] * 3) == [False, True, False]


def test_words_of_a_language_without_spaces_are_met_too():
    assert touch_question("会社の電話番号は何ですか", ["会社の電話番号は123です。", "猫が好きです。"], [0.0, 0.0])[0]


def test_where_a_question_has_no_telling_word_every_word_counts():
    assert touch_question("Who am I?", ["I am a nurse.", "The safe opens with 8841."], [0.0, 0.0]) == [True, False]


async def test_asking_an_empty_memory_leaves_attention_as_it_is(opened):
    before = (await opened.client.state(ALICE)).weights["tau"]
    for number in range(5):
        bundle = await shown(opened.client, f"Where is thing {number}?")
        await opened.client.publish_turn_metrics(
            ALICE, new_report(**metrics_of(f"t{number}", bundle_id=bundle.bundle_id))
        )
    assert (await opened.client.state(ALICE)).weights["tau"] == before
