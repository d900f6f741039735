"""Passages of documents, cut into units that can be quoted: sentences, items, rows, answers. Pure.

A heading, a question and the head of a table say what their units are about, and are never quoted alone. Parts of a
document that were cut into several memories are read as one again.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Literal

from soma.agent.language.speech import LONGEST_LABEL, is_question
from soma.agent.language.words import sentences
from soma.agent.llm.base import MemoryPart

Kind = Literal["prose", "list", "table", "answer", "code"]

SOURCE = re.compile(r'(?P<name>.+?)(?:, "(?P<headings>.*)")?, lines? (?P<first>\d+)(?:-(?P<last>\d+))?')
ITEM = re.compile(r"[ \t]*(?:[-*+•]|\d{1,3}[.)])[ \t]+(?:\[[ xX]\][ \t]+)?(?=\S)")
NUMBERED = re.compile(r"[ \t]*\d{1,3}[.)][ \t]")
ASKED = re.compile(r"[ \t]*(?:\*\*)?(?:Q|F|P|Question|Frage|Pregunta)\d*(?:\*\*)?[.:](?:\*\*)?[ \t]*", re.IGNORECASE)
REPLIED = re.compile(
    r"[ \t]*(?:\*\*)?(?:A|R|Answer|Antwort|Réponse|Respuesta)\d*(?:\*\*)?[.:](?:\*\*)?[ \t]*", re.IGNORECASE
)
DELIMITER = re.compile(r"[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*")
QUOTED = re.compile(r"^(?:[ \t]*>[ \t]?)+")
MARKS = re.compile(r"\*\*|(?<!\w)__(?=\w)|(?<=\w)__(?!\w)")
FIELD = re.compile(r"[\w-]+[ \t]*:[ \t]+\S")
FENCE = re.compile(r"(`{3,}|~{3,})[^`]*\Z")  # one that is indented belongs to its item
MOST_CODE = 24  # lines of a listing that is quoted whole
DATE = re.compile(
    r"""["']?(?:date|created|(?:last[-_ ]?)?(?:updated|modified)|written|datum|stand|fecha)["']?[ \t]*[:=]"""
    r"""[ \t]*["']?[^a-z]{0,3}\d[\w ,.:+-]{3,30}["']?""",
)  # small letters, as in front matter: a mail has capitals
MAIL = re.compile(r"(?:From|To|Cc|Date|Sent|Subject|Von|An|Datum|Betreff|De|À|Objet|Para|Fecha|Asunto):[ \t]")


@dataclass(frozen=True, slots=True)
class Unit:
    """A piece of text to quote; `above` says what it is about: the head of its table, its question, the words before
    its list.

    `group` numbers what belongs together: the sentences of a paragraph, the items of a list, the rows of a table.
    """

    text: str
    above: str
    group: int
    kind: Kind
    memory: MemoryPart
    is_ordered: bool = False


@dataclass(frozen=True, slots=True)
class SourcePlace:
    """The place of a memory in a document, as its source says."""

    name: str
    headings: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Passage:
    """The units of a section of a document, from one memory or several. `title` is the headings above all of it."""

    title: str
    name: str
    units: tuple[Unit, ...]


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    memory: MemoryPart
    is_code: bool = False


def place_of(memory: MemoryPart) -> SourcePlace | None:
    """Return the place of a memory in its document; None for what somebody said."""
    found = SOURCE.fullmatch(memory.source or "") if memory.author is None else None
    if found is None:
        return None
    first = int(found["first"])
    return SourcePlace(found["name"], found["headings"] or "", first, int(found["last"] or first))


def read_documents(memories: Sequence[MemoryPart]) -> list[Passage]:
    """Return the passages of those memories that are parts of documents; consecutive parts make one passage."""
    placed = [(place, memory) for memory in memories if (place := place_of(memory))]
    in_order = sorted(placed, key=lambda one: (one[0].name, one[0].first, one[0].last))
    runs: list[list[tuple[SourcePlace, MemoryPart]]] = []
    for place, memory in in_order:
        before = runs[-1][-1][0] if runs else None
        follows = before and (before.name, before.headings) == (place.name, place.headings)
        if before and follows and place.first - before.last in (0, 1, 2):
            runs[-1].append((place, memory))
        else:
            runs.append([(place, memory)])
    return [_passage(run) for run in runs]


