"""What the bundled tokenizer does not know counts by its bytes, so that every limit in tokens bounds what is sent."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soma.brain.tokens import BYTES_A_TOKEN, BundledTokenizer

LIMIT = 18_585  # tokens of the largest message with the default settings
COUNT = BundledTokenizer().count


@pytest.mark.parametrize(
    "text",
    [
        "ภาษาไทย" * 120,
        "😀" * 100,
        "0123456789abcdef" * 9,
        "\t" * 1_000,
        "\n" * 1_000,
        " \u3000\u00a0" * 400,
        "ሰላምለዓለም" * 40,
        "\u200b" * 300,
        "\x07" * 300,
        "a" + "\u0301" * 300,
        "\U000f0000" * 90,
        "x" * 101,
        "[UNK]" * 60,
    ],
    ids=lambda text: ascii(text[:3]),
)
def test_what_the_vocabulary_lacks_counts_at_least_a_third_of_its_bytes(text):
    assert COUNT(text) >= (len(text.encode()) - 2) / BYTES_A_TOKEN
    assert COUNT(f"Before it. {text} And after it.") >= (len(text.encode()) - 2) / BYTES_A_TOKEN


@pytest.mark.parametrize(
    "text",
    ["a" * 190_000, "ก" * 58_800, f"{'0123456789ab' * 10} " * 1_500, "Ab9" * 20_000],
    ids=lambda text: ascii(text[:12]),
)
def test_odd_messages_do_not_pass_as_short_ones(text):
    assert COUNT(text) > LIMIT


def test_plain_words_count_as_their_pieces_with_a_margin():
    assert COUNT("") == 0
    assert COUNT("The heron stood in the shallow water.") == 9  # eight pieces and a tenth
    assert COUNT("naïve café") == COUNT("naive cafe")
    assert COUNT("one\ntwo three") == COUNT("one two three")


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60), st.text(max_size=60))
def test_two_texts_apart_count_no_less_than_together(one, other):
    assert COUNT(f"{one}\n{other}") <= COUNT(one) + COUNT(other) + COUNT("\n\n\n")


def test_the_count_of_a_text_does_not_depend_on_what_was_counted_before():
    tokenizer = BundledTokenizer()
    texts = ["short", "long " * 200, "long " * 201, "ภาษา" * 100]
    first = [tokenizer.count(text) for text in texts]
    assert [tokenizer.count(text) for text in reversed(texts)] == first[::-1]
