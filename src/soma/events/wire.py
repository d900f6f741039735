"""JSON from outside that is none: where it breaks, said alike at every door."""

import re

import msgspec

EVERY_DECODING_FAULT = (msgspec.DecodeError, UnicodeError, RecursionError)
MALFORMED = re.compile(r"(?:JSON is malformed: )?(?P<what>.+) \(byte (?P<byte>\d+)\)")
ESCAPED = re.compile(r"\\\\|\\u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2}")  # a backslash, a whole pair
HALF = re.compile(r"\\u[dD][89a-fA-F][\da-fA-F]{2}(?=.)", re.DOTALL)
STOPS_AT_HALF = ("surrogate", "truncated")  # the decoder misses the other half, or the bytes that it would take


def told(sent: bytes | str, error: Exception) -> str:
    """What is wrong with the JSON in `sent`, and where; `error` is what the decoder said of it."""
    if isinstance(error, RecursionError):
        return "this is not JSON that can be read: it is nested too deeply"
    if isinstance(error, UnicodeError):
        return "this is not JSON: it is not text in UTF-8"
    if any(word in str(error) for word in STOPS_AT_HALF) and (half := _half_of_a_character(sent)):
        return f"this is not text: {half} is half of a character"
    if (found := MALFORMED.fullmatch(str(error))) is None:
        return "this is not JSON: it breaks off at its end, or within a character"
    content = sent.encode() if isinstance(sent, str) else sent
    before = content[: int(found["byte"])].decode(errors="replace")
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    return f"this is not JSON: {found['what']} in line {line}, column {column}"


def _half_of_a_character(sent: bytes | str) -> str | None:
    """The first escape of a surrogate that stands alone; JSON's grammar allows it, but no text holds it."""
    content = sent if isinstance(sent, str) else sent.decode(errors="replace")
    found = HALF.search(ESCAPED.sub("", content))
    return found.group() if found else None
