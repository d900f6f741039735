"""The structure of a text: blocks one after another, each under its headings. Markdown, or plain paragraphs."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

Kind = Literal["heading", "prose", "lines"]

HEADING = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*")
UNDERLINE = re.compile(r" {0,3}(=+|-+)[ \t]*")
FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
RULE = re.compile(r" {0,3}([-*_])[ \t]*(?:\1[ \t]*){2,}")
ITEM = re.compile(r"[ \t]*(?:[-*+]|\d{1,9}[.)])[ \t]+\S")
DELIMITERS = re.compile(r"(?=[^|]*\|)[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*")
LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
MARKS = re.compile(r"\*\*|__|`")


@dataclass(frozen=True, slots=True)
class Block:
    """Characters [start, end) that belong together. Too long ones are cut between sentences; `lines`, between lines."""

    start: int
    end: int
    kind: Kind
    headings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Line:
    start: int
    end: int
    text: str


def paragraphs(text: str) -> list[Block]:
    """What blank lines part."""
    blocks = []
    begun: _Line | None = None
    last: _Line | None = None
    for line in [*_lines(text), _Line(len(text), len(text), "")]:
        if line.text.strip():
            begun, last = begun or line, line
        elif begun and last:
            blocks.append(Block(begun.start, last.end, "prose"))
            begun = None
    return blocks


def markdown(text: str) -> list[Block]:
    """Headings, paragraphs, list items, tables and fenced code."""
    return _Markdown(text).read()


class _Markdown:
    """Reads line by line; each reader returns the number of the line after what it took."""

    def __init__(self, text: str) -> None:
        self._lines = list(_lines(text))
        self._path: list[tuple[int, str]] = []
        self._blocks: list[Block] = []

    def read(self) -> list[Block]:
        at = self._front_matter()
        while at < len(self._lines):
            at = self._next(at)
        return self._blocks

    def _next(self, at: int) -> int:
        line = self._lines[at].text
        if not line.strip():
            return at + 1
        if fence := FENCE.match(line):
            return self._fenced(at, fence[1])
        if heading := HEADING.fullmatch(line):
            return self._heading(at, at + 1, len(heading[1]), heading[2] or "")
        if RULE.fullmatch(line):
            return at + 1
        if self._opens_table(at):
            return self._while(at, "lines", lambda text: "|" in text)
        return self._paragraph(at)

    def _front_matter(self) -> int:
        """Names and values between `---` lines at the very top."""
        if self._lines and self._lines[0].text.rstrip() == "---":
            for number, line in enumerate(self._lines[1:], 1):
                if line.text.rstrip() in {"---", "..."}:
                    if number > 1:
                        self._add(1, number, "lines")
                    return number + 1
        return 0

    def _fenced(self, at: int, fence: str) -> int:
        end = at + 1
        while end < len(self._lines):
            closing = self._lines[end].text.strip()
            end += 1
            if len(closing) >= len(fence) and not closing.strip(fence[0]):
                break
        self._add(at, end, "lines")
        return end

    def _heading(self, at: int, end: int, level: int, title: str) -> int:
        while self._path and self._path[-1][0] >= level:
            self._path.pop()
        if plain := _plain(title):
            self._path.append((level, plain))
            self._add(at, end, "heading")
        return end

    def _paragraph(self, at: int) -> int:
        end = at + 1
        while end < len(self._lines):
            underline = UNDERLINE.fullmatch(self._lines[end].text)
            if underline and not ITEM.match(self._lines[at].text):
                title = " ".join(line.text.strip() for line in self._lines[at:end])
                return self._heading(at, end + 1, 1 if underline[1][0] == "=" else 2, title)
            if self._interrupts(end):
                break
            end += 1
        self._add(at, end, "prose")
        return end

    def _interrupts(self, at: int) -> bool:
        line = self._lines[at].text
        return (
            not line.strip()
            or any(pattern.fullmatch(line) for pattern in (HEADING, RULE))
            or any(pattern.match(line) for pattern in (FENCE, ITEM))
            or self._opens_table(at)
        )

    def _opens_table(self, at: int) -> bool:
        if "|" not in self._lines[at].text or at + 1 == len(self._lines):
            return False
        return DELIMITERS.fullmatch(self._lines[at + 1].text) is not None

    def _while(self, at: int, kind: Kind, belongs: Callable[[str], bool]) -> int:
        end = at
        while end < len(self._lines) and belongs(self._lines[end].text):
            end += 1
        self._add(at, end, kind)
        return end

    def _add(self, at: int, end: int, kind: Kind) -> None:
        headings = tuple(title for _, title in self._path)
        self._blocks.append(Block(self._lines[at].start, self._lines[end - 1].end, kind, headings))


def _lines(text: str) -> Iterator[_Line]:
    """Without their ends; only what ends a line in an editor does so here."""
    for match in re.finditer(r"([^\r\n]*)(\r\n|\r|\n|\Z)", text):
        if match.start() < len(text):
            yield _Line(match.start(), match.end(1), match[1])


def _plain(title: str) -> str:
    return " ".join(MARKS.sub("", LINK.sub(r"\1", title)).split())
