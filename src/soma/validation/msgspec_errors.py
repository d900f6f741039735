"""Messages for what msgspec rejects: the requirement, and what came instead. For pydantic: `pydantic_errors.py`."""

import re
from collections.abc import Sequence
from typing import Any

from soma.validation.json_errors import NUMBER_TOO_LARGE, TOO_LARGE

KINDS = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
}
UNITS = {"str": ("character", "characters"), "array": ("entry", "entries"), "object": ("entry", "entries")}
BOUNDS = {">=": "at least", "<=": "at most", ">": "greater than", "<": "less than"}
EXPECTED = re.compile(
    r"Expected `(?P<kinds>[^`]+)`"
    r"(?: of length (?P<side>[<>]=) (?P<length>\d+)| (?P<bound>[<>]=?) (?P<limit>\S+))?"
    r"(?:, got `(?P<came>[^`]+)`)?"
)
FIELDS = {"missing required": "required", "contains unknown": "unknown field"}


def describe_msgspec_error(message: str, choices: Sequence[Any] = ()) -> str:
    """Describe the error of this `message`; `choices` are the values that an enum there may have."""
    if (field := re.match(r"Object (missing required|contains unknown) field", message)) is not None:
        return FIELDS[field[1]]
    if (value := re.match(r"Invalid enum value (.+)", message)) is not None:
        return f"must be {_any_of(choices)}, not {value[1]}"
    if message.startswith(TOO_LARGE):
        return NUMBER_TOO_LARGE
    if (found := EXPECTED.fullmatch(message)) is None:
        return message
    wanted = " or ".join(_name_of_kind(kind) for kind in found["kinds"].split(" | ") if kind != "null")
    if found["length"]:
        wanted += f" of {BOUNDS[found['side']]} {found['length']} {_unit(found['kinds'], found['length'])}"
    elif found["limit"]:
        wanted = f"{BOUNDS[found['bound']]} {found['limit']}"
    return f"must be {wanted}" + (f", not {_name_of_kind(found['came'])}" if found["came"] else "")


def _any_of(choices: Sequence[Any]) -> str:
    *first, last = map(repr, choices)
    return f"{', '.join(first)} or {last}" if first else last


def _unit(kinds: str, length: str) -> str:
    one, many = UNITS[kinds.split(" | ", maxsplit=1)[0]]
    return one if length == "1" else many


def _name_of_kind(name: str) -> str:
    return KINDS.get(name, name)