def _passage(run: Sequence[tuple[SourcePlace, MemoryPart]]) -> Passage:
    place = run[0][0]
    lines: list[_Line] = []
    for number, (part, memory) in enumerate(run):
        if number and part.first - run[number - 1][0].last > 1:
            lines.append(_Line("", memory))
        lines += _lines(part, memory)
    return Passage(place.headings, place.name, tuple(_units(lines)))


def _lines(place: SourcePlace, memory: MemoryPart) -> Iterator[_Line]:
    """Return the lines of a chunk without the line of its headings."""
    lines = memory.text.splitlines()
    if lines and place.headings and place.headings.endswith(lines[0].strip()) and lines[0].strip():
        lines = lines[1:]
    return (_Line(line, memory) for line in lines)


def _units(lines: Sequence[_Line]) -> Iterator[Unit]:
    above = ""
    blocks = list(_blocks(lines))
    for group, (block, after) in enumerate(zip(blocks, [*blocks[1:], []], strict=True)):
        first = block[0].text
        if block[0].is_code:
            yield from _code(block, above, group)
            above = ""
        elif MAIL.match(first):
            above = _join_lines(block)
        elif _is_fields(block):
            yield Unit(_join_lines(block), "", group, "table", block[0].memory)
            above = ""
        elif _is_table(block):
            yield from _rows(block, above, group)
            above = ""
        elif ITEM.match(first):
            yield from _items(block, above, group)
            above = ""
        elif ASKED.match(first):
            yield from _answers(block, group)
            above = ""
        elif _is_by_line(block):
            yield from (Unit(_plain([line]), above, group, "list", line.memory) for line in block)
            above = ""
        elif _is_label(block, after):
            above = _plain(block)
        else:
            text = _plain(block)
            yield from _prose(text, above, group, block[0].memory)
            above = text if text.endswith((":", "?")) else ""


def _blocks(lines: Sequence[_Line]) -> Iterator[list[_Line]]:
    """Split lines into code, lines that only date the document, and blocks of text."""
    for kind, run in groupby(_mark_code(lines), key=lambda line: (line.is_code, DATE.fullmatch(line.text) is not None)):
        part = list(run)
        yield from [part] if any(kind) else _text_blocks(part)


def _text_blocks(lines: Iterable[_Line]) -> Iterator[list[_Line]]:
    """Split lines at blank ones, and between lists, tables and text. Blank lines within a list split nothing."""
    block: list[_Line] = []
    for line in lines:
        text = QUOTED.sub("", line.text)
        if not text.strip() or text.strip(" \t-=*_") == "":
            if block and DELIMITER.fullmatch(text) and "|" in text:
                block.append(line)
                continue
            if block and not ITEM.match(block[0].text):
                yield block
                block = []
            continue
        is_item, is_row = bool(ITEM.match(text)), _is_row(text)
        if block:
            was_item, was_row = bool(ITEM.match(block[0].text)), _is_row(block[0].text)
            continues_item = was_item and (is_item or text[:1] in " \t")
            starts_anew = (is_item and not was_item) or (is_row != was_row) or (was_item and not continues_item)
            ends_fields = _is_fields(block) and not FIELD.match(text)
            if starts_anew or ends_fields:
                yield block
                block = []
        block.append(_Line(text, line.memory))
    if block:
        yield block


def _mark_code(lines: Iterable[_Line]) -> Iterator[_Line]:
    """Mark the lines between fences as code; the fences themselves are none of it, and blank lines there are kept."""
    fence = ""
    for line in lines:
        found = FENCE.match(line.text)
        if found and (not fence or found[1].startswith(fence)):
            fence = "" if fence else found[1]
            yield _Line("", line.memory)
        else:
            yield _Line(line.text, line.memory, is_code=True) if fence else line


