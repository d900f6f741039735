"""The lines of a text, kept as their places alone: a text of line ends costs sixteen bytes a line."""

import re
from array import array

LINE = re.compile(r"([^\r\n]*+)(?:\r\n|\r|\n|\Z)")
BYTE_ORDER_MARK = "\ufeff"


class TextLines:
    """Lines without their ends; only what ends a line in an editor does so here. A byte order mark belongs to none."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._starts, self._ends = array("q"), array("q")
        for match in LINE.finditer(text, len(BYTE_ORDER_MARK) if text.startswith(BYTE_ORDER_MARK) else 0):
            if match.start() < len(text):
                self._starts.append(match.start())
                self._ends.append(match.end(1))

    def __len__(self) -> int:
        return len(self._starts)

    def __getitem__(self, number: int) -> str:
        return self._text[self._starts[number] : self._ends[number]]

    def start(self, number: int) -> int:
        return self._starts[number]

    def end(self, number: int) -> int:
        return self._ends[number]

    def begin_later(self, number: int, start: int) -> None:
        """Let a line begin at `start`, for what stands before it was read already."""
        self._starts[number] = start
