"""Chunks of blocks: as much of a section as the token budget holds, cut where the author paused.

Chunks are made one by one, and nothing here holds all of them: the caller decides how many there may be.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, groupby, islice

from soma.memory.documents.blocks import ITEM, LONGEST_TITLE, Block, find_table_head
from soma.memory.documents.cutting import Count, Room, pack, pieces
from soma.memory.text.sentences import Span

BETWEEN = " > "
HEADING_SHARE = 0.5  # of the budget at most for the headings above a chunk
FRONT_SHARE = 0.25  # of the budget at most for the front matter in the first chunk
HEAD_SHARE = 0.5  # of the room at most for the head of a table that is said again
LEADS = (":", ":**")  # what a line ends with that a list follows
ENOUGH_SHARE = 0.25  # of the room: from there on, a paragraph of its own is a chunk of its own
LINE_END = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a document: `text` is characters [start, end) under a line of its headings, and under the head of the
    table that it is a later piece of. The first also holds the front matter. Lines count from 1.
    """

    text: str
    headings: tuple[str, ...]
    start: int
    end: int
    first_line: int
    last_line: int


@dataclass(frozen=True, slots=True)
class _Section:
    """The blocks under one heading. `title` is the line above its chunks, `shown` how many headings it says."""

    blocks: Sequence[Block]
    title: str
    shown: int


def cut_chunks(text: str, blocks: Iterable[Block], *, budget: int, count: Count) -> list[Chunk]:
    """Cut into chunks of at most `budget` tokens as `count` counts them, in order.

    Together they hold every word of the blocks. A heading is held by the chunks below it, where it stands above any;
    else it is text.
    """
    return list(cut_each_chunk(text, blocks, budget=budget, count=count))


def cut_each_chunk(text: str, blocks: Iterable[Block], *, budget: int, count: Count) -> Iterator[Chunk]:
    """Yield the chunks one after another, each made when it is asked for."""
    number = _LineNumbers(text)
    front, blocks = _part_front_matter(text, blocks, int(budget * FRONT_SHARE), count)
    for section in _sections(blocks, int(budget * HEADING_SHARE), count):
        heading_tokens = sum(count(part) for part in (section.title, front) if part)
        for (start, end), head in _spans(Room(text, budget - heading_tokens, count), section.blocks):
            lines = number.line_of(start), number.line_of(end - 1)
            whole = "\n".join(part for part in (section.title, front, head, text[start:end]) if part)
            yield Chunk(whole, section.blocks[0].headings, start, end, *lines)
            front = ""


def _part_front_matter(text: str, blocks: Iterable[Block], room: int, count: Count) -> tuple[str, Iterable[Block]]:
    """Return the front matter and the blocks below it: alone it answers nothing, so the first chunk holds it.

    It is a block like others where nothing is below it, or where it is longer than the room.
    """
    rest = iter(blocks)
    first = list(islice(rest, 2))
    is_said = (
        len(first) > 1 and first[0].kind == "fields" and Room(text, room, count).holds(first[0].start, first[0].end)
    )
    if is_said:
        return text[first[0].start : first[0].end], chain(first[1:], rest)
    return "", chain(first, rest)


def _sections(blocks: Iterable[Block], room: int, count: Count) -> Iterator[_Section]:
    """Yield sections with something to say.

    A heading right above others is held by these, if their titles have room.
    """
    waiting: list[Block] = []
    for section, deeper in _look_ahead(_group_by_headings(_drop_long_headings(blocks, room, count))):
        first = section[0]
        title, shown = _fit_title(first.headings, room, count)
        body = section[1:] if first.kind == "heading" and not first.says_more else section
        if not body and deeper:
            waiting.append(first)
            continue
        hidden = len(first.headings) - shown
        yield from (_section_alone(heading, room, count) for heading in waiting if len(heading.headings) <= hidden)
        waiting = []
        yield _Section(body or section, title, shown)


def _section_alone(heading: Block, room: int, count: Count) -> _Section:
    return _Section([heading], *_fit_title(heading.headings, room, count))


