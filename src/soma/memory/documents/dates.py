"""The date of a text, as the text itself gives it: front matter, a line near its top, its name, a heading. Pure.

Without any of these there is none: when a file was last changed says nothing of what stands in it.
"""

import re
from collections.abc import Iterator
from datetime import date
from itertools import islice

MONTHS = (
    "january januar jänner janvier enero", "february februar feber février febrero", "march märz mars marzo",
    "april avril abril", "may mai mayo", "june juni juin junio", "july juli juillet julio",
    "august août agosto", "september septembre septiembre", "october oktober octobre octubre",
    "november novembre noviembre", "december dezember décembre diciembre",
)  # fmt: skip
SHORT = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
NUMBERS = {name: number for number, names in enumerate(MONTHS, 1) for name in names.split()}
NUMBERS |= {name: number for number, name in enumerate(SHORT, 1)} | {"sept": 9}
NAMES = "|".join(sorted(NUMBERS, key=len, reverse=True))

FIELDS = re.compile(
    r"""["']?(?:date|created|(?:last[-_ ]?)?(?:updated|modified)|written|datum|stand|fecha)["']?"""
    r"[ \t]*[:=][ \t]*(\S[^\r\n]{0,60})",
    re.IGNORECASE,
)
ISO = re.compile(r"(?<![\d-])(\d{4})([-_./])(\d{1,2})\2(\d{1,2})(?!\d|[-_./]\d)")
PACKED = re.compile(r"(?<!\d)((?:19|20)\d{2})(\d{2})(\d{2})(?!\d)")
DAY_FIRST = re.compile(
    rf"(?<![\w.])(\d{{1,2}})(?:st|nd|rd|th|er|\.)?[ \t]+(?:of[ \t]+|de[ \t]+)?({NAMES})\.?,?"
    r"[ \t]+(?:de[ \t]+)?(\d{4})(?!\w)",
    re.IGNORECASE,
)
MONTH_FIRST = re.compile(rf"(?<!\w)({NAMES})\.?[ \t]+(\d{{1,2}})(?:st|nd|rd|th)?,?[ \t]+(\d{{4}})(?!\w)", re.IGNORECASE)
DOTTED = re.compile(r"(?<![\d.])(\d{1,2})\.[ \t]?(\d{1,2})\.[ \t]?(\d{4})(?!\d)")
RANGE = re.compile(r"\d[ \t]*(?:–|—|-|to|bis|until|au|al)[ \t]*\d", re.IGNORECASE)
TERM = re.compile(
    r"\b(?:until|till|due|before|after|since|deadline|expires?|bis|seit|fällig|vor|nach|jusqu['’]au|avant|depuis|hasta|desde)\b",
    re.IGNORECASE,
)  # a day of these is not the day of what is told
NEAR_TOP = 8  # lines with words in them
LONGEST_LINE = 80  # characters; in a longer one a date is a part of what is told
MOST_WORDS = 7  # beside the date
WORDS_OF_A_TITLE = 3  # as many of a line that ends like a sentence: with more it tells something that has a date
TOP = 4_000  # characters that are looked at


def find_date(text: str, name: str) -> date | None:
    """Return the day of a document, if it has one."""
    lines = [line.strip() for line in text[:TOP].lstrip("\ufeff").splitlines()]
    front = _front_matter(lines)
    found = next((day for line in front if (field := FIELDS.match(line)) and (day := find_day(field[1]))), None)
    return found or _near_top(lines[len(front) :]) or _in_name(name)


def find_day(text: str) -> date | None:
    """Return the one full date of a text; None where there are several, or a span."""
    days = list(dict.fromkeys(_days(text)))
    return days[0] if len(days) == 1 else None


def find_day_of_line(line: str) -> date | None:
    """Return the day of a short line or heading that says a date and little else, or names what it is the date of."""
    if len(line) > LONGEST_LINE or RANGE.search(ISO.sub("", line)) or TERM.search(line):
        return None
    beside = re.findall(r"[^\W\d_]+", line)
    most = WORDS_OF_A_TITLE if line.endswith((".", "!", "?")) else MOST_WORDS
    day = find_day(line)
    return day if FIELDS.search(line) or len(beside) <= most else None


def _front_matter(lines: list[str]) -> list[str]:
    first = next((number for number, line in enumerate(lines) if line), 0)
    if not lines or lines[first] not in ("---", "+++"):
        return []
    end = next((number for number in range(first + 1, len(lines)) if lines[number] in ("---", "...", "+++")), first)
    return lines[: end + 1] if end > first else []


def _near_top(lines: list[str]) -> date | None:
    first = islice((line for line in lines if line), NEAR_TOP)
    return next(
        (day for line in first if not line.startswith(("|", "- ", "* ", ">")) and (day := find_day_of_line(line))), None
    )


def _in_name(name: str) -> date | None:
    return find_day(name) or next((_date(*map(int, found)) for found in PACKED.findall(name)), None)


def _days(text: str) -> Iterator[date]:
    for year, _, month, day in ISO.findall(text):
        yield from _days_of(int(year), int(month), int(day))
    for day, name, year in DAY_FIRST.findall(text):
        yield from _days_of(int(year), NUMBERS[name.lower()], int(day))
    for name, day, year in MONTH_FIRST.findall(text):
        yield from _days_of(int(year), NUMBERS[name.lower()], int(day))
    for day, month, year in DOTTED.findall(text):
        yield from _days_of(int(year), int(month), int(day))


def _days_of(year: int, month: int, day: int) -> Iterator[date]:
    if found := _date(year, month, day):
        yield found


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
