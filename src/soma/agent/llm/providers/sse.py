"""Server-sent events, decoded from bytes however they were cut. Pure.

Lines end at CR, LF or CRLF only (WHATWG HTML 9.2.6): `str.splitlines` would also cut a JSON text at U+2028. Beyond the
standard, events of JSON objects may be one newline apart, and a line may be an object without `data:` before it.
"""

from dataclasses import dataclass

MAX_EVENT_BYTES = 4_000_000
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class ServerSentEvent:
    event: str
    data: str


class EventTooLong(Exception):
    """The event is longer than `MAX_EVENT_BYTES`: an attack or a broken server."""

    code = "event_too_long"


class EventDecoder:
    """Decodes a stream.

    `feed` returns the events that a piece completes, `flush` one that lacks its last blank line.
    """

    def __init__(self) -> None:
        self._rest: list[bytes] = []  # of the line that has not ended
        self._size = 0
        self._has_begun = False
        self._name = ""
        self._data: list[str] = []
        self._held = 0

    def feed(self, piece: bytes) -> list[ServerSentEvent]:
        self._size += len(piece)
        if self._has_begun and not self._ends_line(piece):
            self._rest.append(piece)
            lines: list[bytes] = []
        else:
            *lines, rest = _lines(self._strip_mark(b"".join([*self._rest, piece])))
            self._rest, self._size = [rest], len(rest)
        events = [event for line in lines for event in self._line(line)]
        if self._size + self._held > MAX_EVENT_BYTES:
            raise EventTooLong(f"an event is longer than {MAX_EVENT_BYTES:,} bytes")
        return events

    def flush(self) -> list[ServerSentEvent]:
        rest = b"".join(self._rest).rstrip(b"\r\n")
        self._rest, self._size = [], 0
        return [*(self._line(rest) if rest else ()), *self._dispatch()]

    def _ends_line(self, piece: bytes) -> bool:
        """Return whether a line ends with this piece: only then are the pieces joined and searched."""
        return b"\n" in piece or b"\r" in piece or (bool(self._rest) and self._rest[-1].endswith(b"\r"))

    def _strip_mark(self, text: bytes) -> bytes:
        """Remove the byte order mark at the very beginning."""
        if self._has_begun or BYTE_ORDER_MARK.startswith(text):
            return text
        self._has_begun = True
        return text.removeprefix(BYTE_ORDER_MARK)

    def _line(self, line: bytes) -> list[ServerSentEvent]:
        if not line:
            return self._dispatch()
        text = line.decode("utf-8", "replace")
        field, _, value = ("data", ":", text) if text.startswith("{") else text.partition(":")
        value = value.removeprefix(" ")
        ended = self._dispatch() if field == "data" and self._begins_another(value) else []
        if field == "data":
            self._data.append(value)
            self._held += len(line)
        elif field == "event":
            self._name = value
        return ended

    def _begins_another(self, value: str) -> bool:
        """Return whether `value` begins a new event: no JSON text goes on after its object has closed."""
        held = self._data[-1].rstrip() if self._data else ""
        return held.endswith("}") and value.lstrip().startswith(("{", "[DONE]", '"[DONE]'))

    def _dispatch(self) -> list[ServerSentEvent]:
        events = [ServerSentEvent(self._name, "\n".join(self._data))] if self._data else []
        self._name, self._data, self._held = "", [], 0
        return events


def _lines(text: bytes) -> list[bytes]:
    """Split into lines. A CR at the very end stays in the rest, because an LF may follow it."""
    held = b"\r" if text.endswith(b"\r") else b""
    whole = text.removesuffix(held) if held else text
    *lines, rest = whole.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    return [*lines, rest + held]
