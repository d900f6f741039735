"""Messages for what msgspec rejects: what is wanted, and what came. The twin for pydantic: `pydantic_errors.py`."""

import re
from collections.abc import Sequence
from typing import Any

from soma.validation import json_errors

KINDS = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
}
UNITS = {"str": ("character", "characters"), "array": ("entry", "entries"), "object": ("entry", "entries")}
BOUNDS = {">=": "at least", "<=": "at most", ">": "more than", "<": "less than"}
EXPECTED = re.compile(
    r"Expected `(?P<kinds>[^`]+)`"
    r"(?: of length (?P<side>[<>]=) (?P<length>\d+)| (?P<bound>[<>]=?) (?P<limit>\S+))?"
    r"(?:, got `(?P<came>[^`]+)`)?"
)
FIELDS = {"missing required": "this is required", "contains unknown": "there is no such field"}


def describe_msgspec_error(message: str, choices: Sequence[Any] = ()) -> str:
    """`choices` are the values that may stand where the message says that another one does."""
    if (field := re.match(r"Object (missing required|contains unknown) field", message)) is not None:
        return FIELDS[field[1]]
    if (value := re.match(r"Invalid enum value (.+)", message)) is not None:
        return f"{_any_of(choices)} is wanted, not {value[1]}"
    if message.startswith(json_errors.TOO_LARGE):
        return "a number is too large"
    if (found := EXPECTED.fullmatch(message)) is None:
        return message
    wanted = " or ".join(_name_of_kind(kind) for kind in found["kinds"].split(" | ") if kind != "null")
    if found["length"]:
        wanted += f" of {BOUNDS[found['side']]} {found['length']} {_unit(found['kinds'], found['length'])}"
    elif found["limit"]:
        wanted = f"{BOUNDS[found['bound']]} {found['limit']}"
    return f"{wanted} is wanted" + (f", not {_name_of_kind(found['came'])}" if found["came"] else "")


def _any_of(choices: Sequence[Any]) -> str:
    *first, last = map(repr, choices)
    return f"{', '.join(first)} or {last}" if first else last


def _unit(kinds: str, length: str) -> str:
    one, many = UNITS[kinds.split(" | ", maxsplit=1)[0]]
    return one if length == "1" else many


def _name_of_kind(name: str) -> str:
    return KINDS.get(name, name)
