"""The date of a text, as the text itself gives it: front matter, a line near its top, its name, a heading. Pure.

Without any of these there is none: when a file was last changed says nothing of what stands in it.
"""

import re
from collections.abc import Iterator
from datetime import date

from soma.memory.documents.rows import are_alike, count_separators

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
    r"""["']?(?:(?:first|last)[-_ ]?)?"""
    r"""(?:date|created|updated|modified|revised|written|decided|recorded|published|issued|datum|stand|fecha)["']?"""
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
ITEM = re.compile(r"(?:[-*+]|\d{1,9}[.)])[ \t]")
LABEL = re.compile(r"[^\W\d][\w \t'-]{0,40}:(?:[ \t]|\Z)")
MARKS = "*_()[] .\t"
WEEKDAYS = (
    "monday tuesday wednesday thursday friday saturday sunday montag dienstag mittwoch donnerstag freitag samstag "
    "sonnabend sonntag lundi mardi mercredi jeudi vendredi samedi dimanche lunes martes miércoles jueves viernes "
    "sábado domingo mon tue wed thu fri sat sun"
).replace(" ", "|")
BEFORE = re.compile(
    rf"[*_(\[]*(?:[^\d,:;]{{1,40}},[ \t]*)?(?:(?:{WEEKDAYS})[.,]?[ \t]*)?(?:(?:den|le|el|am|the|on|à)[ \t]+)?",
    re.IGNORECASE,
)  # a date
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
    """Return the day of the title or of the first line near the top that only dates; else that of the one paragraph
    of a line that has one.
    """
    lone: list[date] = []
    for number, paragraph in enumerate(_paragraphs_near_top(lines)):
        days = [find_day_of_line(line) if not _is_entry(paragraph, at) else None for at, line in enumerate(paragraph)]
        bare = {day for line, day in zip(paragraph, days, strict=True) if day and _is_bare(line)}
        is_title = paragraph[0].startswith("#") or (number == 0 and len(set(days) - {None}) == 1)
        if is_title and days[0]:
            return days[0]
        for line, day in zip(paragraph, days, strict=True):
            if day and (FIELDS.match(line) or (bare == {day} and _is_bare(line))):
                return day
            if day and len(paragraph) == 1:
                lone.append(day)
    return lone[0] if len(set(lone)) == 1 else None


def _paragraphs_near_top(lines: list[str]) -> Iterator[list[str]]:
    """Yield the first lines, by paragraphs; a heading is one of its own. Code is left out."""
    left, is_code = NEAR_TOP, False
    paragraph: list[str] = []
    for line in lines:
        is_fence = line.startswith(("```", "~~~"))
        is_code = is_code != is_fence
        is_alone = line.startswith("#")
        if paragraph and (not line or is_fence or is_alone):
            yield paragraph
            paragraph = []
        if not line or is_fence or is_code:
            continue
        paragraph.append(line)
        left -= 1
        if is_alone or not left:
            yield paragraph
            paragraph = []
        if not left:
            return
    if paragraph:
        yield paragraph


def _is_entry(paragraph: list[str], at: int) -> bool:
    """Return whether a line is one of several of a kind, whose date is that of what it lists: an item, a row, a field
    among others.
    """
    line = paragraph[at]
    if (
        "\t" in line
        or line.startswith(("|", ">", "{", "[", "}"))
        or any(_is_item(above) for above in paragraph[: at + 1])
    ):
        return True
    beside = paragraph[max(at - 1, 0) : at] + paragraph[at + 1 : at + 2]
    if any(are_alike(count_separators(line), count_separators(other)) for other in beside):
        return True
    return not FIELDS.match(line) and bool(LABEL.match(line)) and any(LABEL.match(other) for other in beside)


def _is_item(line: str) -> bool:
    return ITEM.match(line) is not None and DAY_FIRST.match(line) is None


def _is_bare(line: str) -> bool:
    """Return whether a line is a date and, at most, a place and a day of the week before it, as above a letter."""
    found = next((match for pattern in (ISO, DAY_FIRST, MONTH_FIRST, DOTTED) if (match := pattern.search(line))), None)
    return found is not None and bool(BEFORE.fullmatch(line[: found.start()])) and not line[found.end() :].strip(MARKS)


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
