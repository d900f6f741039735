"""Form of an answer: a date for a `when`, a length for a `how deep`, a name for a `who`. Pure.

A passage without that form does not answer, however many words it shares with the question.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from soma.agent.language.stems import ENGLISH, is_small, stem
from soma.agent.language.vocabulary.calendar_words import ANY_DAY, ANY_MONTH
from soma.agent.language.vocabulary.names import NAME_IN_NOTES
from soma.agent.language.words import word_set, words
from soma.agent.llm.offline.question.common_words import is_common
from soma.agent.llm.offline.question.parse import Question

NUMBER = (
    r"(?:\d|\b(?:half|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|thirty|forty|fifty|sixty"
    r"|seventy|eighty|ninety|hundred|thousand|dozen)\b)"
)
AMOUNT = rf"(?:{NUMBER}|\b(?:an?|one|few|several))[\s\u00a0-]*"
MONEY = (
    r"[£$€]|\b(?:euros?|pounds?|dollars?|cents?|k?EUR|GBP|USD|francs?|free of charge|for free|gratuit|gratis"
    r"|kostenlos)\b"
)
LENGTH = r"(?:mm|cm|k?m|(?:milli|centi|kilo)?met(?:er|re)s?|miles?|feet|foot|ft|inch(?:es)?)\b"
TIME = (
    r"(?:s|min|h|sec(?:ond)?s?|minutes?|hours?|days?|nights?|weeks?|months?|years?|minuten?|stunden?|tagen?|wochen?"
    r"|monaten?|jahren?|heures?|jours?|semaines?|mois|ans?|horas?|d[ií]as?|semanas?|mes(?:es)?|años?)\b"
)
DAY = (
    rf"\b(?:\d{{4}}-\d\d(?:-\d\d)?|(?:19|20)\d\d|(?:{ANY_MONTH})\w{{0,7}}|\d{{1,2}}[.:/]\d\d|noon|midnight|o'clock"
    rf"|today|tomorrow|yesterday|weeks?|days?|months?|years?|uhr|{ANY_DAY})\b"
)
RANGE = rf"(?:\d\.?|{DAY})\s*(?:–|-|to|until|till|and|bis|und|au|al|y)\s*(?:the |am |zum |le |el )?(?:\d|{DAY})"
COLOUR = r"\b(?:white|black|gr[ae]y|red|green|blue|yellow|orange|brown|pink|purple|violet|silver|gold|slate|beige)\b"


@dataclass(frozen=True, slots=True)
class Measure:
    """A property that a question asks for with one of `words`, and that an amount in its units answers."""

    words: frozenset[str]
    amount: re.Pattern[str]


def _measure(words: str, *units: str, whole: str = "") -> Measure:
    """Build a measure of its words, its units, and `whole`: a pattern that answers without an amount."""
    pattern = "|".join([*(AMOUNT + f"(?:{unit})" for unit in units), *filter(None, [whole])])
    return Measure(frozenset(map(stem, words.split())), re.compile(pattern, re.IGNORECASE))


COST = _measure("cost price expensive cheap cheaper dear dearer fee", whole=MONEY)
HUE = _measure("colour color", whole=COLOUR)
MEASURES = (
    _measure("heavy heavier light lighter weight weigh schwer", r"(?:m?g|kg|t|tonnes?|tons?|pounds?|lbs?|oz)\b"),
    _measure("tall high deep wide thick height depth width diameter distance far breit tief weit", LENGTH),
    _measure("long length longer duration lang", f"{LENGTH}|{TIME}", whole=RANGE),
    _measure("old age older alt", TIME),
    _measure("hot warm cold temperature", r"°|degrees?\b"),
    _measure("loud quiet louder quieter noise", r"db\b|decibels?\b"),
    _measure("fast speed faster", rf"[km]?m/h|rpm|[km]bit|{TIME}"),
    COST,
    _measure("big large size bigger larger capacity volume", whole=NUMBER),
    _measure("hoch", LENGTH, r"°|grad\b|%|prozent\b", whole=MONEY),  # asked of a tower, a fever, a share and a rent
    HUE,
)
ASKS_RANGE = re.compile(r"\bfrom when\b.*\bwhen\b|\bbetween (?:which|what)\b|\bvon wann\b", re.IGNORECASE)
ASKS_MEASURE = re.compile(
    r"\bhow ([^\W\d_]+)|\b(?:what|which) (?:(?:is|was|are|were)\s+)?(?:(?:the|its|their)\s+)?([^\W\d_]+)"
    r"|\b(costs?)\b|\bwie (hoch|schwer|breit|tief|weit|lang|alt)\b",
    re.IGNORECASE,
)
KINDS = {
    "when": re.compile(DAY, re.IGNORECASE),
    "how_many": re.compile(rf"{NUMBER}|\b(?:an?|one|no|none|nobody|nothing|free|all|both)\b", re.IGNORECASE),
}
SOMEBODY = word_set("nobody everybody anybody everyone anyone")


def measure_of(question: Question) -> Measure | None:
    asked = {stem(word.lower()) for found in ASKS_MEASURE.finditer(question.text) for word in found.groups() if word}
    return next((one for one in MEASURES if not one.words.isdisjoint(asked)), None)


def wants_form(question: Question) -> bool:
    return question.kind in ("when", "who", "how_many") or measure_of(question) is not None


def has_form(question: Question, text: str, *, in_table: bool = False) -> bool:
    """Return whether a text holds what the question wants: an amount, a date or a name."""
    measure = measure_of(question)
    if measure is not None and question.kind != "when":
        return bool(measure.amount.search(text)) or _has_measured_number(measure, text, in_table=in_table)
    if ASKS_RANGE.search(question.text):
        return re.search(RANGE, text, re.IGNORECASE) is not None
    if question.kind == "who":
        return any(_answering_names(text, question))
    pattern = KINDS.get(question.kind)
    return pattern is None or bool(pattern.search(text))


def _has_measured_number(measure: Measure, text: str, *, in_table: bool) -> bool:
    """Return whether a text has a number with the word for what is measured, or stands in a table of costs."""
    has_word = (in_table and measure is COST) or not measure.words.isdisjoint(map(stem, words(text)))
    return measure is not HUE and has_word and re.search(NUMBER, text, re.IGNORECASE) is not None


def _answering_names(text: str, question: Question) -> Iterator[bool]:
    """Yield, for each capitalised word, whether it is a name that the question does not hold itself."""
    yield from (word in SOMEBODY for word in words(text))
    for found in NAME_IN_NOTES.findall(text):
        word = found.lower()
        is_plain = is_small(word) or is_common(stem(word)) or stem(word) in question.stems
        yield not re.match(DAY, word) and (question.language != ENGLISH or not is_plain)
