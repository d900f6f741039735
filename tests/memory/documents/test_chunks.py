"""Documents are cut where their authors paused, and every chunk knows its place."""

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from soma.memory.documents.blocks import markdown, paragraphs
from soma.memory.documents.chunks import cut_chunks
from soma.memory.text.sentences import find_sentences

NOTES = """---
title: Notes
---
Intro without a heading.

# Travel

## Lisbon

We stayed near the **Alfama**. The room had a view of the river.
It rained once.

- pastel de nata at Manteigaria
- tram 28, early in the morning
  before the crowds

## Porto ##

| what | cost |
|------|------|
| boat | 15   |

```python
# not a heading
print("ship")
```

Work
====

Call Dr. Meyer at 9 a.m. about the [plan](http://x).

# Someday
"""


def words(text: str) -> int:
    return len(text.split())


def cut(text: str, *, budget: int = 160, blocks=markdown):
    return cut_chunks(text, blocks(text), budget=budget, count=words)


def test_a_chunk_stands_under_its_headings_and_knows_its_lines():
    found = {chunk.headings: chunk for chunk in cut(NOTES)}
    assert list(found) == [(), ("Travel", "Lisbon"), ("Travel", "Porto"), ("Work",), ("Someday",)]
    lisbon = found["Travel", "Lisbon"]
    assert (lisbon.first_line, lisbon.last_line) == (10, 15)
    assert lisbon.text.startswith("Travel > Lisbon\nWe stayed near")
    assert lisbon.text.endswith("before the crowds")
    assert NOTES.splitlines()[lisbon.first_line - 1].startswith("We stayed")
    assert found["Travel", "Porto"].text.count("|") == 9
    assert found["Work",].text == "Work\nCall Dr. Meyer at 9 a.m. about the [plan](http://x)."
    assert found["Someday",].text == "Someday\n# Someday"


def test_a_comment_in_code_is_no_heading():
    porto = next(chunk for chunk in cut(NOTES) if chunk.headings[-1:] == ("Porto",))
    assert "# not a heading" in porto.text


def test_a_small_budget_cuts_between_sentences_items_and_lines():
    bodies = [chunk.text.split("\n", 1)[-1] for chunk in cut(NOTES, budget=14)]
    assert "We stayed near the **Alfama**." in bodies
    assert "The room had a view of the river.\nIt rained once." in bodies
    assert "- tram 28, early in the morning\n  before the crowds" in bodies


def test_short_paragraphs_stand_together_until_they_say_enough():
    text = "\n\n".join(f"Short note number {n}." for n in range(8))
    assert [chunk.text.count("Short") for chunk in cut(text, budget=40, blocks=paragraphs)] == [3, 3, 2]


def test_plain_text_is_cut_at_blank_lines():
    found = cut("One two three.\nFour.\n\n# Five six\n", budget=4, blocks=paragraphs)
    assert [(chunk.text, chunk.first_line, chunk.last_line) for chunk in found] == [
        ("One two three.\nFour.", 1, 2),
        ("# Five six", 4, 4),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Dr. Meyer came. He left!", ["Dr. Meyer came.", "He left!"]),
        ("It cost 3.50 euros. Really?", ["It cost 3.50 euros.", "Really?"]),
        ("J. R. Smith agreed. So did I. Then we went.", ["J. R. Smith agreed.", "So did I.", "Then we went."]),
        ("1. Boil water. 2. Add tea.", ["1. Boil water.", "2. Add tea."]),
        ('She said "No." Then "Yes."', ['She said "No."', 'Then "Yes."']),
        ("Well... maybe not. Fine.", ["Well... maybe not.", "Fine."]),
        ("雨です。傘がない！", ["雨です。", "傘がない！"]),
        ("no end at all", ["no end at all"]),
    ],
)
def test_sentences_end_where_readers_pause(text, expected):
    assert [text[start:end] for start, end in find_sentences(text)] == expected


MARKDOWN = st.lists(
    st.sampled_from(
        ["# A", "## B b", "one. Two", "- item", "```", "| a | b |", "|---|---|", "", "===", "---", "x" * 60, "é。"]
    ),
    max_size=40,
).map("\n".join)


@settings(max_examples=200, deadline=None)
@given(MARKDOWN, st.integers(4, 40), st.sampled_from([markdown, paragraphs]))
@example("===\n===\none. Two", 6, markdown)
@example("# A\n## B b\n- item", 8, markdown)
def test_no_word_is_lost_and_the_budget_holds(text, budget, blocks):
    def letters(part: str) -> int:
        return len(re.findall(r"\S", part))

    found = cut_chunks(text, blocks(text), budget=budget, count=letters)
    assert all(letters(chunk.text) <= budget for chunk in found)
    assert [chunk.start for chunk in found] == sorted(chunk.start for chunk in found)
    said = " ".join(chunk.text + " ".join(chunk.headings) for chunk in found)
    for whole, word in re.findall(r"(\S*?(\w{2,})\S*)", text):
        assert word in said or len(whole) > budget // 2, "only what is longer than the room is cut"
    for chunk in found:
        assert chunk.text.endswith(text[chunk.start : chunk.end])
        assert text.splitlines()[chunk.first_line - 1 : chunk.last_line]


