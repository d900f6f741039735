"""The day of each chunk: that of the innermost heading above it that has one, else the document's. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from soma.memory.documents.blocks import Block
from soma.memory.documents.dates import find_date, find_day_of_line


@dataclass(frozen=True, slots=True)
class Days:
    """The days of a document; `own` is its own. A title stands above all of it, and adds nothing to `own`."""

    own: date | None
    has_title: bool = False

    def day_of(self, headings: Sequence[str]) -> date | None:
        sections = headings[1:] if self.has_title else headings
        return next((day for heading in reversed(sections) if (day := find_day_of_line(heading))), self.own)


def days_of(text: str, name: str, blocks: Iterable[Block]) -> Days:
    """Find the days of a document of these blocks. What stands under the heading of a section never dates all of it."""
    headings = (block for block in blocks if block.kind == "heading")
    first = next(headings, None)
    if first is None:
        return Days(find_date(text, name))
    second = next(headings, None)
    if second is None:
        return Days(find_date(text, name), has_title=True)
    has_title = all(len(block.headings) > 1 for block in (second, *headings))
    opening = second.start if has_title else first.start
    return Days(find_date(text[:opening], name), has_title=has_title)
