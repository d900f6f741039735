"""Messages for malformed JSON and queries, shared by all endpoints: what is wrong, and where."""

import json
import re
from typing import Any
from urllib.parse import unquote_to_bytes

import msgspec

DECODING_ERRORS = (msgspec.DecodeError, UnicodeError, RecursionError)
MALFORMED = re.compile(r"(?:JSON is malformed: )?(?P<what>.+) \(byte (?P<byte>\d+)\)")
ESCAPED = re.compile(r"\\\\|\\u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2}")  # a backslash, a whole pair
HALF = re.compile(r"\\u[dD][89a-fA-F][\da-fA-F]{2}(?=.)", re.DOTALL)
TOO_LARGE = ("Number out of range", "Integer value out of range")
NUMBER_TOO_LARGE = "a number is too large"
STOPS_AT_HALF = ("surrogate", "truncated")  # the decoder misses the other half, or the bytes that it would take


def describe_json_error(sent: bytes | str, error: Exception) -> str:
    """Describe what is wrong with the JSON in `sent`, and where; `error` is the decoder's."""
    if isinstance(error, RecursionError):
        return "not valid JSON: nested too deeply"
    if isinstance(error, UnicodeError):
        return "not valid JSON: not text in UTF-8"
    if str(error).startswith(TOO_LARGE):
        return f"not valid JSON: {NUMBER_TOO_LARGE}"
    if any(word in str(error) for word in STOPS_AT_HALF) and (half := _find_half_character(sent)):
        return f"not valid text: {half} is half of a character"
    if (found := MALFORMED.fullmatch(str(error))) is None:
        return "not valid JSON: it breaks off at its end, or within a character"
    content = sent.encode() if isinstance(sent, str) else sent
    before = content[: int(found["byte"])].decode(errors="replace")
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    return f"not valid JSON: {found['what']} in line {line}, column {column}"


def find_repeated_name(sent: bytes | str) -> str | None:
    """Return the first name that an object of `sent`, which is JSON, has twice: nobody can know which is meant."""
    text = sent if isinstance(sent, str) else sent.decode()
    try:
        json.loads(text, object_pairs_hook=_object, parse_int=len, parse_float=len, strict=False)
    except _Repeated as repeated:
        return str(repeated)
    except RecursionError:  # deeper than is read at any door
        return None
    return None


def find_undecodable_parameter(query: bytes | str) -> str | None:
    """Return the name of the first parameter of a query that is not text in UTF-8."""
    for pair in (query if isinstance(query, bytes) else query.encode(errors="surrogateescape")).split(b"&"):
        try:
            unquote_to_bytes(pair).decode()
        except UnicodeDecodeError:
            return unquote_to_bytes(pair.partition(b"=")[0]).decode(errors="replace")
    return None


class _Repeated(Exception):
    """An object has a name twice."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise _Repeated(next(name for name in names if names.count(name) > 1))
    return found


def _find_half_character(sent: bytes | str) -> str | None:
    """Return the first escape of a lone surrogate: JSON's grammar allows it, but no text holds it."""
    content = sent if isinstance(sent, str) else sent.decode(errors="replace")
    found = HALF.search(ESCAPED.sub("", content))
    return found.group() if found else None
