"""Sentences end at full stops and lines, but not after abbreviations."""

from soma.agent.language.words import sentences


def test_sentences_end_neither_after_a_title_nor_after_an_initial():
    assert sentences("Dr. Wu met J. Doe. They spoke!\nIt rained.") == [
        "Dr. Wu met J. Doe.",
        "They spoke!",
        "It rained.",
    ]


def test_a_sentence_does_not_end_amid_a_date():
    assert sentences("Das Fest ist am 5. Mai. Ann kommt.") == ["Das Fest ist am 5. Mai.", "Ann kommt."]
    assert sentences("It costs 12. Rex paid.") == ["It costs 12.", "Rex paid."]
