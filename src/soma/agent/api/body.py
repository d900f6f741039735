"""The body of a REST request: read as at any door, with no field that its own door does not know."""

from typing import Annotated, Any

from django.http import HttpRequest
from ninja import QueryEx, Schema
from ninja.parser import Parser
from pydantic import AliasChoices, ConfigDict, Field

from soma.agent.api.caller import who
from soma.agent.bodies import read, without_claims

NAMES_OF_AGENT = ("agent", "agent_id", "persona")


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
    """Reads every body of the doors."""

    def parse_body(self, request: HttpRequest) -> dict[str, Any]:
        return without_claims(read(request.body), who(request))
