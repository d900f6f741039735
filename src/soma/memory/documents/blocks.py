"""Blocks: the structure of a text, one block after another, each under its headings. Markdown, or plain paragraphs.

A line may be megabytes long: every pattern here is linear in it.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from soma.memory.documents.lines import TextLines
from soma.memory.documents.rows import find_first_row, find_rows_head

Kind = Literal["heading", "prose", "lines", "fields"]

LONGEST_TITLE = 300  # characters; a longer heading is a paragraph
HEADING = re.compile(r" {0,3}(#{1,6})(?=[ \t]|\Z)")
UNDERLINE = re.compile(r" {0,3}(=+|-+)[ \t]*+")
FENCE = re.compile(r" {0,3}(`{3,}+(?=[^`]*+\Z)|~{3,})")
RULE = re.compile(r" {0,3}([-*_])[ \t]*+(?:\1[ \t]*+){2,}")
ITEM = re.compile(r"[ \t]*+(?:[-*+]|\d{1,9}[.)])[ \t]++\S")
QUOTE = re.compile(r" {0,3}>")
COMMENT = re.compile(r" {0,3}<!--")
FIELD = re.compile(r"""[\w"'-]++[ \t]*+:|#""")  # as front matter begins
CELL = re.compile(r":?-+:?")
WORD = re.compile(r"[^\W_]++")
LINK = re.compile(r"!?\[([^\[\]]*+)\]\((?:[^()]|\([^()]*+\))*+\)")
MARKS = re.compile(r"\*\*|`")
UNDERSCORES = re.compile(r"(?<!\w)__(?=[^\s_])([^_]++)__(?!\w)")


@dataclass(frozen=True, slots=True)
class Block:
    """Characters [start, end) that belong together. Too long ones are cut between sentences; `lines` and the `fields`
    of front matter, between lines.

    `says_more` is a heading whose line holds what its title does not, as the address of a link. Text between the block
    before and one that is `apart` is left out.
    """

    start: int
    end: int
    kind: Kind
    headings: tuple[str, ...] = ()
    says_more: bool = False
    apart: bool = False


def paragraphs(text: str) -> Iterator[Block]:
    """Yield what blank lines separate, and rows of values apart from the words above them."""
    lines = TextLines(text)
    begun: int | None = None
    for number in range(len(lines)):
        if lines[number].strip():
            begun = number if begun is None else begun
        elif begun is not None:
            yield from _paragraph(lines, begun, number)
            begun = None
    if begun is not None:
        yield from _paragraph(lines, begun, len(lines))


def _paragraph(lines: TextLines, begun: int, end: int) -> Iterator[Block]:
    """Yield a paragraph, and the rows that it ends with as lines."""
    first = find_first_row([lines[number] for number in range(begun, end)])
    if first is None:
        yield Block(lines.start(begun), lines.end(end - 1), "prose")
        return
    if first:
        yield Block(lines.start(begun), lines.end(begun + first - 1), "prose")
    yield Block(lines.start(begun + first), lines.end(end - 1), "lines")


def markdown(text: str) -> Iterator[Block]:
    """Yield headings, paragraphs, list items, tables, rows of values and fenced code; comments that begin a line are
    left out.
    """
    yield from _MarkdownReader(text).read()


