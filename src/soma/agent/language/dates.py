"""Dates in a text; a relative one is counted from the day on which it was said. Pure."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from soma.agent.language.vocabulary.calendar_words import DAYS, ENGLISH_MONTH, MONTHS

COUNTS = {"a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8,
          "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "a couple of": 2}  # fmt: skip
VAGUE = ("a few", "several", "some")

COUNT = r"\d{1,3}|" + "|".join(sorted([*COUNTS, *VAGUE], key=len, reverse=True))
UNIT = "day|week|month|year"

Render = Callable[[re.Match[str], date], str | None]


@dataclass(frozen=True, slots=True)
class FoundDate:
    """A date as `text` for people, and the `phrase` that it was read from.

    `is_relative`: the phrase counts from the day on which it was said.
    """

    text: str
    phrase: str
    is_relative: bool


def date_of(occurred_at: str | None) -> date | None:
    """Return the day of an ISO 8601 moment; None if it is none."""
    try:
        return datetime.fromisoformat(occurred_at).date() if occurred_at else None
    except ValueError:
        return None


def find_date(text: str, said: date | None) -> FoundDate | None:
    """Return the first date in a text; a relative one only if the day on which it was said is known."""
    if said is not None:
        for pattern, render in RELATIVE:
            found = pattern.search(text)
            if found and (answer := render(found, said)):
                return FoundDate(answer, found.group(), is_relative=True)
    explicit = EXPLICIT.search(text)
    return FoundDate(explicit.group(), explicit.group(), is_relative=False) if explicit else None


def format_day(day: date) -> str:
    return f"{day.day} {MONTHS[day.month - 1].capitalize()} {day.year}"


def _name_month(day: date, months: int) -> str:
    at = day.year * 12 + day.month - 1 + months
    return f"{MONTHS[at % 12].capitalize()} {at // 12}"


def _render_day(days: int) -> Render:
    return lambda _, said: _shift(said, days)


def _shift(said: date, days: int) -> str | None:
    try:
        return format_day(said + timedelta(days=days))
    except OverflowError:
        return None


def _render_count(found: re.Match[str], said: date) -> str | None:
    sign = -1 if found["tail"] and found["tail"].lower() != "later" else 1
    amount, unit = " ".join(found["count"].lower().split()), found["unit"].lower()
    if amount in VAGUE:
        return f"{amount} {unit}s {'before' if sign < 0 else 'after'} {format_day(said)}"
    number = sign * (int(amount) if amount.isdigit() else COUNTS[amount])
    match unit:
        case "day":
            return _shift(said, number)
        case "week":
            day = _shift(said, 7 * number)
            return f"the week of {day}" if day else None
        case "month":
            return _name_month(said, number)
        case _:
            return str(said.year + number) if said.year + number > 0 else None


def _render_weekday(found: re.Match[str], said: date) -> str | None:
    wanted = DAYS.index(found["day"].lower())
    ahead = (wanted - said.weekday()) % 7
    which = found["which"].lower()
    if which == "this":
        return _name_day(said, ahead)
    if which in ("next", "coming", "this coming") or (which == "on" and TO_COME.search(found.string)):
        return _name_day(said, ahead or 7)
    return _name_day(said, ahead - 7)


def _name_day(said: date, days: int) -> str | None:
    day = _shift(said, days)
    return f"{DAYS[(said.weekday() + days) % 7].capitalize()}, {day}" if day else None


def _render_period(found: re.Match[str], said: date) -> str | None:
    which, unit = found["which"].lower().split()[-1], found["unit"].lower()
    step = {"next": 1, "coming": 1, "following": 1, "this": 0}.get(which, -1)
    side = {1: "after", 0: "of", -1: "before"}[step]
    match unit:
        case "month":
            return _name_month(said, step)
        case "year":
            return str(said.year + step)
        case "week" | "weekend":
            return f"the {unit} {side} {format_day(said)}"
        case _:
            return f"{unit} {said.year + step}" if step else f"{unit} of {said.year}"


def _compile(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


TO_COME = _compile(
    r"\b(?:will|shall|won't|going to|due|arrives?|begins?|starts?|opens?|closes|leaves?|departs?|ends"
    r"|takes place|comes)\b|\w'll\b"
)
WHICH = r"(?P<which>this past|this coming|this last|last|past|previous|next|coming|following|this)"
RELATIVE: tuple[tuple[re.Pattern[str], Render], ...] = (
    (_compile(r"\bday before yesterday\b"), _render_day(-2)),
    (_compile(r"\bday after tomorrow\b"), _render_day(2)),
    (_compile(r"\b(?:yesterday|last night)\b"), _render_day(-1)),
    (_compile(r"\btomorrow\b"), _render_day(1)),
    (_compile(rf"\b(?P<count>{COUNT})\s+(?P<unit>{UNIT})s?\s+(?P<tail>ago|back|earlier)\b"), _render_count),
    (_compile(rf"\bin\s+(?P<count>{COUNT})\s+(?P<unit>{UNIT})s?(?P<tail>)\b"), _render_count),
    (_compile(rf"\b{WHICH}\s+(?P<day>{'|'.join(DAYS)})\b"), _render_weekday),
    (_compile(rf"\b(?P<which>on)\s+(?P<day>{'|'.join(DAYS)})\b(?!s)"), _render_weekday),
    (_compile(rf"\b{WHICH}\s+(?P<unit>weekend|week|month|year|spring|summer|autumn|fall|winter)\b"), _render_period),
    (_compile(r"\b(?:today|tonight|this (?:morning|afternoon|evening)|just now)\b"), _render_day(0)),
)
EXPLICIT = _compile(
    rf"\b(?:\d{{1,2}}(?:st|nd|rd|th)?\s*(?:-|–|to|until|and)\s*\d{{1,2}}(?:st|nd|rd|th)?\s+(?:{ENGLISH_MONTH})\b(?:,?\s+\d{{4}})?"
    rf"|\d{{1,2}}(?:st|nd|rd|th)?\s+(?:of\s+)?(?:{ENGLISH_MONTH})\b(?:,?\s+\d{{4}})?"
    rf"|(?:{ENGLISH_MONTH})\s+\d{{1,2}}(?:st|nd|rd|th)?\b(?:,?\s+\d{{4}})?|(?:{ENGLISH_MONTH})\s+\d{{4}}"
    rf"|\d{{4}}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])|\d{{1,2}}/\d{{1,2}}/\d{{4}}"
    rf"|(?<=in )(?:{ENGLISH_MONTH})|(?<=since )(?:\d{{4}}|{ENGLISH_MONTH})|(?<=in )\d{{4}})\b"
)
