"""Mistyped words: the edit distance to a known word, and the nearest known word. Pure."""

from collections.abc import Iterable
from functools import lru_cache

SHORTEST = 5  # letters of a word that may be mistyped
LONG = 7  # letters; words from this length on may have two slips


def nearest(word: str, known: Iterable[str], *, slips: int = 2) -> str | None:
    """Return the known word within one or two edits of `word`; None for a short word or a number."""
    if len(word) < SHORTEST or not word.isalpha():
        return None
    slips = min(slips, 2 if len(word) >= LONG else 1)
    near = [
        (distance, other)
        for other in known
        if len(other) >= SHORTEST - 1 and abs(len(other) - len(word)) <= slips and other.isalpha()
        and (distance := distance_of(word, other, slips)) <= slips
    ]  # fmt: skip
    return min(near)[1] if near else None


@lru_cache(maxsize=50_000)
def distance_of(one: str, other: str, most: int) -> int:
    """Count the edits (letters added, omitted, changed, or two swapped); `most` + 1 if there are more."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for at, letter in enumerate(one, 1):
        last, before, row = before, row, [at, *[0] * len(other)]
        for to, its in enumerate(other, 1):
            row[to] = min(before[to] + 1, row[to - 1] + 1, before[to - 1] + (letter != its))
            if at > 1 and to > 1 and letter == other[to - 2] and its == one[at - 2]:
                row[to] = min(row[to], last[to - 2] + 1)
        if min(row) > most:
            return most + 1
    return row[-1]
