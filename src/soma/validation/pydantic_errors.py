"""Messages for what pydantic rejects: what is wanted, and what came. The twin for msgspec: `msgspec_errors.py`."""

from collections.abc import Mapping
from math import isnan
from typing import Any

LONGEST_ECHO = 40  # characters of what came
UNECHOED = {"missing", "extra_forbidden", "value_error", "string_too_short", "string_too_long", "too_short", "too_long"}
BOUNDS = ("greater_than", "less_than")
WANTED = {
    "missing": "this is required",
    "extra_forbidden": "there is no such field",
    "string_type": "text is wanted",
    "string_pattern_mismatch": (
        "lower-case letters, digits, - and _ are wanted, at most 63, the first a letter or digit"
    ),
    "string_too_short": "at least {min_length} characters are wanted",
    "string_too_long": "at most {max_length} characters are wanted",
    "too_short": "at least {min_length} entries are wanted, not {actual_length}",
    "too_long": "at most {max_length} entries are wanted, not {actual_length}",
    "greater_than": "more than {gt} is wanted",
    "greater_than_equal": "at least {ge} is wanted",
    "less_than": "less than {lt} is wanted",
    "less_than_equal": "at most {le} is wanted",
    "literal_error": "{expected} is wanted",
    "enum": "{expected} is wanted",
    "value_error": "{error}",
}
KINDS = {
    "int": "a whole number is wanted",
    "float": "a number is wanted",
    "finite": "a number is wanted",
    "bool": "true or false is wanted",
    "list": "a list is wanted",
    "dict": "an object is wanted",
    "model": "an object is wanted",
    "path": "a path is wanted",
}


def describe_requirement(fault: Mapping[str, Any]) -> str:
    """What would have been right, without what came: that may be a secret."""
    kind = str(fault["type"])
    if kind.startswith(BOUNDS) and _is_nan(fault.get("input")):
        kind = "finite"
    if kind in WANTED:
        return _singular(WANTED[kind].format(**fault.get("ctx", {})))
    return KINDS.get(kind.partition("_")[0], "this cannot be read")


def describe_pydantic_error(fault: Mapping[str, Any]) -> str:
    """What would have been right, and what came instead."""
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
    """What is no number is neither above nor below a bound, so pydantic names a bound that says nothing."""
    try:
        return isinstance(value, str | float) and isnan(float(value))
    except ValueError:
        return False


def _singular(text: str) -> str:
    return text.replace(" 1 characters are", " 1 character is").replace(" 1 entries are", " 1 entry is")
