"""Every text that a door takes is read in time that grows as it does; every character of Unicode is kept and found.

The long forms are `soma bench fuzz texts` and `soma bench fuzz unicode`.
"""

import re

import pytest

from soma.bench.fuzz import run_fuzzer
from soma.bench.fuzz.kinds import kind
from soma.bench.fuzz.texts import FUNCTIONS, KNOWN_KINDS, check_growth
from soma.bench.fuzz.trials import RuleBroken

SQUARE = (
    ("a text document", "initials"),
    ("a text document", "one word"),
    ("a text document", "dots"),
    ("a Markdown document", "blanks in a table"),
    ("a Markdown document", "hashes"),
    ("a Markdown document", "open links"),
    ("a Markdown document", "comments"),
    ("sentences of a document", "quotes behind a dot"),
    ("what a message states", "initials"),
    ("language and traits", "dots"),
    ("words of a search", "compounds"),
    ("words of a memory", "a compound"),
    ("a path", "paths"),
    ("a sum", "sums"),
    *(
        ("a message to the offline model", name)
        for name in ("fractions", "sums", "parentheses", "digits", "paths", "last", "hyphens")
    ),
)


@pytest.mark.parametrize(("door", "name"), SQUARE)
def test_what_took_the_square_takes_time_as_the_text_grows(door: str, name: str) -> None:
    check_growth(door, name, KNOWN_KINDS[name])


async def test_made_up_texts_take_time_as_they_grow() -> None:
    report = await run_fuzzer("texts", seed=1, trials=40)
    assert report.broken == []


async def test_characters_of_every_category_are_kept_and_found() -> None:
    report = await run_fuzzer("unicode", seed=2, trials=40)
    assert report.broken == []


def test_a_square_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FUNCTIONS, "a square", (re.compile("a+b").findall, 1_000_000))
    with pytest.raises(RuleBroken, match="a square: 4 times the text takes"):
        check_growth("a square", "one word", kind("a"))
