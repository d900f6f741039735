"""Ends of sentences, by rule. Linear in the text: around an end, a fixed distance is looked at."""

import re
from collections.abc import Iterator

Span = tuple[int, int]

END = re.compile(
    r"""(?<![.!?…])[.!?…]++["'”’»)\]]*+(?=\s)|[。！？]++[」』”]*+|\n[ \t]*+(?=\n)""",
)
BLANKS = re.compile(r"\s*+")
FOLLOWING = re.compile(r"\s*+[\"'“‘«(\[*_`]*+(.?)", re.DOTALL)
ABBREVIATIONS = re.compile(
    "mr|mrs|ms|dr|prof|st|vs|etc|e\\.g|i\\.e|cf|ca|approx|eds?|[js]r|inc|ltd|co|corp|dept|et|[ap]\\.m|bzw|z\\.b|usw"
)
BEFORE_NUMBERS = re.compile("no|fig|vol|pp?|art|sec|ch|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec")
BEFORE = re.compile(r"[^\s(\[\"'“‘]*+\Z")
LONGEST = 12  # characters of what is an abbreviation, an initial or the number of an item


def find_sentences(text: str, start: int = 0, end: int | None = None) -> Iterator[Span]:
    """Yield the sentences of text[start:end], without the white space around them."""
    until = len(text) if end is None else end
    begin = find_start(text, start, until)
    for match in END.finditer(text, start, until):
        if match.end() > begin and _is_end(text, match, begin, until):
            yield from _strip(text, begin, match.end())
            begin = find_start(text, match.end(), until)
    yield from _strip(text, begin, until)


def find_start(text: str, start: int, until: int) -> int:
    """Find where the first word from `start` on begins."""
    blanks = BLANKS.match(text, start, until)
    return blanks.end() if blanks else start


def _is_end(text: str, match: re.Match[str], begin: int, until: int) -> bool:
    mark = match[0]
    if not mark.startswith("."):
        return True
    following = FOLLOWING.match(text, match.end(), until)
    letter = following[1] if following else ""
    if letter.islower():
        return False
    if mark.startswith(".."):
        return True
    word = _word_before(text, match.start(), begin)
    numbered = word.isdecimal() and begin + len(word) == match.start()  # "1. Boil water."
    initial = len(word) == 1 and word.isalpha() and word != "i"
    counted = BEFORE_NUMBERS.fullmatch(word) is not None and letter.isdecimal()  # "No. 5"
    return not (ABBREVIATIONS.fullmatch(word) or numbered or initial or counted)


def _word_before(text: str, end: int, begin: int) -> str:
    """Return the word that ends there, in lower case; of a long one only its end, which is no abbreviation."""
    found = BEFORE.search(text[max(begin, end - LONGEST) : end])
    return found[0].lower() if found else ""


def _strip(text: str, begin: int, end: int) -> Iterator[Span]:
    if body := text[begin:end].rstrip():
        yield begin, begin + len(body)
