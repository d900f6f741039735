"""What a person corrects comes first for the same question and a paraphrase, for that person, as long as it stands."""

import pytest
from tests.brain.conftest import ALICE, BOB, remembered
from tests.brain.requests import new_feedback, new_query

from soma.brain.root import open_brain
from soma.memory.embedders.minilm import MiniLM

pytestmark = pytest.mark.learning

ASKED = "When does the train to Bern leave?"
REORDERED = "The train to Bern, when does it leave?"
OTHER = "What is the cat called?"


@pytest.fixture
async def client(opened):
    await remembered(opened.client)
    return opened.client


async def asked(client, query=ASKED, who=ALICE, **more):
    return await client.evaluate(who, new_query(conversation_id="c1", query=query, **({"top_k": 6} | more)))


def order(bundle):
    return [memory.id for memory in bundle.memories]


async def corrected(client, *, who=ALICE, **word):
    """The last of the shown memories is named helpful, the first unhelpful."""
    bundle = await asked(client, who=who)
    right, wrong = bundle.memories[-1].id, bundle.memories[0].id
    said = {"helpful": [right], "unhelpful": [wrong]} | word
    answer = await client.feedback(
        who, new_feedback(conversation_id="c1", bundle_id=bundle.bundle_id, turn_id="t1", **said)
    )
    assert answer.adaptation_applied
    return bundle, right, wrong


@pytest.mark.parametrize("query", [ASKED, REORDERED])
async def test_a_corrected_memory_stands_first_and_is_marked(client, query):
    other = order(await asked(client, OTHER))
    _, right, wrong = await corrected(client)
    again = await asked(client, query)
    assert (again.memories[0].id, again.memories[0].taught) == (right, True)
    assert wrong not in order(again)[:-1]
    [found, *_] = await client.recall(ALICE, query=query)
    assert (found.id, found.taught) == (right, True)
    unrelated = await asked(client, OTHER)
    assert not any(memory.taught for memory in unrelated.memories)
    assert unrelated.memories[0].id == other[0]


async def test_a_correction_is_its_persons_own(client):
    await corrected(client)
    bundle = await asked(client, who=BOB)
    assert not any(memory.taught for memory in bundle.memories)


async def test_a_question_about_another_number_is_another_question(client):
    bundle = await asked(client, "When does train 42 leave?")
    right = bundle.memories[-1].id
    await client.feedback(ALICE, new_feedback(conversation_id="c1", bundle_id=bundle.bundle_id, helpful=[right]))
    assert (await asked(client, "When does train 42 leave?")).memories[0].id == right
    assert not any(memory.taught for memory in (await asked(client, "When does train 43 leave?")).memories)


@pytest.mark.parametrize("by_batch", [False, True])
async def test_a_correction_goes_with_its_word(client, by_batch):
    bundle = await asked(client)
    about = {"conversation_id": "c1", "bundle_id": bundle.bundle_id}
    first, second = bundle.memories[-1].id, bundle.memories[-2].id
    for named in (first, second):
        if by_batch:
            await client.feedback_batch(ALICE, [about | {"helpful": [named]}])
        else:
            await client.feedback(ALICE, new_feedback(**about, helpful=[named]))
        assert [memory.id for memory in (await asked(client)).memories if memory.taught] == [named]
    await client.rollback(ALICE, version=0)
    assert not any(memory.taught for memory in (await asked(client)).memories)


async def test_a_correction_goes_with_its_memory(opened, client):
    _, right, _ = await corrected(client)
    await client.forget(ALICE, ids=[right])
    assert right not in order(await asked(client))
    rows = opened.writer.database.query("SELECT memory_id FROM corrections WHERE memory_id = ?", [right])
    assert not rows


