"""The terminal: all printing of the command line. Foreign text is never executed by the terminal.

Control characters in an answer, a memory, a name or an error would move the cursor, change the title or write the
clipboard. They are shown as symbols; JSON has them escaped. Invisible characters, such as a zero-width space, could
hide words or make two names look alike: they are left out, except for those that join emoji and letters.
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
BIDI_CONTROLS = (*range(0x202A, 0x202F), *range(0x2066, 0x206A))  # these change the order in which text is read
SURROGATES = range(0xD800, 0xE000)  # halves of characters, which cannot be encoded
LINE_SIGNS = (0x2028, 0x2029)

SYMBOLS = {code: PICTURES + code for code in range(0x20) if chr(code) not in "\n\t"}
SYMBOLS |= {DELETE: PICTURE_OF_DELETE}
SYMBOLS |= dict.fromkeys((*C1, *BIDI_CONTROLS, *SURROGATES), ord(REPLACEMENT))
ESCAPES = {code: f"\\u{code:04x}" for code in (DELETE, *C1, *BIDI_CONTROLS, *LINE_SIGNS, *SURROGATES)}


def visible(text: str) -> str:
    """Show control characters as symbols and leave out invisible ones; line ends and tabs stay."""
    return without_hidden(_with_symbols(text))


class RunningText:
    """Text that is printed in pieces; characters that join letters or emoji may be divided between two pieces."""

    def __init__(self) -> None:
        self._last = ""

    def add(self, piece: str) -> str:
        """Return the visible part of the piece."""
        before, self._last = self._last, self._last + _with_symbols(piece)
        shown = without_hidden(self._last)[len(without_hidden(before)) :]
        self._last = self._last[-LONGEST_SIGN:]
        return shown


class Screen(Console):
    """A console that prints no control characters except those of its own styles."""

    def __init__(self, **options: Any) -> None:
        super().__init__(highlight=False, emoji=False, **options)

    def render_str(self, text: str, *args: Any, **options: Any) -> Text:
        """Replace control characters before the layout, so that line breaks count the symbols."""
        return super().render_str(visible(text), *args, **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Replace control characters in text objects, which `render_str` does not see."""
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
    """Print JSON with every control character escaped, including those that JSON allows."""
    click.echo(json.dumps(value, indent=indent, ensure_ascii=False).translate(ESCAPES))


def escape_json(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Escape control characters as `show_json` does, in JSON that arrives in pieces of bytes."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    for piece in pieces:
        yield decoder.decode(piece).translate(ESCAPES).encode()
    yield decoder.decode(b"", final=True).translate(ESCAPES).encode()


def fail(message: str, *, status: int = REFUSED) -> NoReturn:
    """Print an error and end the command."""
    show_error(message)
    sys.exit(status)


def show_error(message: str) -> None:
    """Print an error on a line of its own."""
    errors.print("[red]soma:[/red]", end=" ")
    errors.print(message, soft_wrap=True, markup=False)
