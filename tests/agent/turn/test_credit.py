"""A turn tells the brain what happened to an answer: it was corrected, asked for again, or a tool used a memory."""

from typing import Any

import pytest
from tests.agent.memory.test_remember import caught_up
from tests.agent.stage import call

from soma.agent.api.feedback import NewFeedback, give
from soma.agent.api.turn_views import trace_of
from soma.agent.errors import Invalid
from soma.agent.llm.base import CORRECTION_KEPT
from soma.agent.llm.scripted import calls, says
from soma.agent.prompt.history import Exchange
from soma.agent.record.turn import TurnRecord
from soma.agent.turn.steps.credit import find_question_before, words_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOTES = ("The code of the alarm is 1111.", "Ann lives in Lisbon, Rua Augusta.", "Miso the cat likes tuna.")
ASKED = "What is the code of the alarm?"


async def memories(person):
    return [memory.text for memory in (await person.agent.brain.memories(person.principal)).memories]


async def test_a_correction_in_the_chat_is_kept_once_with_its_question_and_shown_first(ann):
    await ann.knows(*NOTES)
    ann.hears(says("It is 1111 [1]."), says("Noted."), says("It is 4321 [1]."))
    first = await ann.asks(ASKED)
    record = await ann.asks("No, it is 4321.")
    [happened] = record.started.credit
    assert (happened["source"], happened["turn_id"], happened["learned"]) == ("corrected_in_chat", first.turn.id, True)
    trace = trace_of(record, messages=None, full=False, receipt=None)
    assert trace["credit"] == [happened]
    await caught_up(ann)
    right = f"{ASKED} It is 4321."
    assert [text for text in await memories(ann) if "4321" in text] == [right]
    again = await ann.asks(ASKED)
    assert again.iterations[0].bundle.memories[0].text == right
    assert again.iterations[0].bundle.memories[0].taught


@pytest.mark.parametrize("between", ["No, that is wrong.", "No, it is 2222."])
async def test_a_correction_may_follow_on_a_denial_or_on_another_correction(ann, between):
    await ann.knows(*NOTES)
    ann.hears(says("It is 1111 [1]."), says("I see."), says("Noted."), says("It is 4321 [1]."))
    first = await ann.asks(ASKED)
    await ann.asks(between)
    record = await ann.asks("Sorry, no, it is 4321." if "2222" in between else "It is 4321.")
    [happened] = record.started.credit
    assert happened["turn_id"] == first.turn.id
    assert record.corrects
    again = await ann.asks(ASKED)
    assert again.iterations[0].bundle.memories[0].text == f"{ASKED} It is 4321."


@pytest.mark.parametrize(
    ("answer", "message"),
    [("It is 1111 [1].", "No, that is wrong."), ("Do you mean the 1111 of the alarm?", "No, it is 4321.")],
)
async def test_what_is_no_correction_of_an_answer_is_reported_as_none(ann, answer, message):
    await ann.knows(*NOTES)
    ann.hears(says(answer), says("I see."))
    await ann.asks(ASKED)
    record = await ann.asks(message)
    assert record.started.credit == []
    assert not [text for text in await memories(ann) if text.startswith(ASKED)]


async def test_a_model_is_told_that_the_message_is_kept_as_a_correction(ann):
    await ann.knows(*NOTES)
    model = ann.hears(says("It is 1111 [1]."), says("Thank you."), says("It rains."))
    await ann.asks(ASKED)
    record = await ann.asks("No, it is 4321.")
    assert record.corrects
    told = [CORRECTION_KEPT in str(request.messages) for request in model.requests]
    assert told == [False, True]


async def test_a_question_asked_again_credits_what_answers_it_the_second_time(ann):
    await ann.knows("The alarm beeps at night.", *NOTES)
    ann.hears(says("At night [2]."), says("The code is 1111 [1]."))
    first = await ann.asks("What is the code for the alarm?")
    record = await ann.asks("I mean, what is the code for the alarm?")
    [happened] = [one for done in record.completions for one in done.credit]
    assert (happened["source"], happened["turn_id"], happened["learned"]) == ("asked_again", first.turn.id, True)
    assert happened["bundle_id"] == first.iterations[0].bundle.bundle_id


async def test_a_memory_whose_words_a_tool_was_given_is_credited(ann):
    await ann.knows("The alarm beeps at night.", *NOTES)
    ann.hears(calls(call("calculator", expression="1111 + 1")), says("It is 1112."))
    record = await ann.asks("What is the code for the alarm, plus one?")
    assert len(record.iterations[0].bundle.memories) == 2
    [happened] = record.iterations[0].completed.credit
    assert (happened["source"], happened["learned"]) == ("used_by_tool", True)


async def test_a_tool_of_the_memory_itself_reports_nothing(ann):
    await ann.knows(*NOTES)
    ann.hears(calls(call("recall", query="Lisbon")), says("Noon."))
    record = await ann.asks("How late is it where Ann lives?")
    assert record.iterations[0].completed.credit == []


def _copied(record: TurnRecord, **fields: Any) -> NewFeedback:
    return NewFeedback.model_validate({"turn_id": record.turn.id, **fields})


async def test_a_copied_passage_is_no_feedback_and_credits_the_memory_that_holds_it(ann):
    await ann.knows("Ann lives in Lisbon, Rua Augusta.", "Ann wants to live by the sea.")
    ann.hears(says("She lives in Lisbon, Rua Augusta [1]."))
    record = await ann.asks("Where does Ann live?")
    answer = await give(ann.caller, _copied(record, copied="in Lisbon, Rua Augusta [1]"))
    assert (answer["adaptation_applied"], answer["reason"]) == (True, None)
    values = {memory.text[:13]: memory.value for memory in (await ann.agent.brain.memories(ann.principal)).memories}
    assert values == {"Ann lives in ": 0.525, "Ann wants to ": 0.5}
    for wrong in ({"copied": " "}, {"copied": "Lisbon", "thumb": 1}):
        with pytest.raises(Invalid) as refused:
            await give(ann.caller, _copied(record, **wrong))
        assert refused.value.field == "copied"


def exchange(user: str, number: int = 1) -> Exchange:
    return Exchange(user=user, assistant="It is 1111.", turn_id=f"t{number}", number=number)


async def test_only_denials_may_stand_between_a_question_and_the_same_one_again():
    asked = exchange(ASKED)
    again = "Which code has the alarm?"
    assert find_question_before(again, [asked]) is asked
    assert find_question_before(again, [asked, exchange("No, that is wrong.")]) is asked
    for between in ("Yes, thanks.", "Thank you!", "I will try it."):
        assert find_question_before(again, [asked, exchange(between)]) is None
    for other in ("Yes! Which code has the alarm?", "Thank you!", "I tried it.", "Forget the code of the alarm."):
        assert find_question_before(other, [asked]) is None
    assert find_question_before(again, []) is None


async def test_the_words_of_arguments_are_their_values_alone():
    assert words_of({"city": "Lisbon", "days": 3, "units": ["C", None, True]}) == "Lisbon\n3\nC"
