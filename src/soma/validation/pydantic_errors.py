"""Messages for what pydantic rejects: the requirement, and what came instead. For msgspec: `msgspec_errors.py`."""

from collections.abc import Mapping
from math import isnan
from typing import Any

LONGEST_ECHO = 40  # characters of what came
UNECHOED = {"missing", "extra_forbidden", "value_error", "string_too_short", "string_too_long", "too_short", "too_long"}
BOUNDS = ("greater_than", "less_than")
REQUIREMENTS = {
    "missing": "required",
    "extra_forbidden": "unknown field",
    "string_type": "must be text",
    "string_pattern_mismatch": "must be at most 63 lower-case letters, digits, - and _, the first a letter or digit",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "too_short": "must have at least {min_length} entries, not {actual_length}",
    "too_long": "must have at most {max_length} entries, not {actual_length}",
    "greater_than": "must be greater than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "literal_error": "must be {expected}",
    "enum": "must be {expected}",
    "value_error": "{error}",
}
KINDS = {
    "int": "a whole number",
    "float": "a number",
    "finite": "a number",
    "bool": "true or false",
    "list": "a list",
    "dict": "an object",
    "model": "an object",
    "path": "a path",
}


def describe_requirement(fault: Mapping[str, Any]) -> str:
    """Describe what would have been right, without what came: that may be a secret."""
    kind = str(fault["type"])
    if kind.startswith(BOUNDS) and _is_nan(fault.get("input")):
        kind = "finite"
    if kind in REQUIREMENTS:
        return _to_singular(REQUIREMENTS[kind].format(**fault.get("ctx", {})))
    return f"must be {KINDS.get(kind.partition('_')[0], 'a valid value')}"


def describe_pydantic_error(fault: Mapping[str, Any]) -> str:
    """Describe what would have been right, and what came instead."""
    if fault["type"] in UNECHOED:
        return describe_requirement(fault)
    return f"{describe_requirement(fault)}, not {_describe_input(fault.get('input'))}"


def _describe_input(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case list():
            return "a list"
        case dict():
            return "an object"
    shown = repr(value)
    return shown if len(shown) <= LONGEST_ECHO else f"{shown[:LONGEST_ECHO]}..."


def _is_nan(value: Any) -> bool:
    """Return whether it is NaN, which no bound admits: pydantic then names a bound that says nothing."""
    try:
        return isinstance(value, str | float) and isnan(float(value))
    except ValueError:
        return False


def _to_singular(text: str) -> str:
    return text.replace(" 1 characters", " 1 character").replace(" 1 entries", " 1 entry")
