"""What comes in at any door: a JSON object that can be stored, of the caller's own tenant."""

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from pydantic import BaseModel, ValidationError

from soma.agent.access.auth import NAMES_OF_TENANT, Caller, refuse_foreign_tenant
from soma.agent.errors import Invalid, Malformed
from soma.validation import json_errors, nul, pydantic_errors

B = TypeVar("B", bound=BaseModel)
LONGEST_NAME = 80  # characters of a name that are said again


def read(sent: bytes | str) -> dict[str, Any]:
    """The object that was sent. Raises Malformed, or Invalid with the field that is to blame."""
    try:
        body = msgspec.json.decode(sent)
    except json_errors.EVERY_DECODING_FAULT as error:
        raise Malformed(json_errors.told(sent, error), field="body") from error
    if not isinstance(body, dict):
        raise Invalid("a JSON object is expected", field="body")
    if (name := json_errors.repeated_name(sent)) is not None:
        raise Invalid(f"{name[:LONGEST_NAME]} stands twice", field="body")
    if nul.may_hold_nul(sent) and (path := nul.find_nul(body)) is not None:
        raise Invalid(nul.REFUSAL, code="invalid_text", field=".".join(map(str, path)) or "body")
    return body


def without_claims(body: dict[str, Any], caller: Caller) -> dict[str, Any]:
    """A tenant in a body may only repeat the caller's, so that no door has to look for one."""
    refuse_foreign_tenant(body, caller)
    return {name: value for name, value in body.items() if name not in NAMES_OF_TENANT}


def validated(body: dict[str, Any], kind: type[B]) -> B:
    """The object as a door declares it; its first fault is told by field."""
    try:
        return kind.model_validate(body)
    except ValidationError as error:
        raise at_fault(error.errors()[0]) from error


def at_fault(fault: Mapping[str, Any]) -> Invalid:
    return Invalid(pydantic_errors.told(fault), field=".".join(map(str, fault["loc"])) or "body")
