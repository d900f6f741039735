"""Answers to the question whether something shall be forgotten, and requests to forget in other words."""

import pytest
from tests.agent.memory.test_forget import answer_of, prompts
from tests.agent.memory.test_remember import caught_up, memories
from tests.agent.stage import Person, call

from soma.agent.llm.offline import OfflineModel
from soma.agent.llm.scripted import calls, says

pytestmark = pytest.mark.asyncio(loop_scope="module")

PIN, ALARM, DRAWER = "Rex's PIN is 4711.", "The alarm code of Rex is 8812.", "Rex guards the drawer code 5150."
FACTS = {"PIN": PIN, "alarm": ALARM, "drawer": DRAWER}
REQUEST = "Forget Rex"


@pytest.fixture
async def bob(stage) -> Person:
    stage.models["offline"] = OfflineModel()
    person: Person = await stage.newcomer(model="offline")
    await person.knows(*FACTS.values())
    return person


async def listed(person: Person) -> list[str]:
    """Ask, and see what was remembered in the order in which the question lists it."""
    lines = answer_of(await person.asks(REQUEST)).splitlines()[1:4]
    return [next(fact for word, fact in FACTS.items() if word in line) for line in lines]


@pytest.mark.parametrize(
    ("answer", "gone"),
    [
        ("2-3", {2, 3}),
        ("1-3", {1, 2, 3}),
        ("1 bis 2", {1, 2}),
        ("all of them", {1, 2, 3}),
        ("all", {1, 2, 3}),
        ("toutes", {1, 2, 3}),
        ("ja, alle", {1, 2, 3}),
        ("second one", {2}),
        ("nur 2", {2}),
    ],
)
async def test_numbers_a_range_and_all_are_a_choice_and_nothing_else(bob, answer, gone):
    lines = await listed(bob)
    said = answer_of(await bob.asks(answer))
    assert said.startswith(f"Forgotten: {len(gone)} memor"), said
    assert "=" not in said, "a range is no sum"
    assert sorted(await memories(bob)) == sorted(fact for n, fact in enumerate(lines, 1) if n not in gone)


@pytest.mark.parametrize("answer", ["the PIN", "only the PIN", "yes, the PIN", "Yes, forget the PIN", "PIN"])
async def test_a_name_of_exactly_one_that_is_listed_is_a_choice(bob, answer):
    await bob.asks(REQUEST)
    assert answer_of(await bob.asks(answer)).startswith("Forgotten: 1 memory.")
    assert sorted(await memories(bob)) == sorted([ALARM, DRAWER])


@pytest.mark.parametrize("answer", ["the code", "yes, forget the code", "yes, the boat", "not the PIN", "keep the PIN"])
async def test_a_name_of_several_of_none_or_of_what_is_to_stay_is_no_choice(bob, answer):
    await bob.asks(REQUEST)
    assert "Forgotten" not in answer_of(await bob.asks(answer))
    assert sorted(await memories(bob)) == sorted(FACTS.values())


@pytest.mark.parametrize(
    "answer",
    [
        "yes, and also what is 2+2",
        "yes but keep the alarm code",
        "well, yes, but leave me the alarm code",
        "ok, do it, but leave me the drawer code please",
        "ja, aber lass mir bitte den alarm code",
        "oui, mais garde le code du tiroir",
        "sí, pero deja el PIN de la tarjeta",
    ],
)
async def test_a_yes_with_more_to_it_is_told_that_nothing_was_forgotten_and_how_to_say_it(bob, answer):
    await bob.asks(REQUEST)
    said = answer_of(await bob.asks(answer))
    assert said.startswith("Nothing was forgotten: ")
    assert "yes, no or the numbers" in said
    assert ("2+2 = 4." in said) == ("2+2" in answer), "what else was asked is answered"
    await caught_up(bob)
    assert sorted(await memories(bob)) == sorted(FACTS.values()), "nor is it remembered"


@pytest.mark.parametrize("answer", ["both", "both of them", "les deux", "alle beide", "ambos"])
async def test_both_is_a_yes_where_two_are_listed(bob, answer):
    await bob.asks("Forget the PIN and the drawer code")
    assert answer_of(await bob.asks(answer)).startswith("Forgotten: 2 memories.")