class _MarkdownReader:
    """A reader of Markdown, line by line; each method returns the block that begins at `self._at` and moves past it."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._lines = TextLines(text)
        self._at = 0
        self._path: list[tuple[int, str]] = []
        self._last_comment = text.rfind("-->")
        self._apart = False

    def read(self) -> Iterator[Block]:
        if block := self._read_front_matter():
            yield block
        while self._at < len(self._lines):
            if block := self._read_block():
                yield block

    def _read_block(self) -> Block | None:
        line = self._lines[self._at]
        if not line.strip() or RULE.fullmatch(line):
            self._at += 1
            return None
        if self._begins_comment(self._at):
            self._pass_comment()
            return None
        if fence := FENCE.match(line):
            return self._read_fence(fence[1])
        if heading := HEADING.match(line):
            return self._read_heading(self._at + 1, len(heading[1]), _strip_heading(line[heading.end() :]))
        if self._opens_table(self._at):
            return self._read_while("lines", lambda text: "|" in text)
        return self._read_paragraph()

    def _read_front_matter(self) -> Block | None:
        """Read names and values between `---` lines at the very top."""
        first = 0
        while first < len(self._lines) and not self._lines[first].strip():
            first += 1
        if first == len(self._lines) or self._lines[first].rstrip() != "---":
            return None
        if first and not (first + 1 < len(self._lines) and FIELD.match(self._lines[first + 1])):
            return None
        for number in range(first + 1, len(self._lines)):
            if self._lines[number].rstrip() in {"---", "..."}:
                block = self._block(first + 1, number, "fields") if number > first + 1 else None
                self._at = number + 1
                return block
        return None

    def _begins_comment(self, at: int) -> bool:
        """Return whether a comment begins here that also ends: one that does not is text, so that nothing gets lost."""
        return self._lines.start(at) < self._last_comment and COMMENT.match(self._lines[at]) is not None

    def _pass_comment(self) -> None:
        """Leave a comment out; what stands behind it in its last line is text again."""
        end = self._text.index("-->", self._text.index("<!--", self._lines.start(self._at)) + 2) + 3
        while self._lines.end(self._at) < end:
            self._at += 1
        self._lines.begin_later(self._at, end)
        self._apart = True

    def _read_fence(self, fence: str) -> Block:
        end = self._at + 1
        while end < len(self._lines):
            closing = self._lines[end].strip()
            end += 1
            if len(closing) >= len(fence) and not closing.strip(fence[0]):
                break
        return self._take(end, "lines")

    def _read_heading(self, end: int, level: int, title: str, *, text_end: int | None = None) -> Block | None:
        """Read the lines up to `end`, of which those before `text_end` have words in them."""
        at, self._at = self._at, end
        while self._path and self._path[-1][0] >= level:
            self._path.pop()
        until = end if text_end is None else text_end
        if not title.strip():
            return None
        plain = _strip_marks(title) if len(title) <= LONGEST_TITLE else ""
        if not plain:
            return self._block(at, until, "prose")
        self._path.append((level, plain))
        return self._block(at, until, "heading", says_more=WORD.findall(title) != WORD.findall(plain))

    def _read_paragraph(self) -> Block | None:
        first = self._lines[self._at]
        is_quote = QUOTE.match(first) is not None
        is_title = not is_quote and not ITEM.match(first)
        end = self._at + 1
        while end < len(self._lines):
            underline = UNDERLINE.fullmatch(self._lines[end]) if is_title else None
            if underline:
                title = " ".join(self._lines[number].strip() for number in range(self._at, end))
                return self._read_heading(end + 1, 1 if underline[1][0] == "=" else 2, title, text_end=end)
            if self._interrupts(end) or (not is_quote and QUOTE.match(self._lines[end])):
                break
            end += 1
        row = find_first_row([self._lines[number] for number in range(self._at, end)]) if is_title else None
        if row is None:
            return self._take(end, "prose")
        return self._take(self._at + row, "prose") if row else self._take(end, "lines")

    def _interrupts(self, at: int) -> bool:
        line = self._lines[at]
        return (
            not line.strip()
            or RULE.fullmatch(line) is not None
            or any(pattern.match(line) for pattern in (HEADING, FENCE, ITEM))
            or self._begins_comment(at)
            or self._opens_table(at)
        )

    def _opens_table(self, at: int) -> bool:
        return at + 1 < len(self._lines) and "|" in self._lines[at] and _is_delimiter(self._lines[at + 1])

    def _read_while(self, kind: Kind, belongs: Callable[[str], bool]) -> Block:
        end = self._at
        while end < len(self._lines) and belongs(self._lines[end]):
            end += 1
        return self._take(end, kind)

    def _take(self, end: int, kind: Kind) -> Block:
        at, self._at = self._at, end
        return self._block(at, end, kind)

    def _block(self, at: int, end: int, kind: Kind, *, says_more: bool = False) -> Block:
        headings = tuple(title for _, title in self._path)
        apart, self._apart = self._apart, False
        return Block(self._lines.start(at), self._lines.end(end - 1), kind, headings, says_more, apart)


def find_table_head(table: str) -> str:
    """Return the two lines above the body of a table, or the first of rows that names their columns; else nothing."""
    lines = table.split("\n", 2)
    if len(lines) > 2 and _is_delimiter(lines[1].rstrip("\r")):
        return "\n".join(line.rstrip("\r") for line in lines[:2])
    return find_rows_head(table)


def _is_delimiter(line: str) -> bool:
    """Return whether the line separates the head of a table from its body: `|---|:-:|`."""
    row = line.strip(" \t")
    if "|" not in row or "-" not in row or row.strip("|:- \t"):
        return False
    cells = row.removeprefix("|").removesuffix("|").split("|")
    return all(CELL.fullmatch(cell.strip(" \t")) for cell in cells)


def _strip_heading(rest: str) -> str:
    """Return the text of a heading, without the signs that open and close it."""
    title = rest.strip(" \t")
    bare = title.rstrip("#")
    return bare.rstrip(" \t") if not bare or bare[-1] in " \t" else title


def _strip_marks(title: str) -> str:
    """Strip links' addresses and marks from a heading; `__init__` is a name and stays."""
    words = UNDERSCORES.sub(lambda found: found[1] if " " in found[1] else found[0], LINK.sub(r"\1", title))
    return " ".join(MARKS.sub("", words).split())
