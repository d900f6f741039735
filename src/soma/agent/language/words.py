"""Words and sentences of a text, as everything that reads language splits it. Pure."""

import re

WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_SENTENCE_END = re.compile(r"(?<=[.!?])[\"'”’)]*\s+|(?<=[。！？])|\n+")
_LONGEST_SHORT_FORM = 8  # characters, with the one before it
_SHORT_FORM = re.compile(r"(?:\b(?:dr|mr|mrs|ms|st|vs|prof|jr|sr|e\.g|i\.e|a\.m|p\.m)|\b[A-Z])\.$", re.IGNORECASE)


def word_set(text: str) -> frozenset[str]:
    return frozenset(text.split())


def words(text: str) -> list[str]:
    """Split a text into words: in lower case, without a possessive ending."""
    return [_bare(word) for word in WORD.findall(text.lower())]


def sentences(text: str) -> list[str]:
    """Split a text at the ends of sentences and lines, but not after abbreviations and initials."""
    found: list[list[str]] = []
    for piece in map(str.strip, _SENTENCE_END.split(text)):
        if not piece:
            continue
        if found and _SHORT_FORM.search(found[-1][-1][-_LONGEST_SHORT_FORM:]):
            found[-1].append(piece)
        else:
            found.append([piece])
    return [" ".join(pieces) for pieces in found]


def _bare(word: str) -> str:
    return re.sub(r"['’]s?$", "", word).replace("’", "'")
