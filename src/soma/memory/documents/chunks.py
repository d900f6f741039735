"""From blocks to chunks: as much of a section as the token budget holds, cut where the author paused."""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from soma.memory.documents.blocks import Block
from soma.memory.documents.sentences import Span, sentences

Count = Callable[[str], int]

BETWEEN = " > "
HEADING_SHARE = 0.5  # of the budget at most for the headings above a chunk
ENOUGH_SHARE = 0.25  # of the room: from there on, a paragraph of its own is a chunk of its own
WORD = re.compile(r"\S+")


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a document: `text` is characters [start, end) under a line of its headings. Lines count from 1."""

    text: str
    headings: tuple[str, ...]
    start: int
    end: int
    first_line: int
    last_line: int


def chunks(text: str, blocks: Sequence[Block], *, budget: int, count: Count) -> list[Chunk]:
    """Chunks of at most `budget` tokens as `count` counts them, in order; together they hold every block."""
    ends = [match.start() for match in re.finditer(r"\r\n|\r|\n", text)]
    found = []
    for section in _sections(blocks):
        headings = section[0].headings
        title = _title(headings, int(budget * HEADING_SHARE), count)
        room = budget - (count(title) if title else 0)
        for start, end in _spans(text, section, room, count):
            lines = bisect_right(ends, start - 1) + 1, bisect_right(ends, end - 1) + 1
            body = text[start:end]
            found.append(Chunk(f"{title}\n{body}" if title else body, headings, start, end, *lines))
    return found


def _sections(blocks: Sequence[Block]) -> Iterator[list[Block]]:
    """What stands under one heading. The heading itself is said by each chunk, unless nothing else is below it."""
    section: list[Block] = []
    for block in [*blocks, Block(0, 0, "heading")]:
        if block.kind == "heading" and section:
            above = section[0]
            deeper = block.headings[: len(above.headings)] == above.headings != block.headings
            body = section[1:] if above.kind == "heading" else section
            if body or not deeper:
                yield body or section
            section = []
        section.append(block)


def _title(headings: Sequence[str], room: int, count: Count) -> str:
    """The path of headings; of one that is too long the innermost, and nothing where even that is."""
    for first in range(len(headings)):
        title = BETWEEN.join(headings[first:])
        if count(title) <= room:
            return title
    return ""


def _spans(text: str, section: Sequence[Block], room: int, count: Count) -> Iterator[Span]:
    """Short blocks together until they say enough; one that is too long by itself, in pieces."""
    enough = int(ENOUGH_SHARE * room)
    for is_long, blocks in groupby(section, key=lambda block: count(text[block.start : block.end]) > room):
        if is_long:
            for block in blocks:
                yield from _packed(text, list(_pieces(text, block, room, count)), room, count)
        else:
            yield from _packed(text, [(block.start, block.end) for block in blocks], room, count, enough=enough)


def _pieces(text: str, block: Block, room: int, count: Count) -> Iterator[Span]:
    """Sentences or lines, each within `room`."""
    pieces = _lines(text, block) if block.kind == "lines" else sentences(text, block.start, block.end)
    for start, end in pieces:
        if count(text[start:end]) <= room:
            yield start, end
        else:
            yield from _by_words(text, (start, end), room, count)


def _lines(text: str, block: Block) -> Iterator[Span]:
    for match in re.finditer(r"[^\r\n]+", text[block.start : block.end]):
        yield block.start + match.start(), block.start + match.end()


def _by_words(text: str, sentence: Span, room: int, count: Count) -> Iterator[Span]:
    """A sentence that is longer than a chunk may be: cut between words, and a word between characters."""
    start, end = sentence
    words: list[Span] = []
    for match in WORD.finditer(text, start, end):
        words += _by_characters(text, match.span(), room, count)
    yield from _packed(text, words, room, count)


def _by_characters(text: str, word: Span, room: int, count: Count) -> Iterator[Span]:
    start, end = word
    if count(text[start:end]) <= room or end - start == 1:
        yield word
        return
    middle = (start + end) // 2
    yield from _by_characters(text, (start, middle), room, count)
    yield from _by_characters(text, (middle, end), room, count)


def _packed(text: str, units: Sequence[Span], room: int, count: Count, *, enough: int | None = None) -> Iterator[Span]:
    """Neighbours together, while they fit and, where that is given, have less than `enough`."""
    begun: Span | None = None
    used = 0
    for start, end in units:
        size = count(text[begun[1] : end]) if begun else 0  # with what stands between them
        if begun and used + size <= room and used < (room if enough is None else enough):
            begun, used = (begun[0], end), used + size
            continue
        if begun:
            yield begun
        begun, used = (start, end), count(text[start:end])
    if begun:
        yield begun
