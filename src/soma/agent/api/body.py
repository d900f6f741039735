"""The body of a request: a JSON object of the caller's own tenant, with no field that its door does not know."""

from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
from django.http import HttpRequest
from ninja import QueryEx, Schema
from ninja.parser import Parser
from pydantic import AliasChoices, ConfigDict, Field

from soma.agent.api.caller import who
from soma.agent.auth import NAMES_OF_TENANT, refuse_foreign_tenant
from soma.agent.errors import Invalid

NAMES_OF_AGENT = ("agent", "agent_id", "persona")
EVERY_DECODING_FAULT = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class Body(Schema):
    """What a door takes; a field that it does not know is a mistake worth telling, not to be dropped."""

    model_config = ConfigDict(extra="forbid")


NameOfAgent = Annotated[str | None, QueryEx(alias="agent", max_length=200)]  # in a query


class OfAgent(Body):
    """A body that may choose among the tenant's agents."""

    agent: str | None = Field(
        None,
        validation_alias=AliasChoices(*NAMES_OF_AGENT),
        max_length=200,
        description="Name or id of the capsule; the tenant's first if absent. `agent_id` and `persona` say the same.",
    )


class JsonObject(Parser):
    """Reads every body. A tenant in it may only repeat the token's, so that no door has to look for one."""

    def parse_body(self, request: HttpRequest) -> dict[str, Any]:
        try:
            body = msgspec.json.decode(request.body)
        except EVERY_DECODING_FAULT as error:
            raise Invalid(f"not JSON: {error}", code="invalid_json", field="body") from error
        if not isinstance(body, dict):
            raise Invalid("the body is a JSON object", field="body")
        if b"\\u0000" in request.body and (place := next(_places_of_nul(body), None)) is not None:
            raise Invalid("text holds no NUL character", code="invalid_text", field=place)
        refuse_foreign_tenant(body, who(request))
        return {name: value for name, value in body.items() if name not in NAMES_OF_TENANT}


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
