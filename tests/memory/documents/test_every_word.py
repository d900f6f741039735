"""Every word of a document is in some chunk, no chunk is above its budget, and odd text costs no more than other."""

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from soma.brain.tokens import BundledTokenizer
from soma.memory.checks import TEXT_BYTES
from soma.memory.documents.blocks import markdown, paragraphs
from soma.memory.documents.chunks import cut_chunks
from soma.memory.documents.importing import READERS

BUDGET = 160
CLINIC = (
    "On the third of May we met Dr. Okafor at the clinic in Leeds and she told us that the results were fine but that "
    "the dose must be halved from June on, which we had hoped for since the winter, when the first of the two letters "
    "came and nobody at the ward could say what it meant or whom to ask, so that we waited for weeks; she also said "
    "that the walks are good for him and that he should go on with them whatever the weather, and that the pharmacy "
    "round the corner has what he needs, namely the small tablets."
)
LONG = " ".join(f"word{number}" for number in range(90))


@pytest.fixture(scope="module")
def tokenizer():
    return BundledTokenizer()


def cut(text, *, budget=BUDGET, count=lambda text: len(text.split()), blocks=markdown):
    return cut_chunks(text, blocks(text), budget=budget, count=count)


def words(text):
    return set(re.findall(r"[^\W_]+", text))


def said(found):
    return set().union(*(words(chunk.text) for chunk in found)) if found else set()


@pytest.mark.parametrize(
    "text",
    [
        f"{CLINIC}\n---\nNext day we drove home.\n",
        f"# {CLINIC}\n\nNext day we drove home.\n",
        f"# {LONG}\n\n## Inner\n\nbody\n",
        f"# Outer\n\n## {LONG}\n\n### Inner\n\nbody\n",
        f"# {LONG}\n",
        "\n".join(
            f"{'#' * level} level{level} {' '.join(f'w{level}x{n}' for n in range(40))}" for level in range(1, 7)
        ),
        "# See [the plan](https://example.org/plans/42)\n\nbody\n",
        "# ![a picture](pictures/heron.png)\n\nbody",
        "# `code` and __init__\n\nbody",
        "# \n\n#\n\n## ##\n\nbody",
        "# Here <!-- hm\n\ntail",
        "<!-- never ended\n\n# tail",
        "a | b\n--|--\n\n# " + "x " * 200,
    ],
    ids=lambda text: text[:25],
)
def test_a_heading_that_does_not_stand_above_a_chunk_is_text(text, tokenizer):
    for count in (tokenizer.count, lambda text: len(text.split())):
        assert words(text) <= said(cut(text, count=count))


def test_what_stands_below_a_long_heading_is_not_said_to_stand_below_another():
    [first, long, last] = cut(f"# Alpha\n\none\n\n# {LONG} end\n\ntwo")
    assert (first.headings, long.headings, last.headings) == (("Alpha",), (), ())


def test_a_heading_is_said_by_what_is_below_it_and_not_once_more():
    assert [chunk.text for chunk in cut("# A\n\n## B\n\nbody\n\n## C\n")] == ["A > B\nbody", "A > C\n## C"]


LINES = st.one_of(
    st.sampled_from(
        ["", "", "---", "===", "```", "~~~", "```a`b", "|---|---|", "***", "> said", "- item", "1. one", "\ufeff", "\t"]
    ),
    st.builds(
        lambda before, number, size, link: (
            before
            + " ".join(f"w{number}n{place}" for place in range(size))
            + (f"[in{number}](http://u{number}.org)" if link else "")
        ),
        st.sampled_from(["", "", "# ", "## ", "###### ", "- ", "> ", "    ", "| ", "a | b ", "`", "**", "<!", "#"]),
        st.integers(0, 99),
        st.sampled_from([0, 1, 3, 30, 100]),
        st.booleans(),
    ),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(LINES, max_size=15), st.sampled_from(["\n", "\r\n", "\r"]), st.sampled_from([16, 40, BUDGET]))
