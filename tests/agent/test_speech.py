"""By its form a sentence asks, requests or states."""

import pytest

from soma.agent.speech import is_question, is_request, sentences, stated


@pytest.mark.parametrize(
    "text",
    [
        "read the document note.md",
        "Please read it.",
        "ok, now tell me about Lisbon",
        "I'd like you to summarise the plan",
        "Hey Soma, show my notes!",
    ],
)
def test_an_order_to_the_agent_is_a_request(text):
    assert is_request(text)


@pytest.mark.parametrize(
    "text",
    ["remember that my cat is called Miso", "I read a book", "Reading is fun", "Look, my cat is here", "please", ""],
)
def test_what_tells_something_is_none(text):
    assert not is_request(text)


@pytest.mark.parametrize("text", ["what is my cat called", "can you read it", "Miso?"])
def test_a_question_needs_no_mark(text):
    assert is_question(text)


def test_sentences_end_neither_after_a_title_nor_after_an_initial():
    assert sentences("Dr. Wu met J. Doe. They spoke!\nIt rained.") == [
        "Dr. Wu met J. Doe.",
        "They spoke!",
        "It rained.",
    ]


def test_only_what_was_stated_can_be_evidence():
    said = "My cat is called Miso. What do you say? Read the plan."
    assert stated(said, {"role": "user"}) == "My cat is called Miso."
    assert stated(said, {"role": "assistant"}) == ""
    assert stated(said, {"speaker": "Ann"}) == stated(said, {}) == said
