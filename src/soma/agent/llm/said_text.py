"""The text of an answer as its pieces come: halves of characters joined, thinking before the answer left out. Pure."""

from soma.agent.llm.json_values import clean

THINKING_TAGS = ("think", "thinking", "thought", "reasoning")
MOST_HELD = 1_000  # blanks before an answer that may still open with a thought


class PieceJoiner:
    """Cleans pieces of one text; the first half of a surrogate pair waits for the piece with the other."""

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
    """Leaves out `<think>...</think>` blocks that stand before the answer. Within the answer such a tag is text."""

    def __init__(self) -> None:
        self.has_thought = False
        self._held = ""
        self._closing = ""
        self._is_answering = False

    @property
    def is_thinking(self) -> bool:
        return bool(self._closing)

    def add(self, piece: str) -> str:
        if self._is_answering:
            return piece
        self._held += piece
        while True:
            if self._closing and not self._skip_thought():
                return ""
            if (found := self._opening()) is None:
                return ""
            if not found:
                return self._answer()

    def end(self) -> str:
        """What was held back because a tag might have begun."""
        held = "" if self._closing else self._held
        self._held = ""
        return held.lstrip() if self.has_thought else held

    def _skip_thought(self) -> bool:
        """Whether the thought has ended; what cannot be part of its closing tag is dropped."""
        at = self._held.lower().find(self._closing)
        if at < 0:
            self._held = self._held[-len(self._closing) :]
            return False
        self._held = self._held[at + len(self._closing) :]
        self._closing = ""
        return True

    def _opening(self) -> bool | None:
        """Whether a thought begins here; None where the next piece decides."""
        begin = self._held.lstrip()
        for tag in THINKING_TAGS:
            if begin[: len(tag) + 2].lower() == f"<{tag}>":
                self.has_thought, self._closing = True, f"</{tag}>"
                self._held = begin[len(tag) + 2 :]
                return True
        may_begin = any(f"<{tag}>".startswith(begin.lower()) for tag in THINKING_TAGS)
        return None if may_begin and len(self._held) < MOST_HELD else False

    def _answer(self) -> str:
        self._is_answering = True
        text, self._held = self._held, ""
        return text.lstrip() if self.has_thought else text
