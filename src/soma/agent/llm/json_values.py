"""JSON from providers, read without trust: almost-JSON is read too, and what storage refuses is removed. Pure."""

import json
from math import isfinite
from typing import Any

import msgspec

DEEPEST = 40  # levels of lists and objects in the arguments of a call
EXACT = 2**53  # from here on a float no longer holds every whole number
LONGEST_NUMBER = 40  # digits


class NotJSON(ValueError):
    """The text is not JSON, or it is nested too deeply."""


def decode(data: str | bytes) -> Any:
    """Decode a JSON text. NaN, lone surrogates and control characters pass: see `clean`."""
    text = data.decode("utf-8", "replace") if isinstance(data, bytes) else data
    text = text.lstrip("\ufeff")
    try:
        return msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeError):
        return _decode_leniently(text)
    except RecursionError as error:
        raise NotJSON(NotJSON.__doc__) from error


def arguments_of(raw: str) -> dict[str, Any] | None:
    """Return the arguments of a call; {} if there are none, None if they are not a JSON object."""
    if raw.strip() in ("", "null"):
        return {}
    try:
        value = decode(raw)
        value = decode(value) if isinstance(value, str) else value  # encoded twice
        return _clean(value, DEEPEST) if isinstance(value, dict) else None
    except NotJSON:
        return None


def clean(text: str) -> str:
    """Return a text that storage accepts: without NUL, surrogate pairs joined, lone surrogates replaced."""
    text = text.replace("\x00", "")
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def count_of(value: Any, *, most: int) -> int | None:
    """Return a whole number from 0 to `most`; None for anything else."""
    if isinstance(value, float) and isfinite(value) and value.is_integer():
        value = int(value)
    is_count = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most
    return value if is_count else None


def number_of(value: Any, *, least: float, most: float) -> float | None:
    """Return a number within bounds; None for anything else, including NaN."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most
    return float(value) if is_number else None


def objects_in(value: Any) -> list[dict[str, Any]]:
    """Return the objects of a list; a single object counts as a list of one."""
    return [item for item in (value if isinstance(value, list) else [value]) if isinstance(item, dict)]


def _clean(value: Any, depth: int) -> Any:
    """Return a value whose texts storage accepts. A whole number written as 5.0 becomes 5."""
    if depth < 0:
        raise NotJSON(NotJSON.__doc__)
    match value:
        case str():
            return clean(value)
        case dict():
            return {clean(name): _clean(inner, depth - 1) for name, inner in value.items()}
        case list():
            return [_clean(inner, depth - 1) for inner in value]
        case float() if not isfinite(value):
            raise NotJSON("JSON has neither NaN nor Infinity")
        case float() if value.is_integer() and abs(value) < EXACT:
            return int(value)
        case int() if abs(value) >= 10**LONGEST_NUMBER:
            raise NotJSON("a number has too many digits")
        case _:
            return value


def _decode_leniently(text: str) -> Any:
    try:
        return json.loads(text, strict=False, parse_int=_whole_number)
    except (ValueError, RecursionError) as error:
        raise NotJSON(NotJSON.__doc__) from error


def _whole_number(digits: str) -> int | float:
    """Parse digits as an int; as a float if there are more than Python parses quickly."""
    return int(digits) if len(digits) <= LONGEST_NUMBER else float(digits)
