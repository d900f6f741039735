"""JSON objects from outside, read and checked alike for REST and socket: valid, storable, of the caller's tenant."""

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from pydantic import BaseModel, ValidationError

from soma.agent.access.auth import TENANT_NAMES, Caller, refuse_foreign_tenant
from soma.agent.errors import Invalid, Malformed
from soma.validation import json_errors, nul, pydantic_errors

B = TypeVar("B", bound=BaseModel)
LONGEST_NAME = 80  # characters of a name that are shown in an error


def read_object(sent: bytes | str) -> dict[str, Any]:
    """Read the object that was sent. Raises Malformed, or Invalid with the field at fault."""
    try:
        body = msgspec.json.decode(sent)
    except json_errors.DECODING_ERRORS as error:
        raise Malformed(json_errors.describe_json_error(sent, error), field="body") from error
    if not isinstance(body, dict):
        raise Invalid("must be a JSON object", field="body")
    if (name := json_errors.find_repeated_name(sent)) is not None:
        raise Invalid(f"{name[:LONGEST_NAME]} given more than once", field="body")
    if nul.may_hold_nul(sent) and (path := nul.find_nul(body)) is not None:
        raise Invalid(nul.REFUSAL, code="invalid_text", field=".".join(map(str, path)) or "body")
    return body


def drop_tenant(body: dict[str, Any], caller: Caller) -> dict[str, Any]:
    """Return the body without its tenant. Raises Forbidden where that is not the caller's."""
    refuse_foreign_tenant(body, caller)
    return {name: value for name, value in body.items() if name not in TENANT_NAMES}


def validate(body: dict[str, Any], kind: type[B]) -> B:
    """Return the object in the shape that an endpoint declares. Raises Invalid for its first fault."""
    try:
        return kind.model_validate(body)
    except ValidationError as error:
        raise invalid_from(error.errors()[0]) from error


def invalid_from(fault: Mapping[str, Any]) -> Invalid:
    """Return the error for one of pydantic's faults."""
    return Invalid(pydantic_errors.describe_pydantic_error(fault), field=".".join(map(str, fault["loc"])) or "body")
