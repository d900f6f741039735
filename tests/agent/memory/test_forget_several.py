"""Several things to forget in one request: each is looked for, all are proposed together, none is lost in silence."""

import pytest
from tests.agent.memory.test_forget import answer_of
from tests.agent.memory.test_remember import memories
from tests.agent.stage import Person
from tests.memory.upkeep.test_consolidate import GARDEN

from soma.agent.llm.offline import OfflineModel
from soma.agent.tools.forget.parts import parts_of, without_exceptions
from soma.brain.owner import owner_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

PHONE, BANK = "Pia's phone number is 0170-555.", "The bank is Sparkasse Nord."
ALARM, LANDLORD = "The alarm code is 8812.", "The landlord is called Hektor."


@pytest.fixture
async def bob(stage) -> Person:
    stage.models["offline"] = OfflineModel()
    person: Person = await stage.newcomer(model="offline")
    await person.knows(PHONE, BANK, ALARM, LANDLORD)
    return person


@pytest.mark.parametrize(
    ("request_", "left"),
    [
        ("forget Pia's phone number, the bank and the alarm code", [LANDLORD]),
        ("forget that the alarm code is 8812 and that the landlord is called Hektor", [PHONE, BANK]),
        ("Please forget these: the alarm code; the bank; Pia's phone number", [LANDLORD]),
        ("Please forget these:\n- the alarm code\n- the bank", [PHONE, LANDLORD]),
        ("forget the alarm code and the landlord", [PHONE, BANK]),
        ("forget the alarm code. forget the landlord.", [PHONE, BANK]),
        ("forget the alarm code. Also the landlord.", [PHONE, BANK]),
        ("remove the alarm code from memory, please, and the landlord too", [PHONE, BANK]),
        ("Vergiss den alarm code und den landlord", [PHONE, BANK]),
        ("Oublie alarm code et landlord", [PHONE, BANK]),
        ("Olvida alarm code y landlord", [PHONE, BANK]),
    ],
)
async def test_each_thing_is_looked_for_and_all_are_forgotten_together(bob, request_, left):
    asked = answer_of(await bob.asks(request_))
    assert asked.startswith("I would forget:"), asked
    assert "Nothing" not in asked
    assert answer_of(await bob.asks("yes")).startswith(f"Forgotten: {4 - len(left)} memories.")
    assert sorted(await memories(bob)) == sorted(left)


async def test_what_nothing_matches_is_named_beside_what_was_found(bob):
    asked = answer_of(await bob.asks("please forget the alarm code, the glaze supplier and the PIN 4711"))
    assert "Nothing matches: the glaze supplier; the PIN …." in asked, asked
    assert asked.endswith("Shall I forget it? Yes or no.")
    assert answer_of(await bob.asks("yes")).startswith("Forgotten: 1 memory.")


@pytest.mark.parametrize(
    "request_",
    ["forget the bank but not the alarm code", "forget the bank, keep the alarm code",
     "Forget the bank except the code", "Vergiss bank, aber nicht den alarm code", "Olvida bank pero no alarm code"],
)  # fmt: skip
async def test_what_is_to_stay_is_not_proposed(bob, request_):
    asked = answer_of(await bob.asks(request_))
    assert "Sparkasse" in asked
    assert asked.endswith("Shall I forget it? Yes or no.")


async def test_everything_but_one_thing_names_nothing(bob):
    assert answer_of(await bob.asks("forget everything except the bank")).startswith("Say what I shall forget")


async def test_both_before_two_things_is_no_word_of_theirs(bob):
    assert "2. " in answer_of(await bob.asks("forget both the bank and the alarm code"))


async def test_a_yes_that_asks_for_something_else_too_forgets_nothing_and_says_so(bob):
    await bob.asks("forget the bank")
    assert answer_of(await bob.asks("yes, and forget the alarm code too")).startswith("Nothing was forgotten: ")
    assert len(await memories(bob)) == 4


async def test_a_word_in_common_does_not_stand_for_another_thing(bob):
    assert "Nothing matches: the door code." in answer_of(await bob.asks("forget the alarm code and the door code"))


async def test_a_memory_that_holds_all_parts_is_one_thing(bob):
    await bob.knows("Ann and Bob marry in May.", "Ann paints.", "Bob sings.")
    asked = answer_of(await bob.asks("forget that Ann and Bob marry in May"))
    assert "marry" in asked
    assert "paints" not in asked
    assert asked.endswith("Shall I forget it? Yes or no.")


async def test_a_summary_of_what_is_listed_follows_it_and_is_no_choice_of_its_own(bob):
    await bob.agent.brain.remember(bob.principal, [{"text": text, "metadata": {"speaker": "Ann"}} for text in GARDEN])
    done = await bob.agent.brain_app._app.state.brain.memory.consolidate(owner_of(bob.principal))
    assert [one for one in done if one.made], "there is a summary"
    asked = answer_of(await bob.asks("forget the tomatoes in the garden"))
    assert "made from" in asked
    assert f"\n{len(GARDEN)}. " in asked
    assert f"\n{len(GARDEN) + 1}. " not in asked, asked
    assert answer_of(await bob.asks("yes")).startswith(f"Forgotten: {len(GARDEN)} memories, and ")
    assert sorted(await memories(bob)) == sorted([PHONE, BANK, ALARM, LANDLORD])


async def test_equal_texts_are_one_choice(bob):
    await bob.knows("Rex likes tuna.", "rex likes  tuna", "Rex hates rain.")
    asked = answer_of(await bob.asks("forget Rex"))
    assert "2 times" in asked
    assert "3. " not in asked


@pytest.mark.parametrize(
    ("what", "parts"),
    [
        ("the bank", ["the bank"]),
        ("a, b and c", ["a", "b and c"]),
        ("the bank and the code", ["the bank", "the code"]),
        ("the bank, please", ["the bank, please"]),
        ("1,000 euros", ["1,000 euros"]),
        ("Dr. Meier", ["Dr. Meier"]),
        ("dass Rex beißt und dass Ann kommt", ["Rex beißt", "Ann kommt"]),
        ("que Rex mord et qu'Ann vient", ["Rex mord", "Ann vient"]),
        ("the bank. forget the code", ["the bank", "the code"]),
    ],
)
async def test_parts_are_split_at_the_strongest_separator(what, parts):
    assert parts_of(what) == parts


@pytest.mark.parametrize("what", ["Ann does not eat fish", "ich nicht schlafe", "Bob and I keep bees", "no smoking"])
async def test_a_statement_with_a_no_in_it_is_sought_whole(what):
    assert without_exceptions(what) == what
