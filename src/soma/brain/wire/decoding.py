"""Decoding of requests: JSON to the struct that it should be, or a refusal that names the field to blame."""

import math
import re
from collections.abc import Iterator
from typing import Any, TypeVar

import msgspec
from msgspec.inspect import DictType, ListType, LiteralType, Metadata, StructType, Type, UnionType, VarTupleType

from soma.brain.errors import BrainRefused
from soma.brain.wire.requests import Batch, FeedbackBatch
from soma.validation import json_errors, msgspec_errors, nul

T = TypeVar("T")

LONGEST_NAME = 80  # characters of a name that an error repeats
STEP = re.compile(r"[^.\[\]]+|\.\.\.")  # of a path, as msgspec writes it


def decode(content: bytes | msgspec.Raw, kind: type[T], *, field: str | None = None) -> T:
    """Decode and validate. Raises BrainRefused with the field that is to blame, `field` if it is the whole."""
    try:
        value = msgspec.json.decode(content, type=kind)
    except msgspec.ValidationError as error:
        _check_json(content)  # msgspec stops at the first fault: what comes after it may not be JSON at all
        message, part = locate(str(error), kind)
        raise BrainRefused("invalid_body", message, part or field) from None
    except json_errors.DECODING_ERRORS as error:
        raise _invalid_json(content, error) from None
    if kind in (FeedbackBatch, Batch):  # each item is read by itself
        return value
    # in an item it costs too much
    if field is None and (name := json_errors.find_repeated_name(bytes(content))) is not None:
        raise BrainRefused("invalid_body", f"{name[:LONGEST_NAME]} given more than once", "body")
    if nul.may_hold_nul(bytes(content)) and (path := nul.find_nul(msgspec.json.decode(content))) is not None:
        raise BrainRefused("invalid_body", nul.REFUSAL, _join(field or "", path) or None)
    return value


def _check_json(content: bytes | msgspec.Raw) -> None:
    try:
        msgspec.json.decode(content)
    except json_errors.DECODING_ERRORS as error:
        raise _invalid_json(content, error) from None


def _invalid_json(content: bytes | msgspec.Raw, error: Exception) -> BrainRefused:
    return BrainRefused("invalid_json", json_errors.describe_json_error(bytes(content), error), "body", 400)


def _join(field: str, path: nul.Path) -> str:
    """Write a path below `field` as this wire does: `items[0].text`."""
    for step in path:
        field += f"[{step}]" if isinstance(step, int) else f".{step}" if field else step
    return field


def check_numbers(numbers: dict[str, float], field: str) -> None:
    for name, number in numbers.items():
        if not math.isfinite(number):
            raise BrainRefused("invalid_body", "must be a finite number", f"{field}.{name}")


def locate(message: str, kind: Any = None) -> tuple[str, str | None]:
    """Split an error of msgspec into a message of ours and the field to blame.

    msgspec writes `Expected ... - at `$.items[0].text``, or names the field within its message. `kind` is the type that
    was to be read: it knows the choices of an enumeration.
    """
    text, _, path = message.partition(" - at `$")
    field = path.rstrip("`").removeprefix(".")
    if named := re.search(r"(?:required|unknown) field `([^`]+)`", text):
        field = f"{field}.{named[1]}" if field else named[1]
    choices = choices_at(kind, field) if kind is not None else ()
    return msgspec_errors.describe_msgspec_error(text, choices), field or None


def choices_at(kind: Any, path: str) -> tuple[Any, ...]:
    """Return the values allowed at a path such as `items[0].scope`; none where any is."""
    types = [msgspec.inspect.type_info(kind)]
    for name in STEP.findall(path):
        types = [inner for one in types for inner in _inner_types(one, name)]
    return tuple(
        value for one in types for part in _unwrap(one) if isinstance(part, LiteralType) for value in part.values
    )


def _inner_types(found: Type, name: str) -> Iterator[Type]:
    """Yield the types that `found` may hold under a name, or at a place `[0]`."""
    for one in _unwrap(found):
        match one:
            case StructType(fields=fields):
                yield from (field.type for field in fields if field.encode_name == name)
            case ListType(item_type=inner) | VarTupleType(item_type=inner) | DictType(value_type=inner):
                yield inner


def _unwrap(found: Type) -> Iterator[Type]:
    """Yield the types of a union, without their metadata."""
    match found:
        case UnionType(types=types):
            yield from (part for one in types for part in _unwrap(one))
        case Metadata(type=inner):
            yield from _unwrap(inner)
        case _:
            yield found
