"""Cuts in a text that is too long: between sentences or lines, between words, within a word.

Linear in the text: tokens are counted of nothing that is much longer than a chunk.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from unicodedata import category

from soma.memory.documents.blocks import Block
from soma.memory.text.sentences import Span, find_sentences, find_start

Count = Callable[[str], int]

LINE = re.compile(r"[^\r\n]++")
LONGEST_TOKEN = 24  # characters of a token on the average, at most
MOST_CHARACTERS = 12_000  # of a chunk, whatever its room: a memory may have 64 KiB
REACH = 64  # characters that are looked through for a pause
JOINER = "\u200d"


@dataclass(frozen=True, slots=True)
class Room:
    """The room of one chunk of `text`: so many tokens, as `count` counts them."""

    text: str
    tokens: int
    count: Count

    @property
    def most_characters(self) -> int:
        """Number of characters above which a text is too long, and its tokens are not counted."""
        return min(self.tokens * LONGEST_TOKEN, MOST_CHARACTERS)

    def holds(self, start: int, end: int) -> bool:
        return self.count_between(start, end) <= self.tokens

    def count_between(self, start: int, end: int) -> int:
        """Count the tokens in between; return more than fit where that is too long to count."""
        return self.count(self.text[start:end]) if end - start <= self.most_characters else self.tokens + 1


def pieces(room: Room, block: Block) -> Iterator[Span]:
    """Yield the block's sentences or lines, each cut further until it fits."""
    parts = (
        _lines(room.text, block)
        if block.kind in {"lines", "fields"}
        else find_sentences(room.text, block.start, block.end)
    )
    for start, end in parts:
        if room.holds(start, end):
            yield start, end
        else:
            yield from _stretches(room, start, end)


def pack(room: Room, units: Iterable[Span], *, enough: int | None = None) -> Iterator[Span]:
    """Join neighbours while they fit and, where that is given, have less than `enough` tokens."""
    begun: Span | None = None
    used = 0
    for start, end in units:
        if begun and used < (room.tokens if enough is None else enough):
            size = _count_joined(room, begun, used, (start, end))
            if size <= room.tokens:
                begun, used = (begun[0], end), size
                continue
        if begun:
            yield begun
        begun, used = (start, end), room.count_between(start, end)
    if begun:
        yield begun


def _count_joined(room: Room, begun: Span, used: int, unit: Span) -> int:
    """Count the tokens of both; parts of one word are counted together, for tokens do not end where it was cut."""
    if begun[1] == unit[0]:
        return room.count_between(begun[0], unit[1])
    return used + room.count_between(begun[1], unit[1])


def _lines(text: str, block: Block) -> Iterator[Span]:
    for match in LINE.finditer(text, block.start, block.end):
        yield match.span()


def _stretches(room: Room, start: int, end: int) -> Iterator[Span]:
    """Cut as much at a time as fits, at a pause: one attempt tells how much the next one may take."""
    size = room.most_characters
    while (start := find_start(room.text, start, end)) < end:
        most = min(start + size, end)
        stop = end if most == end else _pause(room.text, start, most)
        while stop - start > 1 and (tokens := room.count_between(start, stop)) > room.tokens:
            most = start + (stop - start) * room.tokens * 9 // (tokens * 10)
            stop = _pause(room.text, start, most)
        yield start, start + len(room.text[start:stop].rstrip())
        size = min(
            room.most_characters, 5 * max(most - start, stop - start) // 4 + 1
        )  # not what an early pause left of it
        start = stop


def _pause(text: str, start: int, most: int) -> int:
    """Return the best place shortly before `most` to cut: at a blank, behind a comma, at least not within a number."""
    most = max(most, start + 1)
    places = range(max(start + 1, start + (most - start) // 2, most - REACH), most + 1)
    return min(places, key=lambda place: (_badness(text[place - 1], text[place]), most - place))


def _badness(before: str, after: str) -> int:
    """Rank a place to cut, 0 the best; a sign is never separated from what is drawn over it."""
    if JOINER in (before, after) or category(after).startswith("M") or _modifies(after):
        return 6
    if before.isspace() or after.isspace():
        return 0
    if not before.isalnum():
        return 1 if before in ",;|&?=、，。；" else 3 if before in ".-'’" else 2
    if before.isdigit() and after.isdigit():
        return 5
    return 3 if before.isdigit() != after.isdigit() else 4


def _modifies(sign: str) -> bool:
    return "\U0001f3fb" <= sign <= "\U0001f3ff"  # the colours of emoji
