"""Questions that the clock answers: in English, German, French or Spanish, or following one. Pure."""

import re
from collections.abc import Sequence
from datetime import date
from functools import cache
from zoneinfo import available_timezones

from soma.agent.language.dates import resolve
from soma.agent.language.stems import content_stems

ASKS_TIME = re.compile(
    r"\bwhat(?:'s| is|) (?:the )?(?:current )?(?:time|date|day)\b|\btime (?:is it|now)\b|\bhow late\b", re.IGNORECASE
)
NAMES = re.compile(r"\b[A-Z][\w-]+(?:/[A-Z][\w-]+)+|\b[A-Z][\w-]+(?: (?:[A-Z][\w-]+))*")
_NOW = "what time is it"
_ANY_DAY = date(2000, 1, 3)  # whether a phrase counts from a day is the same on every day
_OF_THE_CLOCK = frozenset(content_stems("current time date day month year weekday hour clock late right"))
_ASKS_NOW = (
    r"wie spät ist es|wie ?viel uhr ist es|quelle heure (?:est[- ]il|il est)|il est quelle heure|qué horas? (?:es|son)"
)
_ASKS_DAY = (
    r"(?:welcher|was für ein) (?:wochen)?tag (?:ist|war)(?: es| das)?|welches datum (?:ist|haben wir)"
    r"|(?:der|den) wievielten? (?:ist|haben wir)|quel jour (?:sommes[- ]nous|est[- ]on|est[- ]ce|on est)"
    r"|on est quel jour|quelle (?:est la )?date(?: sommes[- ]nous)?|qué (?:día|fecha) es|cuál es la fecha"
    r"|a qué día estamos"
)
_ASKED = (
    (re.compile(rf"\W*(?:{_ASKS_NOW})\b", re.IGNORECASE), _NOW),
    (re.compile(rf"\W*(?:{_ASKS_DAY})\b", re.IGNORECASE), "what day is it"),
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
    """Put in plain English what a message, in the light of those `earlier`, asks of the clock; None for any other."""
    english = in_english(message)
    if _asks_only_the_clock(english):
        zone = timezone_in(english)
        return f"{_NOW} in {zone}" if zone else _NOW
    goes_on = _GOES_ON.match(message)
    if goes_on is None or not earlier or clock_question(earlier[-1], earlier[:-1]) is None:
        return None
    following = f"{_NOW} in {goes_on[1].title()}" if _day_in(goes_on[1]) is None else f"{_NOW} {goes_on[1]}"
    return clock_question(following)


def in_english(message: str) -> str:
    """A question for the time or the day with its words in English; any other message as it is."""
    for asked, english in _ASKED:
        if found := asked.match(message):
            rest = message[found.end() :]
            for pattern, word in _BESIDE:
                rest = pattern.sub(word, rest)
            return english + rest
    return message


def timezone_in(message: str) -> str | None:
    """The zone that the message names, or that of a city after which one is called."""
    if not ASKS_TIME.search(message):
        return None
    zones = _zones()
    found = [match.lower() for match in NAMES.findall(message)]
    return next((zones[name] for name in found if name in zones), None)


@cache
def _zones() -> dict[str, str]:
    """Zones by their own names, and by the cities in them."""
    names = sorted(name for name in available_timezones() if "/" in name and not name.startswith(("Etc/", "posix/")))
    return {name.rpartition("/")[2].replace("_", " ").lower(): name for name in names} | {
        name.lower(): name for name in names
    }


def _asks_only_the_clock(english: str) -> bool:
    """Whether nothing is left of a question for the time without its place and its day."""
    if not ASKS_TIME.search(english):
        return False
    day = _day_in(english)
    rest = english.replace(day, " ") if day else english
    rest = NAMES.sub(lambda found: " " if timezone_in(f"{_NOW} in {found[0]}") else found[0], rest)
    return _OF_THE_CLOCK.issuperset(content_stems(rest))


def _day_in(text: str) -> str | None:
    """The words of a text that count from today: "in 3 days"."""
    when = resolve(text, _ANY_DAY)
    return when.phrase if when is not None and when.is_relative else None
