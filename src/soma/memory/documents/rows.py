"""Rows of values: lines with the same number of cells, parted by commas, semicolons, tabs, bars or wide gaps. Pure."""

import re
from collections.abc import Sequence

LEAST = 3  # lines, the head among them: two lines of prose may have as many commas
QUOTED = re.compile(r'"[^"\r\n]*+"')
SEPARATORS = (
    re.compile(r"\t"),
    re.compile(r";"),
    re.compile(r"\|"),
    re.compile(r",(?=\S)"),
    re.compile(r",[ ]"),
    re.compile(r"(?<=\S)[ ]{2,}+(?=\S)"),
)
IN_PROSE = 4  # the place of the comma with a blank, which prose has too
LONGEST_HEAD = 60  # characters of the name of a column
SENTENCE_ENDS = (".", "!", "?", ":")

Counts = tuple[int, ...]


def count_separators(line: str) -> Counts:
    """Return how many of each separator a line has; quoted cells hold none."""
    bare = QUOTED.sub("x", line)
    return tuple(len(separator.findall(bare)) for separator in SEPARATORS)


def are_alike(one: Counts, other: Counts) -> bool:
    """Return whether two lines may be rows of one table: one comma with a blank behind it is prose."""
    return any(
        mine == theirs and mine > (place == IN_PROSE)
        for place, (mine, theirs) in enumerate(zip(one, other, strict=True))
    )


def find_first_row(lines: Sequence[str]) -> int | None:
    """Return the place of the first of the rows that a paragraph is or ends with; None if it does not."""
    counts = [count_separators(line) for line in lines]
    first = len(lines) - 1
    alike = list(range(len(SEPARATORS)))
    while first >= 0:
        still = [place for place in alike if counts[first][place] == counts[-1][place] > (place == IN_PROSE)]
        if IN_PROSE in still and lines[first].rstrip().endswith(SENTENCE_ENDS):
            still.remove(IN_PROSE)
        if not still:
            break
        alike, first = still, first - 1
    first += 1
    return first if len(lines) - first >= LEAST else None


def find_rows_head(text: str) -> str:
    """Return the first row if it names the columns; an empty text if the text is no table, or has no such row."""
    head, *others = (line for line in (part.rstrip("\r") for part in text.split("\n", LEAST)) if line.strip())
    if len(others) + 1 < LEAST or find_first_row([head, *others[: LEAST - 1]]) != 0:
        return ""
    return head if not re.search(r"\d", head) and len(head) <= LONGEST_HEAD * max(count_separators(head)) else ""
