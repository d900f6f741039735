"""Tool calls that a model writes into its text, if the server has no parser for its template. Pure.

Such a call is `<tool_call>{"name": ..., "arguments": {...}}</tool_call>`; the last may lack its closing tag. A tag
after a quote sign or within a fence of backticks is text.
"""

from typing import Any, NamedTuple

from soma.agent.llm.json_values import NotJSON, decode
from soma.agent.llm.providers.answer_text import QUOTES

OPENING, CLOSING = "<tool_call>", "</tool_call>"
FENCE = "```"
LONGEST_LINE, ENDS = 200, 50  # characters of a line that are kept, whole or of both its ends


class WrittenCall(NamedTuple):
    """A call. The name is empty if the block is none; then `arguments` is the block as it came."""

    name: str
    arguments: Any


class WrittenCalls:
    """Takes the calls out of a text that comes in pieces, and holds back what may belong to one."""

    def __init__(self) -> None:
        self.found: list[WrittenCall] = []
        self._held = ""
        self._block: list[str] = []  # of the call that has begun
        self._line = ""  # both ends of the last line that was given out
        self._is_fenced = self._is_in_call = False

    def add(self, piece: str) -> str:
        """Return what is certainly text."""
        self._held += piece
        said = ""
        while (tag := CLOSING if self._is_in_call else OPENING) in self._held:
            before, _, after = self._held.partition(tag)
            if self._is_in_call:
                self._take(before)
            elif self._is_spoken_of(before):
                said += self._give(before + tag)
            else:
                said += self._give(before)
                self._is_in_call = True
            self._held = after
        text = self._all_but_a_beginning()
        if not self._is_in_call:
            return said + self._give(text)
        self._block.append(text)
        return said

    def end(self) -> str:
        """Return what was held back because a tag might have begun. A call without its closing tag ends here."""
        held, self._held = self._held, ""
        if not self._is_in_call:
            return self._give(held)
        self._take(held)
        return ""

    def _take(self, block: str) -> None:
        self.found.append(_call_of("".join([*self._block, block]).strip()))
        self._block, self._is_in_call = [], False

    def _all_but_a_beginning(self) -> str:
        """Return all but the end that may begin the next tag."""
        tag = CLOSING if self._is_in_call else OPENING
        sizes = range(min(len(tag) - 1, len(self._held)), 0, -1)
        kept = next((size for size in sizes if tag.startswith(self._held[-size:])), 0)
        text, self._held = self._held[: len(self._held) - kept], self._held[len(self._held) - kept :]
        return text

    def _give(self, text: str) -> str:
        *lines, last = (self._line + text).split("\n")
        for line in lines:
            self._is_fenced ^= line.lstrip().startswith(FENCE)
        self._line = last if len(last) <= LONGEST_LINE else last[:ENDS] + last[-ENDS:]
        return text

    def _is_spoken_of(self, before: str) -> bool:
        *lines, last = (self._line + before).split("\n")
        fences = sum(line.lstrip().startswith(FENCE) for line in lines)
        return bool(self._is_fenced ^ bool(fences % 2)) or last[-1:] in QUOTES or last.lstrip().startswith(FENCE)


def _call_of(block: str) -> WrittenCall:
    try:
        value = decode(block)
    except NotJSON:
        value = None
    match value:
        case {"name": str(name)} if name.strip():
            return WrittenCall(name, value.get("arguments", value.get("parameters")))
        case _:
            return WrittenCall("", block)
