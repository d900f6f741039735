"""JSON from a provider, read without trust: almost JSON is read too, and what no storage takes is taken out. Pure."""

import json
from math import isfinite
from typing import Any

import msgspec

DEEPEST = 40  # levels of lists and objects in the arguments of a call
EXACT = 2**53  # from here on a float no longer holds every whole number
LONGEST_NUMBER = 40  # digits


class NotJSON(ValueError):
    """The text is not JSON, or goes deeper than anything is read."""


def decode(data: str | bytes) -> Any:
    """The value of a JSON text. NaN, halves of surrogate pairs and control characters are let through: see `clean`."""
    text = data.decode("utf-8", "replace") if isinstance(data, bytes) else data
    text = text.lstrip("\ufeff")
    try:
        return msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeError):
        return _decode_leniently(text)
    except RecursionError as error:
        raise NotJSON(NotJSON.__doc__) from error


def arguments_of(raw: str) -> dict[str, Any] | None:
    """The arguments of a call; {} where there are none, None where they are not a JSON object."""
    if raw.strip() in ("", "null"):
        return {}
    try:
        value = decode(raw)
        value = decode(value) if isinstance(value, str) else value  # encoded twice
        return _clean(value, DEEPEST) if isinstance(value, dict) else None
    except NotJSON:
        return None


def clean(text: str) -> str:
    """`text` as storage takes it: no NUL, halves of surrogate pairs joined, and a lone half replaced."""
    text = text.replace("\x00", "")
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def count_of(value: Any, *, most: int) -> int | None:
    """A whole number from 0 to `most`; None for anything else."""
    if isinstance(value, float) and isfinite(value) and value.is_integer():
        value = int(value)
    is_count = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most
    return value if is_count else None


def number_of(value: Any, *, least: float, most: float) -> float | None:
    """A number within bounds; None for anything else, NaN included."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most
    return float(value) if is_number else None


def objects_in(value: Any) -> list[dict[str, Any]]:
    """The objects of a list; a single object stands for a list of one."""
    return [item for item in (value if isinstance(value, list) else [value]) if isinstance(item, dict)]


def _clean(value: Any, depth: int) -> Any:
    """The value with texts that storage takes. A whole number written as 5.0 is 5: JSON has one kind of number."""
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
    """Numbers of thousands of digits are refused by Python, for the time they take."""
    return int(digits) if len(digits) <= LONGEST_NUMBER else float(digits)
