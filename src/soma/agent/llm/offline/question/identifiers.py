"""Identifiers in a question: codes, and things with a number. "Bus 42" answers nothing about bus 43. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from soma.agent.language.stems import is_small
from soma.agent.language.vocabulary.calendar_words import DAYS, MONTH_BEGINNING

CODE = re.compile(r"(?<![\w-])(?=[\w-]*\d)(?=[\w-]*[^\W\d_])[^\W_]+(?:-[^\W_]+)*(?![\w-])")
NUMBERED = re.compile(r"(?<![\w-])([^\W\d_]{2,})[ \u00a0](\d+(?:[.,]\d+)*)(?![\w%]|[.,]\d)")
YEAR = re.compile(r"(?:19|20)\d\d")
ORDINAL = re.compile(r"\d+(?:st|nd|rd|th|e|er|ème|h|am|pm|x|cm|mm|km|kg|g|m|s|min)", re.IGNORECASE)
CALENDAR = re.compile("|".join([MONTH_BEGINNING, *(day[:3] for day in DAYS)]))


@dataclass(frozen=True, slots=True)
class Identifier:
    """A code, or a name with its number, in lower case."""

    name: str
    number: str

    def stands_in(self, text: str) -> bool:
        """Return whether a text in lower case holds the identifier, joined, hyphenated or apart."""
        name = rf"{re.escape(self.name)}\w{{0,2}}[\s\u00a0-]*(?:no\.?\s*|nr\.?\s*)?" if self.name else r""
        edge = r"(?<![\w-])" if self.name else r"(?<!\w)"
        return re.search(rf"{edge}{name}{re.escape(self.number)}(?!\w|[.,]\d)", text) is not None


def identifiers(text: str) -> list[Identifier]:
    return list(dict.fromkeys([*_codes(text), *_numbered_names(text)]))


def _codes(text: str) -> Iterator[Identifier]:
    for found in CODE.findall(text):
        if not ORDINAL.fullmatch(found):
            yield Identifier("", found.lower())


def _numbered_names(text: str) -> Iterator[Identifier]:
    """Yield names with a number; not dates, and not amounts such as "at 5,000 pieces"."""
    for name, number in NUMBERED.findall(text):
        lower = name.lower()
        if not (YEAR.fullmatch(number) or is_small(lower) or CALENDAR.match(lower)):
            yield Identifier(lower, number)
