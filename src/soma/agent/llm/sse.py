"""Server-sent events out of bytes, however they were cut. Pure.

Lines end at CR, LF or CRLF only (WHATWG HTML 9.2.6): `str.splitlines` would also cut a JSON text at U+2028.
"""

from dataclasses import dataclass

MAX_EVENT_BYTES = 4_000_000


@dataclass(frozen=True, slots=True)
class ServerSentEvent:
    event: str
    data: str


class EventTooLong(Exception):
    """The world's: an event beyond `MAX_EVENT_BYTES` is an attack or a broken server."""

    code = "event_too_long"


class EventDecoder:
    """`feed` gives the events that a piece completes; `flush` the one that a missing last blank line holds back."""

    def __init__(self) -> None:
        self._buffer = b""
        self._name = ""
        self._data: list[str] = []
        self._held = 0

    def feed(self, piece: bytes) -> list[ServerSentEvent]:
        *lines, self._buffer = _lines(self._buffer + piece)
        if len(self._buffer) + self._held > MAX_EVENT_BYTES:
            raise EventTooLong(f"an event is longer than {MAX_EVENT_BYTES:,} bytes")
        return [event for line in lines if (event := self._line(line)) is not None]

    def flush(self) -> list[ServerSentEvent]:
        rest, self._buffer = self._buffer.rstrip(b"\r\n"), b""
        ended = [self._line(rest) if rest else None, self._line(b"")]
        return [event for event in ended if event is not None]

    def _line(self, line: bytes) -> ServerSentEvent | None:
        if not line:
            return self._dispatch()
        field, _, value = line.decode("utf-8", "replace").partition(":")
        value = value.removeprefix(" ")
        if field == "data":
            self._data.append(value)
            self._held += len(value)
        elif field == "event":
            self._name = value
        return None

    def _dispatch(self) -> ServerSentEvent | None:
        event = ServerSentEvent(self._name, "\n".join(self._data)) if self._data else None
        self._name, self._data, self._held = "", [], 0
        return event


def _lines(text: bytes) -> list[bytes]:
    """A CR at the very end stays in the rest: an LF may follow it."""
    held = b"\r" if text.endswith(b"\r") else b""
    whole = text.removesuffix(held) if held else text
    *lines, rest = whole.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    return [*lines, rest + held]