async def test_a_paraphrase_is_known_by_its_meaning(settings):
    async with open_brain(settings, embedder=MiniLM()) as opened:
        client = opened.client
        await remembered(client)
        await client.remember(ALICE, [{"text": "The night bus to Bern stops at the lake."}])
        _, right, _ = await corrected(client)
        again = await asked(client, "At what time does the Bern train depart?")
        assert (again.memories[0].id, again.memories[0].taught) == (right, True)
        unrelated = await asked(client, OTHER)
        assert not any(memory.taught for memory in unrelated.memories)


async def test_praise_leaves_the_order_of_memories_and_takes_back_a_former_word(client):
    bundle, *_ = await corrected(client)
    about = {"conversation_id": "c1", "bundle_id": bundle.bundle_id, "turn_id": "t1"}
    await client.feedback(ALICE, new_feedback(**about, thumb=1, helpful=[bundle.memories[0].id]))
    assert not any(memory.taught for memory in (await asked(client)).memories)


NEIGHBOURS = {
    "When was Mila born?": "Mila was born on 3 May 2017.",
    "What is Mila allergic to?": "Mila is allergic to hazelnuts.",
    "Which school does Mila go to?": "Mila goes to Hillside school.",
}


async def test_a_question_that_another_memory_answers_whole_is_not_the_corrected_one(settings):
    """Of one person many things are asked, and their questions are near to one another in meaning."""
    async with open_brain(settings, embedder=MiniLM()) as opened:
        client = opened.client
        items = [{"key": text, "text": text, "kind": "semantic"} for text in NEIGHBOURS.values()]
        await client.remember(ALICE, items)
        bundle = await asked(client, "Who is Mila's teacher?")
        said = {"conversation_id": "c1", "bundle_id": bundle.bundle_id, "turn_id": "t1", "thumb": -1}
        await client.feedback(ALICE, new_feedback(**said, correction={"text": "Mila's teacher is Mrs Okafor."}))
        first = (await asked(client, "Who is Mila's teacher?")).memories[0]
        assert (first.text, first.taught) == ("Mila's teacher is Mrs Okafor.", True)
        paraphrase = (await asked(client, "What is the name of the teacher of Mila?")).memories[0]
        assert paraphrase.taught
        for question, text in NEIGHBOURS.items():
            found = (await asked(client, question)).memories
            assert (found[0].text, any(memory.taught for memory in found)) == (text, False)


CHAT = {
    "What kind of class did Anna sign up for?": "Anna: I signed up for a pottery class, it starts on Tuesday.",
    "What does Anna do to relax?": "Anna: After work I mostly paint, it calms me down.",
    "Where did Anna go with her sister?": "Anna: We went to Oslo together, my sister and I. It rained all week!",
    "What did Anna buy for her birthday?": "Anna: For my birthday I got myself running shoes.",
    "What does Anna want to become?": "Anna: I keep thinking about becoming a counsellor.",
    "Which race did Anna run?": "Anna: I ran the charity race on Sunday, ten kilometres!",
    "What is the name of Anna's puppy?": "Anna: We adopted him last month, he is called Oscar.",
    "When does Anna meet her friends?": "Anna: Every second Friday the old gang comes over.",
}


async def test_questions_about_one_person_are_near_and_yet_not_the_same(settings):
    """What people write is far from any question, so that another question about the same person is nearer to it."""
    async with open_brain(settings, embedder=MiniLM()) as opened:
        client = opened.client
        await client.remember(ALICE, [{"text": text} for text in CHAT.values()])
        corrected_one, *others = CHAT
        bundle = await asked(client, corrected_one, top_k=8)
        [right] = [memory.id for memory in bundle.memories if memory.text == CHAT[corrected_one]]
        about = {"conversation_id": "c1", "bundle_id": bundle.bundle_id, "turn_id": "t1", "thumb": -1}
        await client.feedback(ALICE, new_feedback(**about, helpful=[right]))
        assert (await asked(client, "For which course has Anna enrolled?")).memories[0].taught
        for question in others:
            assert not any(memory.taught for memory in (await asked(client, question)).memories), question