def headings(text: str) -> list[str]:
    return [block.headings[-1] for block in markdown(text) if block.kind == "heading"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("```npm install``` is all.\n\n## Second\n\n# Third\n", ["Second", "Third"]),
        ("~~~ a`b\n# code\n~~~\n# After\n", ["After"]),
        ("```` md\n```\n# code\n````\n# After\n", ["After"]),
        ("> said\n---\nnext", []),
        ("> said\n===\nnext", []),
        ("text\n> said\n---\nnext", []),
        ("- item\n---\nnext", []),
        ("<!-- a note\n\n# hidden\n\n-->\n# Shown\n", ["Shown"]),
        ("<!-- one --> <!-- two -->\n# Shown\n", ["Shown"]),
        ("# def __init__(self)", ["def __init__(self)"]),
        ("# __very important__ and **bold**", ["very important and bold"]),
        ("# a__b__c", ["a__b__c"]),
        ("# Porto ##", ["Porto"]),
        ("# C#", ["C#"]),
        ("#hashtag", []),
        ("#\ttab", ["tab"]),
    ],
)
def test_what_is_a_heading(text, expected):
    assert headings(text) == expected


@pytest.mark.parametrize("before", ["", "\ufeff", "\n", "\n\n", "\ufeff\r\n", " \n"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_front_matter_is_read_behind_a_byte_order_mark_and_blank_lines(before, end):
    text = before + end.join(["---", "title: Notes", "tags: [a]", "---", "# First", "", "body", ""])
    found = cut(text)
    assert [(chunk.headings, chunk.text) for chunk in found] == [
        (("First",), f"First\n{end.join(['title: Notes', 'tags: [a]'])}\nbody")
    ]


def test_front_matter_is_said_by_the_first_chunk_and_alone_only_where_that_has_no_room():
    front = "---\ntitle: Insurances\ndate: 2026-03-14\n---\n"
    assert [chunk.text for chunk in cut(f"{front}# Car\n\nCheap.\n\n# House\n\nDear.\n")] == [
        "Car\ntitle: Insurances\ndate: 2026-03-14\nCheap.", "House\nDear.",
    ]  # fmt: skip
    assert [chunk.text for chunk in cut(front)] == ["title: Insurances\ndate: 2026-03-14"]
    assert len(cut(f"---\nabout: {'word ' * 60}\n---\n# Car\n\nCheap.\n")) == 2


def test_a_rule_behind_a_blank_line_is_no_front_matter():
    assert headings("\n---\nWe went home.\n\n# Next\n\n---\n") == ["Next"]


def test_a_byte_order_mark_is_no_text():
    assert [chunk.text for chunk in cut("\ufeffOne two.", blocks=paragraphs)] == ["One two."]
    assert headings("\ufeff# Title") == ["Title"]


def test_a_comment_is_left_out_and_what_stands_beside_it_is_not():
    found = cut("before <!-- inside --> text\n\n<!-- left\nout --> after\n\n<!-- open")
    assert " ".join(" ".join(chunk.text for chunk in found).split()) == ("before <!-- inside --> text after <!-- open")


def test_a_list_stays_whole_with_the_words_that_lead_to_it():
    items = "\n".join(f"- thing number {number} of the long list" for number in range(9))
    found = cut(
        f"# Kit\n\nBring these:\n\n{items}\n\nThat is all of it, and nothing else is needed there.\n", budget=160
    )
    assert f"Bring these:\n\n{items}" in found[0].text


@pytest.mark.parametrize("blocks", [markdown, paragraphs])
@pytest.mark.parametrize("separator", [",", ", ", ";", "\t", " | ", "   "])
def test_rows_of_values_are_cut_between_rows_and_each_piece_says_its_head(blocks, separator):
    cells = [["G-{0}", "St. Mary Pier no. {0}", "KR-4", "2024-03-11", "Sandy Bain"] for _ in range(60)]
    rows = [separator.join(cell.format(number) for cell in row) for number, row in enumerate(cells)]
    head = separator.join(("id", "place", "model", "installed", "contact"))
    found = cut("\n".join(["The gauges that we have.", head, *rows, "", "The end of it."]), budget=60, blocks=blocks)
    held = [chunk.text.split("\n") for chunk in found if "G-" in chunk.text]
    assert len(held) > 3
    assert all(head in lines for lines in held)
    assert [line for lines in held for line in lines if line.startswith("G-")] == rows


@pytest.mark.parametrize(
    "text",
    [
        "The heron, the gull, and the tern.\nThe lathe, the drill, and the saw.\nThe mast, the boom, and the jib.\n",
        "One line, and another\nthat has no cell\nand a third one, of many\n",
    ],
)
def test_lines_of_prose_are_no_rows(text):
    assert [block.kind for block in markdown(text)] == ["prose"]
    assert [block.kind for block in paragraphs(text)] == ["prose"]


def test_rows_without_names_of_columns_repeat_nothing():
    found = cut("\n".join(f"{number},drill,{number * 7},2024-03-11" for number in range(300)), budget=40)
    assert len(found) > 3
    assert sum(chunk.text.count("\n0,drill") + chunk.text.startswith("0,drill") for chunk in found) == 1


def test_each_piece_of_a_long_table_says_its_head():
    rows = "\n".join(f"| boat {number} | {number} euros a day and more at night |" for number in range(60))
    found = cut(f"# Fees\n\n| Boat | Fee |\n|---|---|\n{rows}\n", budget=100)
    assert len(found) > 3
    assert all("| Boat | Fee |" in chunk.text for chunk in found)
