"""Questions that the clock answers, in English, German, French and Spanish, with those that follow on one. Pure."""

import re
from collections.abc import Sequence
from datetime import date
from functools import cache
from zoneinfo import available_timezones

from soma.agent.language.dates import find_date
from soma.agent.language.stems import content_stems
from soma.agent.language.vocabulary.lead_ins import ADDRESS, CAN_YOU

_CLUE = re.compile(  # anywhere in a message
    r"\bwhat(?:'s| is|) (?:the )?(?:current )?(?:time|date|day)\b|\btime (?:is it|now)\b|\bhow late\b", re.IGNORECASE
)
_ZONE_OR_CITY = re.compile(r"\b[A-Z][\w-]+(?:/[A-Z][\w-]+)+|\b[A-Z][\w-]+(?: (?:[A-Z][\w-]+))*")
_NOW = "what time is it"
_ANY_DAY = date(2000, 1, 3)  # any day will do to learn whether a phrase is relative
_OF_THE_CLOCK = frozenset(content_stems("current time date day month year weekday hour clock late right"))

# Whole questions, as parts of patterns: for the time, for the day of today, and for a day that counts from today.
_ENGLISH_NOW = (
    r"what time (?:is it|it is)|what(?:['’]?s| is) the (?:current |exact )?(?:time|date)|how late is it"
    r"|what (?:day|date) (?:is it|it is|is today)|what(?:['’]?s| is) today(?:['’]?s date)?|what day of the week is it"
)
_TIME = (
    r"wie spät (?:ist es|es ist)|wie ?viel uhr ist es|quelle heure (?:est[- ]il|il est)|il est quelle heure"
    r"|qu[ée] horas? (?:es|son)"
)
_TODAY = (
    r"(?:welche[rn]?|was für ein) (?:wochen)?tag (?:ist(?: es)?|haben wir)|welches datum (?:ist|haben wir)"
    r"|(?:der|den) wievielten? (?:ist|haben wir)|quel jour (?:sommes[- ]nous|est[- ]on|on est)|on est quel jour"
    r"|quelle est la date|qu[ée] (?:d[ií]a|fecha) es|cuál es la fecha|a qué día estamos"
)
_ANY_DAY_ASKED = (
    r"(?:welcher|was für ein) (?:wochen)?tag (?:ist|war)(?: es| das)?|quel jour est[- ]ce"
    rf"|quelle date(?: sommes[- ]nous)?|{_TODAY}"
)
_ASKED = (
    (re.compile(rf"\W*(?:{_TIME})\b", re.IGNORECASE), _NOW),
    (re.compile(rf"\W*(?:{_ANY_DAY_ASKED})\b", re.IGNORECASE), "what day is it"),
)
_ONLY_NOW = re.compile(
    rf"\W*(?:(?:{ADDRESS}|{CAN_YOU} tell me|tell me|do you know|hallo|bitte)\W+)*(?:{_ENGLISH_NOW}|{_TIME}|{_TODAY})"
    r"(?: (?:right now|now|today|please|jetzt|heute|bitte|maintenant|aujourd['’]hui|ahora|hoy))*(?P<place> in .+)?",
    re.IGNORECASE,
)
_BESIDE = tuple(
    (re.compile(rf"(?<!\w)(?:{phrases})\b"), english)
    for phrases, english in (
        ("übermorgen|après-demain|pasado mañana", "day after tomorrow"),
        ("vorgestern|avant-hier|anteayer", "day before yesterday"),
        ("morgen|demain|mañana", "tomorrow"),
        ("gestern|hier|ayer", "yesterday"),
        ("heute|aujourd['’]hui|de hoy|hoy", "today"),
        ("jetzt|gerade|maintenant|ahora", "now"),
        (r"(?:in|dans|en) (\d+) (?:tagen?|Tagen?|jours?|días?)", r"in \1 days"),
        (r"(?:à|en|au)(?= [A-ZÀ-Ý])", "in"),
    )
)
_GOES_ON = re.compile(
    r"^\W*(?:(?:and|und|et|y)\b|(?:what|how) about\b)\s*(?:(?:in|at|à|en)\s+)?(.+?)\W*$", re.IGNORECASE
)


def clock_question(message: str, earlier: Sequence[str] = ()) -> str | None:
    """Translate a message into a plain English question for the clock; None if it asks anything else.

    `earlier` are the messages before it, which "and in Tokyo?" goes on from.
    """
    english = translate_to_english(message)
    if _asks_only_the_clock(english):
        zone = timezone_in(english)
        return f"{_NOW} in {zone}" if zone else _NOW
    goes_on = _GOES_ON.match(message)
    if goes_on is None or not earlier or clock_question(earlier[-1], earlier[:-1]) is None:
        return None
    following = f"{_NOW} in {goes_on[1].title()}" if _find_day(goes_on[1]) is None else f"{_NOW} {goes_on[1]}"
    return clock_question(following)


def asks_only_for_now(message: str) -> bool:
    """Return whether a message asks for nothing but the current time or day, so that no memory can answer it.

    Stricter than `clock_question`: only whole sentences that are known count, and a place only if it has a time zone,
    because memory may know the time "in Ann's town".
    """
    found = _ONLY_NOW.fullmatch(" ".join(message.split()).rstrip("?!. "))
    return found is not None and (found["place"] is None or timezone_in(message) is not None)


def translate_to_english(message: str) -> str:
    """Translate a question for the time or the day into English; return any other message unchanged."""
    for asked, english in _ASKED:
        if found := asked.match(message):
            rest = message[found.end() :]
            for pattern, word in _BESIDE:
                rest = pattern.sub(word, rest)
            return english + rest
    return message


def timezone_in(message: str) -> str | None:
    """Return the time zone that a question for the time names, itself or by a city."""
    if not _CLUE.search(message):
        return None
    zones = _zones()
    found = [match.lower() for match in _ZONE_OR_CITY.findall(message)]
    return next((zones[name] for name in found if name in zones), None)


@cache
def _zones() -> dict[str, str]:
    """Map time zones, in lower case, by their own names and by the names of their cities."""
    names = sorted(name for name in available_timezones() if "/" in name and not name.startswith(("Etc/", "posix/")))
    return {name.rpartition("/")[2].replace("_", " ").lower(): name for name in names} | {
        name.lower(): name for name in names
    }


def _asks_only_the_clock(english: str) -> bool:
    """Return whether nothing is left of a question for the time without its place and its day."""
    if not _CLUE.search(english):
        return False
    day = _find_day(english)
    rest = english.replace(day, " ") if day else english
    rest = _ZONE_OR_CITY.sub(lambda found: " " if timezone_in(f"{_NOW} in {found[0]}") else found[0], rest)
    return _OF_THE_CLOCK.issuperset(content_stems(rest))


def _find_day(text: str) -> str | None:
    """Return the words of a text that count from today, such as "in 3 days"."""
    when = find_date(text, _ANY_DAY)
    return when.phrase if when is not None and when.is_relative else None