def _look_ahead(sections: Iterable[list[Block]]) -> Iterator[tuple[list[Block], bool]]:
    """Yield each section, and whether the next one stands under its heading."""
    before: list[Block] | None = None
    for section in sections:
        if before is not None:
            above, below = before[0].headings, section[0].headings
            yield before, below[: len(above)] == above and (below != above or section[0].kind != "heading")
        before = section
    if before is not None:
        yield before, False


def _group_by_headings(blocks: Iterable[Block]) -> Iterator[list[Block]]:
    """Yield runs of blocks under the same headings with nothing left out between; each heading begins a new one."""
    section: list[Block] = []
    for block in blocks:
        begins = block.kind == "heading" or block.apart
        if section and (begins or block.headings != section[0].headings):
            yield section
            section = []
        section.append(block)
    if section:
        yield section


def _drop_long_headings(blocks: Iterable[Block], room: int, count: Count) -> Iterator[Block]:
    """Turn headings that are too long for a title into text, which stands above nothing."""
    fits: list[bool] = []  # of each heading above what comes next
    for block in blocks:
        if block.kind == "heading":
            title = block.headings[-1]
            fits[len(block.headings) - 1 :] = [len(title) <= LONGEST_TITLE and count(title) <= room]
        headings = tuple(title for title, fit in zip(block.headings, fits, strict=False) if fit)
        is_text = block.kind == "heading" and not fits[-1]
        yield replace(block, headings=headings, kind="prose" if is_text else block.kind)


def _fit_title(headings: Sequence[str], room: int, count: Count) -> tuple[str, int]:
    """Fit the inner end of the path of headings into the room; return it and its number of headings."""
    for first in range(len(headings)):
        title = BETWEEN.join(headings[first:])
        if count(title) <= room:
            return title, len(headings) - first
    return "", 0


def _spans(room: Room, section: Sequence[Block]) -> Iterator[tuple[Span, str]]:
    """Yield short blocks together until they say enough, lists whole; one that is too long by itself, in pieces.

    With each span goes the head of the table that it continues, if it is a later piece of one.
    """
    enough = int(ENOUGH_SHARE * room.tokens)
    for fits, blocks in groupby(section, key=lambda block: room.holds(block.start, block.end)):
        if fits:
            yield from ((span, "") for span in pack(room, _lists(room, list(blocks)), enough=enough))
        else:
            for block in blocks:
                yield from _pieces(room, block)


def _lists(room: Room, blocks: Sequence[Block]) -> Iterator[Span]:
    """Yield the blocks, the items of a list and the line that leads to them as one, as far as they fit."""
    begun: Span | None = None
    used, leads = 0, False
    for block in blocks:
        is_item = ITEM.match(room.text, block.start, block.end) is not None
        size = room.count_between(begun[1] if begun else block.start, block.end)
        if begun and leads and is_item and used + size <= room.tokens:
            begun, used = (begun[0], block.end), used + size
        else:
            if begun:
                yield begun
            begun, used = (block.start, block.end), size
        leads = is_item or room.text.endswith(LEADS, block.start, block.end)
    if begun:
        yield begun


def _pieces(room: Room, block: Block) -> Iterator[tuple[Span, str]]:
    """Yield the pieces of a block; each piece of a table but the first repeats the table's head."""
    head = find_table_head(room.text[block.start : block.end]) if block.kind == "lines" else ""
    needed = room.count(head) if head else 0
    if not head or needed > HEAD_SHARE * room.tokens:
        yield from ((span, "") for span in pack(room, pieces(room, block)))
        return
    less = Room(room.text, room.tokens - needed, room.count)
    for number, span in enumerate(pack(less, pieces(less, block))):
        yield span, head if number else ""


class _LineNumbers:
    """Numbers of the lines of places, which are asked for in order."""

    def __init__(self, text: str) -> None:
        self._ends = (match.start() for match in LINE_END.finditer(text))
        self._next = next(self._ends, None)
        self._number = 1

    def line_of(self, place: int) -> int:
        while self._next is not None and self._next < place:
            self._number += 1
            self._next = next(self._ends, None)
        return self._number