def _code(block: Sequence[_Line], above: str, group: int) -> Iterator[Unit]:
    """Yield a listing whole, or, of a long one, what blank lines part: a line of it says little without the others."""
    runs: list[list[_Line]] = [[]]
    for line in block:
        if not line.text.strip() and len(block) > MOST_CODE:
            runs.append([])
        else:
            runs[-1].append(line)
    for run in runs:
        if text := "\n".join(line.text for line in run).strip("\n"):
            yield Unit(text, above, group, "code", run[0].memory)


def _is_fields(block: Sequence[_Line]) -> bool:
    """Return whether a block is the fields of a document or the head of a mail, which are no sentences."""
    is_mail = MAIL.match(block[0].text) is not None
    has_fields = all(FIELD.match(line.text) for line in block)
    return has_fields and (is_mail or len(block) > 1) and not ASKED.match(block[0].text)


def _is_by_line(block: Sequence[_Line]) -> bool:
    """Return whether most lines end early, where the next word had room: then each line stands for itself."""
    width = max(len(line.text) for line in block)
    room = [len(line.text) + 1 + len(following.text.split()[0]) <= width for line, following in pairwise(block)]
    return len(room) > 1 and 2 * sum(room) > len(room)


def _is_label(block: Sequence[_Line], after: Sequence[_Line]) -> bool:
    """Return whether a block is a short line without a full stop that names the list or table after it."""
    leads = bool(after) and (_is_table(after) or bool(ITEM.match(after[0].text)))
    return leads and len(block) == 1 and len(block[0].text.split()) <= LONGEST_LABEL and block[0].text[-1] not in ".!?"


def _is_row(text: str) -> bool:
    return text.lstrip().startswith("|") or text.count("|") > 1


def _is_table(block: Sequence[_Line]) -> bool:
    return _is_row(block[0].text)


def _rows(block: Sequence[_Line], above: str, group: int) -> Iterator[Unit]:
    """Yield each row with the names of its columns, as far as the head of the table is here."""
    has_head = len(block) > 1 and DELIMITER.fullmatch(block[1].text) is not None
    head = _cells(block[0].text) if has_head else []
    for line in block:
        if DELIMITER.fullmatch(line.text) or (cells := _cells(line.text)) == head:
            continue
        named = [
            f"{name}: {cell}" if name and cell else cell
            for name, cell in zip([*head, *[""] * len(cells)], cells, strict=False)
        ]
        text = "; ".join(part for part in named if part)
        if text:
            yield Unit(text, " ".join([above, *head]).strip(), group, "table", line.memory)


def _cells(row: str) -> list[str]:
    return [MARKS.sub("", cell.strip()) for cell in row.strip().strip("|").split("|")]


def _items(block: Sequence[_Line], above: str, group: int) -> Iterator[Unit]:
    item: list[_Line] = []
    for line in [*block, None]:
        if item and (line is None or ITEM.match(line.text)):
            text = MARKS.sub("", " ".join(part.text.strip() for part in item))
            yield Unit(text, above, group, "list", item[0].memory, bool(NUMBERED.match(item[0].text)))
            item = []
        if line is not None:
            item.append(line)


def _answers(block: Sequence[_Line], group: int) -> Iterator[Unit]:
    """Yield the text below a question, with or without a letter before it."""
    asked: list[str] = []
    said: list[_Line] = []
    for line in block:
        if reply := REPLIED.match(line.text):
            said.append(_Line(line.text[reply.end() :], line.memory))
        elif said:
            said.append(line)
        else:
            asked.append(ASKED.sub("", line.text).strip())
    if said:
        yield Unit(_plain(said), " ".join(asked), group, "answer", said[0].memory)


def _join_lines(block: Iterable[_Line]) -> str:
    return "; ".join(_plain([line]) for line in block)


def _plain(block: Iterable[_Line]) -> str:
    """Join lines: a single line end is a blank."""
    return " ".join(MARKS.sub("", " ".join(line.text for line in block)).split())


def _prose(text: str, above: str, group: int, memory: MemoryPart) -> Iterator[Unit]:
    """Yield sentences; a question stands above the sentence after it."""
    asked = above
    for sentence in sentences(text):
        if is_question(sentence):
            asked = sentence
            continue
        yield Unit(sentence, asked, group, "prose", memory)
        asked = above
