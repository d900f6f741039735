"""The answers in the OpenAPI document: a type for each operation, and every error that it may have."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from soma.agent.api.answers import ANSWERS, EVENT_STREAM, JSON_LINES, Error

JSON = "application/json"
REFERENCE = "#/components/schemas/{name}"
METHODS = {"get", "post", "patch", "delete"}
ERRORS = {
    400: "The request is malformed, or names a host that this server does not answer to.",
    401: "There is no valid token.",
    403: "The caller may not do this.",
    404: "It is not there, or not the caller's: the two look the same.",
    409: "It conflicts with what exists or is under way.",
    410: "It was removed for good.",
    413: "The body is larger than the server takes.",
    422: "A field has an invalid value; `field` names it.",
    429: "Too much is under way: come back after `Retry-After` seconds.",
    503: "Something that is needed is away: try again.",
}
ONLY_WRITES = {409, 410, 413}


def describe_answers(document: dict[str, Any]) -> None:
    """Put the types of answers and errors into the document that Ninja has made of the requests."""
    types = [Error, *(answer for answer in ANSWERS.values() if not isinstance(answer, str | None))]
    schemas, components = msgspec.json.schema_components(types, ref_template=REFERENCE)
    document["components"].setdefault("schemas", {}).update(components)
    schema_of = dict(zip(types, schemas, strict=True))
    for method, operation in operations(document):
        answer = ANSWERS[operation["operationId"]]
        [status] = [status for status in operation["responses"] if int(status) < 300]
        operation["responses"] = {
            status: _success(answer, schema_of),
            **{
                code: {"description": meaning, "content": {JSON: {"schema": schema_of[Error]}}}
                for code, meaning in ERRORS.items()
                if method != "get" or code not in ONLY_WRITES
            },
        }


def operations(document: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every operation of the document with its method."""
    for methods in document["paths"].values():
        for method in methods.keys() & METHODS:
            yield method, methods[method]


def _success(answer: Any, schema_of: Mapping[Any, Any]) -> dict[str, Any]:
    if answer is None:
        return {"description": "It is done."}
    if answer in {EVENT_STREAM, JSON_LINES}:
        return {"description": "As long as it goes on.", "content": {answer: {"schema": {"type": "string"}}}}
    content = {JSON: {"schema": schema_of[answer]}}
    if answer is ANSWERS["send_message"]:
        content[EVENT_STREAM] = {"schema": {"type": "string"}}
    return {"description": "The answer.", "content": content}
