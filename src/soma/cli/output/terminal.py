"""The one place where the command line prints: what others wrote reaches the terminal as text, never as commands to it.

Escapes and other control characters of an answer, a memory, a name or an error would move the cursor, change the
title or write the clipboard. They are shown as symbols; JSON has them escaped. What draws nothing, such as a space
of no width, could hide words or make two names look alike: it is left out, but for what joins emoji and letters.
"""

import codecs
import json
import sys
from collections.abc import Iterable, Iterator
from typing import Any, NoReturn

import click
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from soma.agent.language.hidden import without_hidden

REFUSED = 1  # the exit code of every refusal

LONGEST_SIGN = 40  # characters of one emoji, with all that joins it
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
PICTURES = 0x2400  # of the first 32 control characters, in their order
DELETE, PICTURE_OF_DELETE = 0x7F, 0x2421
C1 = range(0x80, 0xA0)  # terminals take some of these as the beginning of a command
TURNS_TEXT_ROUND = (*range(0x202A, 0x202F), *range(0x2066, 0x206A))  # makes text read otherwise than it is written
SURROGATES = range(0xD800, 0xE000)  # halves of characters, which no terminal can be sent
LINE_SIGNS = (0x2028, 0x2029)

SYMBOLS = {code: PICTURES + code for code in range(0x20) if chr(code) not in "\n\t"}
SYMBOLS |= {DELETE: PICTURE_OF_DELETE}
SYMBOLS |= dict.fromkeys((*C1, *TURNS_TEXT_ROUND, *SURROGATES), ord(REPLACEMENT))
ESCAPES = {code: f"\\u{code:04x}" for code in (DELETE, *C1, *TURNS_TEXT_ROUND, *LINE_SIGNS, *SURROGATES)}


def visible(text: str) -> str:
    """Show control characters as symbols and leave out what draws nothing; lines and tabs stay what they are."""
    return without_hidden(_with_symbols(text))


class RunningText:
    """Text that is printed piece by piece: what joins two letters or emoji may stand between two pieces."""

    def __init__(self) -> None:
        self._last = ""

    def add(self, piece: str) -> str:
        """Return what of the piece can be shown."""
        before, self._last = self._last, self._last + _with_symbols(piece)
        shown = without_hidden(self._last)[len(without_hidden(before)) :]
        self._last = self._last[-LONGEST_SIGN:]
        return shown


class Screen(Console):
    """A console whose output holds no control character but those of its own styles."""

    def __init__(self, **options: Any) -> None:
        super().__init__(highlight=False, emoji=False, **options)

    def render_str(self, text: str, *args: Any, **options: Any) -> Text:
        """Clean before the layout, so that symbols are counted where lines are broken."""
        return super().render_str(visible(text), *args, **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Clean what came as a text object."""
        for text, style, control in super().render(renderable, options):
            yield Segment(text if control else visible(text), style, control)


console = Screen()
errors = Screen(stderr=True)


def write(text: str) -> None:
    """Print a piece of `RunningText` as it is: no markup, no second wrapping."""
    click.echo(_with_symbols(text), nl=False)


def _with_symbols(text: str) -> str:
    return text.replace("\r\n", "\n").translate(SYMBOLS)


def show_json(value: Any, *, indent: int | None = 2) -> None:
    """Print JSON in which every control character is escaped, also those that JSON itself would let through."""
    click.echo(json.dumps(value, indent=indent, ensure_ascii=False).translate(ESCAPES))


def escaped(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Escape the same in JSON that comes as bytes, however these were cut."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    for piece in pieces:
        yield decoder.decode(piece).translate(ESCAPES).encode()
    yield decoder.decode(b"", final=True).translate(ESCAPES).encode()


def fail(message: str, *, status: int = REFUSED) -> NoReturn:
    """Say what is wrong and end the command."""
    say(message)
    sys.exit(status)


def say(message: str) -> None:
    """Say what is wrong, in a line of its own."""
    errors.print("[red]soma:[/red]", end=" ")
    errors.print(message, soft_wrap=True, markup=False)
