"""A text that a model cannot read at once is cut into passages that together hold all of it."""

import pytest

from soma.memory.text.passages import cut_passages

SENTENCES = [f"Sentence {number} says that the boat {number} is blue." for number in range(60)]


def cut(text: str, *, most: int = 40, overlap: int = 12) -> list[str]:
    starts = [
        place for place, sign in enumerate(text) if not sign.isspace() and (place == 0 or text[place - 1].isspace())
    ]
    return [text[start:end] for start, end in cut_passages(text, starts, most=most, overlap=overlap)]


def test_passages_are_whole_sentences_and_begin_with_the_last_one_of_the_passage_before():
    passages = cut(" ".join(SENTENCES))
    assert passages[0] == " ".join(SENTENCES[:4])
    assert passages[1] == " ".join(SENTENCES[3:7])
    assert passages[-1].endswith(SENTENCES[-1])
    assert all(len(passage.split()) <= 40 for passage in passages)


def test_a_sentence_longer_than_the_overlap_is_not_said_twice():
    assert cut(" ".join(SENTENCES), overlap=3)[1] == " ".join(SENTENCES[4:8])


@pytest.mark.parametrize(
    "text",
    [
        " ".join(f"w{number}" for number in range(500)),  # no end of a sentence
        "\n".join(f"- item {number} of the list" for number in range(200)),
        "A short one. " + "w " * 300 + "end. Another short one.",
    ],
)
def test_no_word_is_lost_where_no_sentence_ends(text):
    passages = cut(text)
    assert max(len(passage.split()) for passage in passages) <= 5 * 40
    assert set(text.split()) == {word for passage in passages for word in passage.split()}


def test_a_text_without_blanks_is_cut_between_its_tokens():
    text = "水" * 1_000
    passages = [text[start:end] for start, end in cut_passages(text, range(len(text)), most=200, overlap=60)]
    assert "".join(passages) == text
    assert max(map(len, passages)) == 200


def test_a_long_list_is_cut_between_its_lines():
    lines = [f"item number {number} of the list" for number in range(30)]
    assert all(line in lines for passage in cut("\n".join(lines), most=20) for line in passage.split("\n"))
