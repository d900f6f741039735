"""What comes in at any door: a JSON object that can be stored, of the caller's own tenant."""

import re
from collections.abc import Iterator
from typing import Any, TypeVar

import msgspec

from soma.agent.auth import NAMES_OF_TENANT, Caller, refuse_foreign_tenant
from soma.agent.errors import Invalid

T = TypeVar("T")

EVERY_DECODING_FAULT = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
PLACE = re.compile(r" - at `\$\.?(?P<place>.*)`$")
FIELD = re.compile(r"field `(?P<field>.*)`")


def read(sent: bytes | str) -> dict[str, Any]:
    """The object that was sent. Raises Invalid with the field that is to blame."""
    try:
        body = msgspec.json.decode(sent)
    except EVERY_DECODING_FAULT as error:
        raise Invalid(f"not JSON: {error}", code="invalid_json", field="body") from error
    if not isinstance(body, dict):
        raise Invalid("a JSON object is expected", field="body")
    if (b"\\u0000" if isinstance(sent, bytes) else "\\u0000") in sent:  # type: ignore[operator]
        for place in _places_of_nul(body):
            raise Invalid("text holds no NUL character", code="invalid_text", field=place)
    return body


def without_claims(body: dict[str, Any], caller: Caller) -> dict[str, Any]:
    """A tenant in a body may only repeat the caller's, so that no door has to look for one."""
    refuse_foreign_tenant(body, caller)
    return {name: value for name, value in body.items() if name not in NAMES_OF_TENANT}


def converted(body: dict[str, Any], kind: type[T]) -> T:
    """The object as a struct; its faults are told by field."""
    try:
        return msgspec.convert(body, kind)
    except msgspec.ValidationError as error:
        message = str(error)
        place, named = PLACE.search(message), FIELD.search(message)
        field = ".".join(found for found in (place and place["place"], named and named["field"]) if found)
        raise Invalid(PLACE.sub("", message), field=field or "body") from error


def _places_of_nul(value: Any, place: str = "") -> Iterator[str]:
    """Where a string holds NUL, which PostgreSQL cannot store."""
    match value:
        case str() if "\0" in value:
            yield place
        case dict():
            for name, inner in value.items():
                if "\0" in name:
                    yield place or "body"
                yield from _places_of_nul(inner, f"{place}.{name}" if place else name)
        case list():
            for number, inner in enumerate(value):
                yield from _places_of_nul(inner, f"{place}.{number}")
