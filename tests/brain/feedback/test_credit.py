"""What happened to an answer names a memory only where it tells which: pure rules, values in and out."""

from typing import Any
from uuid import UUID

import pytest

from soma.brain.context.bundles import Bundle
from soma.brain.core.observations import ShownMemory
from soma.brain.feedback.credit import Happening, drop_shared_names, feedback_of, find_copied, find_used, why_not_again
from soma.brain.wire.requests import Correction, Credit, SecondAnswer

TEXTS = {
    "ann": "Ann lives in Lisbon, Rua Augusta 12.",
    "bob": "Bob lives in Porto and paints.",
    "wifi": "The password of the wifi is otter-4471.",
    "cat": "The cat is called Miso and likes tuna.",
}
NEAR, FAR = (1.0, 0.0), (0.2, 0.98)


def bundle(query: str, *, at: float = 0.0, embedding: Any = NEAR, shown: Any = tuple(TEXTS), **more: Any) -> Bundle:
    moment = (1_800_000_000_000 + int(at * 1000)) << 80
    return Bundle(
        bundle_id=str(UUID(int=moment | 7 << 76 | 2 << 62)),
        tenant_id="acme",
        user_id="alice",
        agent_id="helper",
        learner_version=0,
        query=query,
        views=("semantic",),
        shown=tuple(ShownMemory(name, (number,)) for number, name in enumerate(shown)),
        diversity=0.5,
        gain=0.5,
        embedding=list(embedding),
        **{"conversation_id": "c1"} | more,
    )


def credited(source: Any, first: Bundle, second: Bundle | None = None, **fields: Any) -> Any:
    body = Credit(conversation_id="c1", source=source, bundle_id=first.bundle_id, **fields)
    return feedback_of(Happening(body, first, second, TEXTS), credit=0.5)


FIRST = "Where does Ann live?"


@pytest.mark.parametrize(
    ("question", "more", "why"),
    [
        ("In which city is Ann at home?", {"at": 60}, None),
        ("Where does she live?", {"at": 60}, None),
        ("Which town does Ann live in?", {"at": 60, "embedding": FAR}, "another_question"),
        ("Where does Bob live?", {"at": 60}, "another_question"),
        ("Since when does Ann live there?", {"at": 60}, "another_question"),
        ("When did Ann move?", {"at": 60}, "another_question"),
        ("Where does Ann live at number 12?", {"at": 60}, "another_question"),
        ("In which city is Ann at home?", {"at": 3600}, "too_late"),
        ("In which city is Ann at home?", {"at": 60, "conversation_id": "c2"}, "another_question"),
    ],
)
def test_a_question_is_asked_again_only_soon_in_the_same_conversation_and_of_the_same_thing(question, more, why):
    assert why_not_again(bundle(FIRST), bundle(question, **more)) == why


def test_two_questions_about_one_person_are_not_near_because_of_her_name():
    """On LoCoMo 41 % of pairs were taken for the same question, 1.2 % without the shared names."""
    first, second = bundle("What did Ann buy in Porto?"), bundle("How does Ann travel?", at=60)
    assert why_not_again(first, second) is None, "by their whole vectors"
    assert why_not_again(first, second, wordings=(NEAR, FAR)) == "another_question"
    assert drop_shared_names(first.query, second.query) == ("What did buy in Porto?", "How does travel?")
    assert drop_shared_names("Where is it?", "Where is Ann's cat?") is None
    assert drop_shared_names("And Ann’s?", "Whose? Ann's?") == ("And ?", "Whose? ?")


def test_a_question_before_is_never_the_same_one_again():
    assert why_not_again(bundle(FIRST, at=60), bundle(FIRST)) == "too_late"


def asked_again(used: Any, then: Any, **more: Any) -> Any:
    first, second = bundle(FIRST, **more), bundle("In which city is Ann at home?", at=60)
    answer = SecondAnswer(bundle_id=second.bundle_id, used=then)
    return credited("asked_again", first, second, used=used, again=answer)


