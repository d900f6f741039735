"""Bodies and queries of REST requests: the base of their shapes, and the parser that reads them."""

from typing import Annotated, Any

from django.http import HttpRequest
from django.utils.datastructures import MultiValueDict
from ninja import QueryEx, Schema
from ninja.parser import Parser
from ninja.types import DictStrAny
from pydantic import AliasChoices, ConfigDict, Field

from soma.agent.api.request.caller import caller_of
from soma.agent.api.request.json_object import drop_tenant, read_object
from soma.agent.errors import Invalid

AGENT_NAMES = ("agent", "agent_id", "persona")


class Body(Schema):
    """Shape of a request. Unknown fields are refused; JSON's types are kept: "yes" is not true, true is not 1."""

    model_config = ConfigDict(extra="forbid", strict=True)


AgentName = Annotated[str | None, QueryEx(alias="agent", max_length=200)]  # in a query


class AgentBody(Body):
    """A body that may choose among the tenant's agents."""

    agent: str | None = Field(
        None,
        validation_alias=AliasChoices(*AGENT_NAMES),
        max_length=200,
        description="Name or id of the capsule; the tenant's first if absent. `agent_id` and `persona` say the same.",
    )


class RequestParser(Parser):
    """Parses the body and the query of every request."""

    def parse_body(self, request: HttpRequest) -> DictStrAny:
        return drop_tenant(read_object(request.body), caller_of(request))

    def parse_querydict(
        self, data: MultiValueDict[str, Any], list_fields: list[str], request: HttpRequest
    ) -> DictStrAny:
        """Parse a query; the agent goes by several names, of which it may hold one."""
        query = super().parse_querydict(data, list_fields, request)
        names = [name for name in AGENT_NAMES if name in query]
        if len(names) > 1:
            raise Invalid(f"{' and '.join(names)} mean the same: give one of them", field=names[-1])
        return {AGENT_NAMES[0] if name in names else name: value for name, value in query.items()}
