"""Sentences end at full stops and lines, but not after abbreviations."""

from soma.agent.language.words import sentences


def test_sentences_end_neither_after_a_title_nor_after_an_initial():
    assert sentences("Dr. Wu met J. Doe. They spoke!\nIt rained.") == [
        "Dr. Wu met J. Doe.",
        "They spoke!",
        "It rained.",
    ]