def test_what_answers_the_second_time_helps_and_what_the_first_answer_rested_on_does_not():
    told = asked_again(("bob",), ("ann",))
    assert (told.helpful, told.unhelpful, told.source) == (("ann",), ("bob",), "asked_again")
    assert not told.has_verdict


def test_what_both_answers_rest_on_neither_helped_nor_failed():
    told = asked_again(("ann", "bob"), ("ann", "cat"))
    assert (told.helpful, told.unhelpful) == (("cat",), ("bob",))


def test_a_second_answer_that_rests_on_the_same_memories_teaches_nothing():
    assert asked_again(("ann",), ("ann",)) == "same_answer"
    assert asked_again(("ann",), ()) == "same_answer"


def test_a_memory_that_was_not_shown_the_first_time_has_no_place_among_those_shown():
    assert asked_again(("bob",), ("ann",), shown=("bob", "cat")) == "not_shown"


@pytest.mark.parametrize(
    ("arguments", "helpful"),
    [
        ("Lisbon", ["ann"]),
        ("Rua Augusta 12\n3 km", ["ann"]),
        ("otter-4471", ["wifi"]),
        ("Where does my friend live?", []),  # only the person's own words
        ("weather Lisbon Porto", []),  # of two memories, one word each
        ("the forecast of Lisbon", ["ann"]),
        ("the weather forecast of Lisbon", []),  # one word beside more that no memory brought
        ("lives", []),  # half of the shown hold it
        ("", []),
    ],
)
def test_a_tool_credits_the_memory_whose_telling_words_it_was_given(arguments, helpful):
    body = Credit(conversation_id="c1", source="used_by_tool", bundle_id="b", words=arguments)
    assert find_used(body, "Where does my friend live?", TEXTS) == helpful


def test_a_tool_that_repeats_the_persons_own_words_credits_nothing():
    said = Credit(
        conversation_id="c1", source="used_by_tool", bundle_id="b", words="Lisbon", said=("I think of Lisbon.",)
    )
    assert find_used(said, "What is the weather?", TEXTS) == []
    asked = Credit(conversation_id="c1", source="used_by_tool", bundle_id="b", words="Lisbon")
    assert find_used(asked, "What is the weather in Lisbon?", TEXTS) == []
    assert find_used(asked, "What is the weather?", TEXTS) == ["ann"]


def test_a_word_that_many_of_the_shown_memories_hold_tells_of_none():
    body = Credit(conversation_id="c1", source="used_by_tool", bundle_id="b", words="lives")
    assert find_used(body, "What is the weather?", TEXTS) == []


@pytest.mark.parametrize(
    ("passage", "helpful"),
    [
        ("The password of the wifi is otter-4471.", ["wifi"]),
        ("**otter-4471**", ["wifi"]),
        ("It is Lisbon.", ["ann"]),
        ("Ann lives in Porto and paints houses", []),
        ("Good morning!", []),
        ("", []),
    ],
)
def test_a_copied_passage_credits_the_memory_that_holds_it(passage, helpful):
    assert find_copied(passage, TEXTS) == helpful


def test_a_correction_in_the_chat_dismisses_what_the_answer_rested_on_and_is_less_than_a_thumb_down():
    told = credited(
        "corrected_in_chat",
        bundle(FIRST),
        used=("bob",),
        words="It is Lisbon.",
        correction=Correction(text="Where does Ann live? It is Lisbon."),
    )
    assert (told.helpful, told.unhelpful, told.reward) == (("ann",), ("bob",), -0.5)


def test_a_memory_that_holds_the_right_value_is_not_dismissed_though_the_answer_cited_it():
    told = credited(
        "corrected_in_chat",
        bundle(FIRST),
        used=("ann", "bob"),
        words="It is Lisbon.",
        correction=Correction(text="It is Lisbon."),
    )
    assert (told.helpful, told.unhelpful) == (("ann",), ("bob",))
