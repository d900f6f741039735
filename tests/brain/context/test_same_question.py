"""Which question a correction is of: by words, by meaning, and by what was typed as right."""

from dataclasses import replace

import numpy as np

from soma.brain.context.corrections import AS_RANKED, Order, StandingCorrection, find_nearest, order_of, question_of
from soma.memory.types import Candidate, Candidates

EAST, NORTH = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0)


def towards(share: float, other: float = 0.0) -> tuple[float, float, float]:
    """A direction at that cosine from EAST, and at `other` from NORTH."""
    return share, other, (1 - share**2 - other**2) ** 0.5


def corrected(embedding=EAST, text="When does the Bern train leave?", *, is_typed=False) -> StandingCorrection:
    return StandingCorrection(question_of(text, embedding), 1, ("right", "also right"), ("wrong",), is_typed)


def found(vector: tuple[float, float, float] = NORTH, **levels: int) -> Candidates:
    """Memories by their levels in meaning, all of one direction; their texts are gone."""
    return Candidates(
        ids=tuple(name.replace("_", " ") for name in levels),
        views=("length", "semantic"),
        levels=np.array([(9_999 - level, level) for level in levels.values()], np.int64),
        vectors=np.array([vector] * len(levels), np.float32),
        statistics_version="",
        query_embedding=(),
        read=lambda _: {},
    )


def ordered(asked, one, candidates) -> bool:
    question = question_of("At what hour does it depart?", asked)
    return find_nearest(question, [one]) is not None and order_of(question, one, candidates) is not AS_RANKED


def test_the_same_words_in_any_order_are_the_same_question_wherever_it_points():
    question = question_of("The Bern train, when does it leave?", NORTH)
    one = find_nearest(question, [corrected()])
    assert one is not None
    assert order_of(question, one, found(other=9)) == Order(("right", "also right"), ("wrong",))


def test_another_number_is_another_question():
    assert (
        find_nearest(question_of("When does train 43 leave?", EAST), [corrected(text="When does train 42 leave?")])
        is None
    )


def test_a_question_whose_answer_is_the_first_in_meaning_is_the_corrected_one_if_it_is_near():
    assert ordered(towards(0.35), corrected(), found(right=5, other=4, wrong=9))
    assert ordered(towards(0.35), corrected(), found(right=1, also_right=5, other=5))
    assert not ordered(towards(0.35), corrected(), found(right=5, other=6))
    assert not ordered(towards(0.25), corrected(), found(right=5, other=4))
    assert not ordered(towards(0.9), corrected(), found(other=4)), "what answers is not there"


def test_what_was_typed_is_the_answer_before_what_was_shown():
    assert ordered(towards(0.35), corrected(is_typed=True), found(right=5, also_right=1, other=4))
    assert not ordered(towards(0.35), corrected(is_typed=True), found(right=1, also_right=5, other=4))


def test_one_in_a_hundred_may_be_before_the_answer_of_a_question_nearer_to_the_corrected_one_than_to_any_memory():
    asked = towards(0.6, 0.5)

    def among(others: int, *, before: int = 1, vector=NORTH) -> Candidates:
        return found(vector, right=5, **{f"o{n}": 9 if n < before else 1 for n in range(others)})

    assert ordered(asked, corrected(), among(101))
    assert not ordered(asked, corrected(), among(100))
    assert not ordered(asked, corrected(), among(101, before=2))
    assert not ordered(asked, corrected(), among(101, vector=asked)), "a memory is nearer"


def test_without_the_view_of_meaning_only_the_same_words_are_the_same_question():
    blind = replace(found(right=5), views=("length", "words"))
    assert not ordered(towards(0.9), corrected(), blind)


def test_the_newest_of_two_corrections_of_one_question_stands():
    new, old = corrected(), corrected()._replace(helpful=("former",))
    assert find_nearest(question_of("When does the Bern train leave?", EAST), [new, old]) is new


def answers(asked: str, **texts: str) -> bool:
    """Whether a correction that is near enough by its vectors is held to be of what is asked, among these memories."""
    names = list(texts)

    def tell(number: int) -> Candidate:
        name, text = names[number], texts[names[number]]
        return Candidate(
            id=name, key=name, text=text, views={}, kind="semantic", occurred_at="", value=0.0, conversation_id=None,
            metadata={},
        )  # fmt: skip

    candidates = Candidates(
        ids=names,
        views=("semantic",),
        levels=np.zeros((len(names), 1), np.int64),
        vectors=np.array([NORTH] * len(names), np.float32),
        statistics_version="",
        query_embedding=(),
        read=lambda numbers: {number: tell(number) for number in numbers},
    )
    return order_of(question_of(asked, EAST), corrected(), candidates) is not AS_RANKED


SPARE_KEY = "Where is the spare key of the cellar?"  # three content words


def test_a_question_is_another_where_another_memory_holds_two_thirds_of_its_content_words():
    assert not answers(SPARE_KEY, right="It is at nine.", other="The cellar key hangs in the hall.")
    assert answers(SPARE_KEY, right="It is at nine.", other="The cellar is damp.")


def test_a_question_stays_the_corrected_one_where_what_answers_it_holds_as_many_of_its_words():
    other = "The cellar key hangs in the hall."
    assert answers(SPARE_KEY, right="The spare key is with Ann.", other=other)
    assert not answers(SPARE_KEY, right="The key is with Ann.", other=other)


def test_one_content_word_in_another_memory_makes_no_other_question():
    assert answers("Where is the cellar?", right="It is at nine.", other="The cellar is damp.")


def test_a_memory_that_was_said_not_to_answer_makes_no_other_question():
    assert answers(SPARE_KEY, right="It is at nine.", wrong="The spare key of the cellar hangs in the hall.")
