"""The model that answers, and the setting that chose it."""

from typing import Any

from django.http import HttpRequest
from ninja import Router

from soma.agent.api.request.caller import caller_of
from soma.agent.llm.choose import has_litellm
from soma.agent.llm.selection import fault_of
from soma.agent.models import Capsule
from soma.agent.running import agent
from soma.agent.settings import Settings

router = Router()


@router.get("")
async def get_model(request: HttpRequest) -> dict[str, Any]:
    """Name the model. `capsules` are those with a model of their own; only the operator sees `unused` settings."""
    caller, running = caller_of(request), agent()
    own = Capsule.objects.filter(tenant_id=caller.tenant_id, models_allowed__has_key="chat").order_by("name")
    return {
        "name": running.selection.name,
        "reason": running.selection.reason,
        "unused": list(running.selection.unused) if caller.is_operator else [],
        "capsules": [_view(capsule, running.settings) async for capsule in own],
    }


def _view(capsule: Capsule, settings: Settings) -> dict[str, Any]:
    name = capsule.models_allowed["chat"]
    return {"capsule": capsule.name, "model": name, "fault": fault_of(name, settings, has_litellm=has_litellm())}
