"""Text of an answer, from its pieces: halves of characters joined, thinking before the answer left out. Pure."""

import re

from soma.agent.llm.json_values import clean

THINKING_TAGS = ("think", "thinking", "thought", "reasoning")
MOST_HELD = 1_000  # blanks before an answer that may still open with a thought
TAG = re.compile(rf"</?({'|'.join(THINKING_TAGS)})>", re.IGNORECASE)
TAG_BEGUN = re.compile(r"</?[a-z]{0,9}$", re.IGNORECASE)
QUOTES = {"`", "'", '"'}  # before a tag that is only quoted


class PieceJoiner:
    """Cleans the pieces of one text. The first half of a surrogate pair waits for the second."""

    def __init__(self) -> None:
        self._half = ""

    def add(self, piece: str) -> str:
        text = self._half + piece.replace("\x00", "")
        self._half = text[-1:] if "\ud800" <= text[-1:] <= "\udbff" else ""
        return clean(text[: len(text) - len(self._half)])

    def end(self) -> str:
        half, self._half = self._half, ""
        return clean(half)


class ThinkingFilter:
    """Removes `<think>...</think>` blocks before the answer. Within the answer such a tag is text.

    Some servers omit the opening tag: then `takes_back` says that all before the newest piece was thinking.
    """

    def __init__(self) -> None:
        self.has_thought = False
        self.takes_back = False
        self._held = ""
        self._said_last = ""
        self._closing = ""
        self._is_answering = self._is_plain = False

    def add(self, piece: str) -> str:
        self.takes_back = False
        if self._is_plain:
            return piece
        self._held += piece
        while not self._is_answering:
            if self._closing and not self._skip_thought():
                return ""
            if (found := self._opening()) is None:
                return ""
            self._is_answering = not found
        return self._answer()

    def end(self) -> str:
        """Return what was held back because a tag might have begun."""
        held = "" if self._closing else self._held
        self._held = ""
        return held.lstrip() if self.has_thought else held

    def _skip_thought(self) -> bool:
        """Return whether the thought has ended; drop what cannot be part of its closing tag."""
        found = re.search(self._closing, self._held, re.IGNORECASE)
        if found is None:
            self._held = self._held[-len(self._closing) :]
            return False
        self._held = self._held[found.end() :]
        self._closing = ""
        return True

    def _opening(self) -> bool | None:
        """Return whether a thought begins here; None if the next piece decides."""
        begin = self._held.lstrip()
        for tag in THINKING_TAGS:
            if begin[: len(tag) + 2].lower() == f"<{tag}>":
                self.has_thought, self._closing = True, f"</{tag}>"
                self._held = begin[len(tag) + 2 :]
                return True
        may_begin = any(f"<{tag}>".startswith(begin.lower()) for tag in THINKING_TAGS)
        return None if may_begin and len(self._held) < MOST_HELD else False

    def _answer(self) -> str:
        """Return the answer. A closing tag that nothing has opened means that all before it was thinking."""
        text, self._held = self._held, ""
        if self.has_thought:
            return self._begin(text)
        if (tag := TAG.search(text)) is None:
            begun = TAG_BEGUN.search(text)
            at = begun.start() if begun else len(text)
            self._held = text[at:]
            self._said_last = (self._said_last + text[:at])[-1:]
            return text[:at]
        before = (self._said_last + text[: tag.start()])[-1:]
        if not tag[0].startswith("</") or before in QUOTES:
            self._is_plain = True
            return text
        self.has_thought = self.takes_back = True
        return self._begin(text[tag.end() :])

    def _begin(self, text: str) -> str:
        """Return the beginning of the answer after a thought, without leading blanks."""
        text = text.lstrip()
        self._is_plain = bool(text)
        return text
