"""JSON from outside that is none: where it breaks, said alike at every door."""

import re

import msgspec

EVERY_DECODING_FAULT = (msgspec.DecodeError, UnicodeError, RecursionError)
MALFORMED = re.compile(r"(?:JSON is malformed: )?(?P<what>.+) \(byte (?P<byte>\d+)\)")


def told(sent: bytes | str, error: Exception) -> str:
    """What is wrong with the JSON in `sent`, and where; `error` is what the decoder said of it."""
    if isinstance(error, RecursionError):
        return "this is not JSON that can be read: it is nested too deeply"
    if isinstance(error, UnicodeError):
        return "this is not JSON: it is not text in UTF-8"
    if (found := MALFORMED.fullmatch(str(error))) is None:
        return "this is not JSON: it breaks off at its end, or within a character"
    content = sent.encode() if isinstance(sent, str) else sent
    before = content[: int(found["byte"])].decode(errors="replace")
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    return f"this is not JSON: {found['what']} in line {line}, column {column}"
