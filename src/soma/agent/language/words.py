"""Words and sentences of a text, as everything that reads language splits it. Pure."""

import re

from soma.agent.language.vocabulary.calendar_words import ANY_MONTH

WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_SENTENCE_END = re.compile(r"(?<=[.!?])[\"'”’)]*\s+|(?<=[。！？])|\n+")
_LONGEST_SHORT_FORM = 8  # characters, with the one before it
_SHORT_FORM = re.compile(r"(?:\b(?:dr|mr|mrs|ms|st|vs|prof|jr|sr|e\.g|i\.e|a\.m|p\.m)|\b[A-Z])\.$", re.IGNORECASE)
_ORDINAL = re.compile(r"\b\d{1,2}\.$")
_MONTH = re.compile(rf"(?:{ANY_MONTH})\w{{0,7}}\b", re.IGNORECASE)


def word_set(text: str) -> frozenset[str]:
    return frozenset(text.split())


def words(text: str) -> list[str]:
    """Split a text into words: in lower case, without a possessive ending."""
    return [_bare(word) for word in WORD.findall(text.lower())]


def sentences(text: str) -> list[str]:
    """Split a text at the ends of sentences and lines, but not after abbreviations, initials or the day of a date."""
    found: list[list[str]] = []
    for piece in map(str.strip, _SENTENCE_END.split(text)):
        if not piece:
            continue
        if found and _goes_on(found[-1][-1], piece):
            found[-1].append(piece)
        else:
            found.append([piece])
    return [" ".join(pieces) for pieces in found]


def _goes_on(before: str, piece: str) -> bool:
    """Return whether a piece belongs to the one before it, which ends in a full stop: "Dr. Lund", "am 3. Mai"."""
    end = before[-_LONGEST_SHORT_FORM:]
    return bool(_SHORT_FORM.search(end) or (_ORDINAL.search(end) and _MONTH.match(piece)))


def _bare(word: str) -> str:
    return re.sub(r"['’]s?$", "", word).replace("’", "'")