@example(["w1n0 " * 100, "---", "w2n0"], "\n", BUDGET)
def test_every_word_of_any_markdown_is_in_some_chunk(lines, end, budget):
    text = end.join(lines)
    for blocks in READERS.values():
        found = cut(text, budget=budget, blocks=blocks)
        assert words(text) <= said(found)
        assert all(len(chunk.text.split()) <= budget for chunk in found)
        assert [chunk.start for chunk in found] == sorted(chunk.start for chunk in found)


ODD = {
    "Thai": "การเดินทางไปยังเชียงใหม่ใช้เวลาหลายชั่วโมง" * 60,
    "Amharic": "ሰላም ለዓለም ሁሉ ይሁን " * 200,
    "Tibetan": "བཀྲ་ཤིས་བདེ་ལེགས་" * 200,
    "Chinese": "我对花生过敏星期五我要和牙医见面" * 200,
    "Korean": "안녕하세요 세계 " * 300,
    "emoji": "😀👩‍👩‍👧🏽" * 900,
    "hex": "0123456789abcdef" * 500,
    "one word": "a" * 20_000,
    "hex words": f"{'0f' * 60} " * 60,
    "numbers": ",".join(str(number) for number in range(10_000, 11_500)),
    "accents": "e" + "\u0301" * 9_000,
    "control": "a\x07\x08" * 3_000,
    "tabs": "a" + "\t" * 9_000 + "b",
    "blank lines": "a" + "\n \n" * 3_000 + "b",
    "bars": "|" * 5_000,
    "backticks": "`" * 5_000,
    "one heading": "# " + "x" * 300_000 + "\n\n" + "p\n\n" * 50,
    "zero width": "\u200b" * 4_000 + "a",
    "not encodable": "\u0378\ue000\U000fffff" * 900,
}


@pytest.mark.parametrize("kind", ODD)
def test_no_chunk_of_any_script_is_above_its_budget(kind, tokenizer):
    for blocks in READERS.values():
        found = cut(ODD[kind], count=tokenizer.count, blocks=blocks)
        assert all(tokenizer.count(chunk.text) <= BUDGET for chunk in found)
        assert all(len(chunk.text.encode()) <= TEXT_BYTES for chunk in found)
        assert "".join("".join(chunk.text for chunk in found).split()) == "".join(ODD[kind].split()) or "#" in ODD[kind]


def test_a_list_without_blanks_is_not_cut_inside_its_numbers(tokenizer):
    for separator in (",", ";", "|", "/", "\t"):
        numbers = [str(number) for number in range(9_900, 11_400)]
        found = cut(separator.join(numbers), count=tokenizer.count, blocks=paragraphs)
        assert [number for chunk in found for number in re.findall(r"\d+", chunk.text)] == numbers


def test_a_sign_stays_with_its_accents(tokenizer):
    found = cut("e\u0301" * 3_000, count=tokenizer.count)
    assert len(found) > 1
    assert all(chunk.text.startswith("e") and chunk.text.endswith("\u0301") for chunk in found)


def test_titles_are_not_copied_without_bound():
    found = cut("# " + "x" * 300_000 + "\n\n" + "paragraph of one line\n\n" * 1_500)
    assert sum(len(chunk.text) + sum(map(len, chunk.headings)) for chunk in found) < 500_000


def test_a_long_paragraph_is_counted_a_few_times_only():
    """Work is counted in characters whose tokens are counted: it grows as the text does."""
    for text in ("A. ", "no end of words ", "x", "One sentence. ", "a\n", "- b\n", "# h\n", "p\n\n", "|", "1,"):
        counted = []
        for size in (8_000, 16_000):
            whole = text * (size // len(text))
            parts: list[str] = []
            cut(whole, count=lambda part, parts=parts: parts.append(part) or len(part) // 4 + 1)
            counted.append(sum(map(len, parts)))
        assert counted[0] < 10 * 8_000
        assert counted[1] < 2.5 * counted[0]
