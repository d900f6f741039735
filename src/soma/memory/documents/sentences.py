"""Where sentences end, by rule."""

import re
from collections.abc import Iterator

Span = tuple[int, int]

END = re.compile(r"""[.!?…]+["'”’»)\]]*(?=\s)|[。！？]+[」』”]*|\n[ \t]*(?=\n)""")
OPENING = "\"'“‘«([*_`"
ABBREVIATIONS = re.compile(
    "mr|mrs|ms|dr|prof|st|vs|etc|e\\.g|i\\.e|cf|ca|approx|eds?|[js]r|inc|ltd|co|corp|dept|et|[ap]\\.m|bzw|z\\.b|usw"
)
BEFORE_NUMBERS = re.compile("no|fig|vol|pp?|art|sec|ch|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec")
BEFORE = re.compile(r"[^\s(\[\"'“‘]*$")


def sentences(text: str, start: int = 0, end: int | None = None) -> Iterator[Span]:
    """The sentences of text[start:end], without the white space around them."""
    until = len(text) if end is None else end
    begin = start
    for match in END.finditer(text, start, until):
        if _ends(text, match, begin, until):
            yield from _stripped(text, begin, match.end())
            begin = match.end()
    yield from _stripped(text, begin, until)


def _ends(text: str, match: re.Match[str], begin: int, until: int) -> bool:
    mark = match[0]
    if not mark.startswith("."):
        return True
    following = text[match.end() : until].lstrip().lstrip(OPENING)[:1]
    if following.islower():
        return False
    if mark.startswith(".."):
        return True
    found = BEFORE.search(text[begin : match.start()])
    word = found[0].lower() if found else ""
    numbered = word.isdecimal() and not text[begin : match.start() - len(word)].strip()  # "1. Boil water."
    initial = len(word) == 1 and word.isalpha() and word != "i"
    counted = BEFORE_NUMBERS.fullmatch(word) is not None and following.isdecimal()  # "No. 5"
    return not (ABBREVIATIONS.fullmatch(word) or numbered or initial or counted)


def _stripped(text: str, start: int, end: int) -> Iterator[Span]:
    piece = text[start:end]
    if body := piece.strip():
        begin = start + len(piece) - len(piece.lstrip())
        yield begin, begin + len(body)
