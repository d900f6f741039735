"""Queries of REST requests: unknown and repeated parameters are refused, not silently dropped."""

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest

from soma.agent.access.auth import TENANT_NAMES
from soma.agent.api.request.body import AGENT_NAMES
from soma.agent.errors import Invalid
from soma.validation.json_errors import find_undecodable_parameter

Endpoint = Callable[..., Awaitable[Any]]


def check_query(endpoint: Endpoint) -> Endpoint:
    """Let `endpoint` answer only queries whose parameters it declares, each given once."""
    declared = _parameters(endpoint)
    known = {*declared, *TENANT_NAMES, *(AGENT_NAMES if AGENT_NAMES[0] in declared else ())}
    takes = f"this endpoint takes {', '.join(declared) if declared else 'none'}"

    @wraps(endpoint)
    async def check_and_answer(request: HttpRequest, **given: Any) -> Any:
        if (name := find_undecodable_parameter(request.META.get("QUERY_STRING", ""))) is not None:
            raise Invalid("not valid UTF-8", field=name)
        for name in request.GET:
            if name not in known:
                raise Invalid(f"unknown query parameter `{name}`; {takes}", field=name)
            if len(request.GET.getlist(name)) > 1:
                raise Invalid(f"query parameter `{name}` given more than once", field=name)
        return await endpoint(request, **given)

    return check_and_answer


def _parameters(endpoint: Endpoint) -> list[str]:
    """Return the names that an endpoint's query may have, as they are sent."""
    models = endpoint._ninja_operation.models  # type: ignore[attr-defined]  # noqa: SLF001 - Ninja tells it nowhere else
    queries = [model for model in models if model.__ninja_param_source__ == "query"]
    return [name for model in queries for name in model.__ninja_flatten_map__]
