"""Which question a correction is of: by words, by meaning, and by what was typed as right."""

import numpy as np
import pytest

from soma.brain.corrections import AS_RANKED, Correction, Order, nearest, order_for, question_of
from soma.memory.types import Candidates

EAST, NORTH = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0)


def towards(share: float, other: float = 0.0) -> tuple[float, float, float]:
    """A direction at that cosine from EAST, and at `other` from NORTH."""
    return share, other, (1 - share**2 - other**2) ** 0.5


def corrected(embedding=EAST, text="When does the Bern train leave?", *, is_typed=False) -> Correction:
    return Correction(question_of(text, embedding), 1, ("right",), ("wrong",), is_typed)


def found(**memories: tuple[float, float, float]) -> Candidates:
    return Candidates(
        ids=tuple(memories),
        views=(),
        levels=np.zeros((len(memories), 0), np.int64),
        vectors=np.array(list(memories.values()), np.float32),
        statistics_version="",
        query_embedding=(),
        tell=lambda _: pytest.fail("nothing is looked at but vectors"),
    )


def ordered(asked, one, **memories) -> bool:
    question = question_of("At what hour does it depart?", asked)
    return nearest(question, [one]) is not None and order_for(question, one, found(**memories)) is not AS_RANKED


def test_the_same_words_in_any_order_are_the_same_question_wherever_it_points():
    question = question_of("The Bern train, when does it leave?", NORTH)
    one = nearest(question, [corrected()])
    assert one is not None
    assert order_for(question, one, found(other=NORTH)) == Order(("right",), ("wrong",))


def test_another_number_is_another_question():
    assert (
        nearest(question_of("When does train 43 leave?", EAST), [corrected(text="When does train 42 leave?")]) is None
    )


def test_of_memories_that_were_shown_the_question_must_be_nearer_than_any_other_memory():
    assert ordered(towards(0.6), corrected(), right=NORTH, other=NORTH)
    assert not ordered(towards(0.6), corrected(), right=NORTH, other=(0.0, 0.0, 1.0))
    assert not ordered(towards(0.35), corrected(), right=NORTH, other=NORTH)


def test_what_was_typed_is_evidence_too():
    """A memory is nearer to the question than the corrected question is, but not than that and the answer together."""
    asked, memories = towards(0.5, 0.5), {"right": NORTH, "other": (0.0, 0.0, 0.78)}
    assert ordered(asked, corrected(is_typed=True), **memories)
    assert not ordered(asked, corrected(), **memories)
    assert not ordered(towards(0.5), corrected(is_typed=True), **memories)  # far from what was typed
    assert not ordered(towards(0.2, 0.9), corrected(is_typed=True), **memories)  # far from the corrected question


def test_the_newest_of_two_corrections_of_one_question_stands():
    new, old = corrected(), corrected()._replace(helpful=("former",))
    assert nearest(question_of("When does the Bern train leave?", EAST), [new, old]) is new