async def test_both_of_three_is_no_yes_and_is_not_remembered(bob):
    await bob.asks(REQUEST)
    assert "Forgotten" not in answer_of(await bob.asks("both"))
    await caught_up(bob)
    assert sorted(await memories(bob)) == sorted(FACTS.values())


async def test_a_model_is_told_whether_the_message_is_a_plain_yes(stage):
    ann = await stage.newcomer(refine="off")
    await ann.knows(PIN)
    model = ann.hears(
        calls(call("forget", what="Rex")),
        says("Shall I?", confidence=1.0),
        *(says("Hm.", confidence=1.0) for _ in "ab"),
    )
    await ann.asks(REQUEST)
    await ann.asks("yes but keep the rest")
    assert "no plain yes, so nothing is forgotten" in prompts(model, 2)
    assert "confirmed` true" not in prompts(model, 2)


async def test_a_model_is_not_told_that_the_user_said_no_yes_where_they_did(stage):
    ann = await stage.newcomer(refine="off")
    await ann.knows(PIN)
    ann.hears(
        calls(call("forget", what="PIN")),
        says("Shall I forget it?", confidence=1.0),
        calls(call("forget", confirmed=True)),
        says("Hm.", confidence=1.0),
    )
    await ann.asks("what is the PIN?")
    [use] = (await ann.asks("yes")).tool_uses
    assert use.decided.rule == "unconfirmed_erase"
    assert "no plain yes to a proposal that they asked for" in use.decided.reason


@pytest.mark.parametrize(
    "answer",
    [
        "no",
        "0",
        "maybe",
        "yes, but not 2",
        "nein",
        "vielleicht",
        "peut-être",
        "quizás",
        "non",
        "No.",
        "not yet",
        "3",
        "12",
    ],
)
async def test_a_message_of_nothing_but_an_answer_is_never_remembered(bob, answer):
    await bob.asks(answer)
    await bob.asks(REQUEST)
    await bob.asks(answer if not answer.isdigit() else "0")
    await caught_up(bob)
    assert sorted(await memories(bob)) == sorted(FACTS.values())


async def test_what_is_stated_beside_an_answer_is_remembered(bob):
    await bob.asks(REQUEST)
    await bob.asks("No. My boat is called Calypso.")
    await bob.asks("I am 42")
    await caught_up(bob)
    assert sorted(await memories(bob)) == sorted([*FACTS.values(), "My boat is called Calypso.", "I am 42"])


@pytest.mark.parametrize(
    "order",
    ["erase the drawer code", "Lösche den drawer code", "supprime le drawer code", "borra el drawer code",
     "Please delete the drawer code."],
)  # fmt: skip
async def test_an_order_to_erase_what_is_remembered_is_asked_about(bob, order):
    asked = answer_of(await bob.asks(order))
    assert asked.startswith("I would forget:"), asked
    assert "5150" not in asked
    assert answer_of(await bob.asks("yes")).startswith("Forgotten: 1 memory.")
    await caught_up(bob)
    assert sorted(await memories(bob)) == sorted([PIN, ALARM])


@pytest.mark.parametrize(
    "order", ["delete what I just said", "Lösche, was ich gerade gesagt habe", "erase what I said"]
)
async def test_what_was_just_said_can_be_erased(bob, order):
    await bob.asks("My boat is called Calypso.")
    await caught_up(bob)
    assert "Calypso" in answer_of(await bob.asks(order))
    await bob.asks("yes")
    assert sorted(await memories(bob)) == sorted(FACTS.values())


@pytest.mark.parametrize("order", ["delete the file drawer.md", "remove the second column", "delete the drawer folder"])
async def test_an_order_to_erase_what_no_memory_speaks_of_is_no_business_of_memory(bob, order):
    assert not [use for use in (await bob.asks(order)).tool_uses if use.requested.tool == "forget"]


async def test_forget_about_something_as_a_figure_of_speech_asks_the_question_behind_it(bob):
    said = answer_of(await bob.asks("forget about the weather, what is Rex's PIN?"))
    assert "forget" not in said.lower()
    assert "4711" in said
