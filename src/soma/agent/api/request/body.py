"""What a REST request brings: read as at any door, with nothing that its own door does not know."""

from typing import Annotated, Any

from django.http import HttpRequest
from django.utils.datastructures import MultiValueDict
from ninja import QueryEx, Schema
from ninja.parser import Parser
from ninja.types import DictStrAny
from pydantic import AliasChoices, ConfigDict, Field

from soma.agent.api.request.caller import who
from soma.agent.api.request.json_object import read, without_claims
from soma.agent.errors import Invalid

NAMES_OF_AGENT = ("agent", "agent_id", "persona")


class Body(Schema):
    """What a door takes; a field that it does not know is a mistake worth telling, not to be dropped.

    JSON has kinds of its own: "yes" is no true, and true is no 1.
    """

    model_config = ConfigDict(extra="forbid", strict=True)


NameOfAgent = Annotated[str | None, QueryEx(alias="agent", max_length=200)]  # in a query


class OfAgent(Body):
    """A body that may choose among the tenant's agents."""

    agent: str | None = Field(
        None,
        validation_alias=AliasChoices(*NAMES_OF_AGENT),
        max_length=200,
        description="Name or id of the capsule; the tenant's first if absent. `agent_id` and `persona` say the same.",
    )


class Reader(Parser):
    """Reads every body and query of the doors."""

    def parse_body(self, request: HttpRequest) -> DictStrAny:
        return without_claims(read(request.body), who(request))

    def parse_querydict(
        self, data: MultiValueDict[str, Any], list_fields: list[str], request: HttpRequest
    ) -> DictStrAny:
        """All names of the agent say the same; it is named once."""
        query = super().parse_querydict(data, list_fields, request)
        names = [name for name in NAMES_OF_AGENT if name in query]
        if len(names) > 1:
            raise Invalid(f"say it once: {' and '.join(names)} mean the same", field=names[-1])
        return {NAMES_OF_AGENT[0] if name in names else name: value for name, value in query.items()}
