"""A query holds what its door declares, once; what the door would have passed over is told."""

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest

from soma.agent.access.auth import NAMES_OF_TENANT
from soma.agent.api.request.body import NAMES_OF_AGENT
from soma.agent.errors import Invalid
from soma.validation.json_errors import not_text

Door = Callable[..., Awaitable[Any]]


def takes_what_it_declares(door: Door) -> Door:
    declared = _parameters(door)
    taken = {*declared, *NAMES_OF_TENANT, *(NAMES_OF_AGENT if NAMES_OF_AGENT[0] in declared else ())}
    there_are = f"there are {', '.join(declared)}" if declared else "there are none here"

    @wraps(door)
    async def checked(request: HttpRequest, **given: Any) -> Any:
        if (name := not_text(request.META.get("QUERY_STRING", ""))) is not None:
            raise Invalid("this is not text in UTF-8", field=name)
        for name in request.GET:
            if name not in taken:
                raise Invalid(f"there is no such parameter; {there_are}", field=name)
            if len(request.GET.getlist(name)) > 1:
                raise Invalid("this stands more than once: say which is meant", field=name)
        return await door(request, **given)

    return checked


def _parameters(door: Door) -> list[str]:
    """The names that a door's query may have, as they are sent."""
    models = door._ninja_operation.models  # type: ignore[attr-defined]  # noqa: SLF001 - Ninja tells it nowhere else
    queries = [model for model in models if model.__ninja_param_source__ == "query"]
    return [name for model in queries for name in model.__ninja_flatten_map__]
