"""Capsules: the agents that a tenant has."""

from typing import Any

from django.http import HttpRequest
from ninja import Router

from soma.agent.access.relations import capsule_of
from soma.agent.api.request.caller import caller_of
from soma.agent.models import Capsule

router = Router()


@router.get("")
async def list_capsules(request: HttpRequest) -> dict[str, Any]:
    capsules = Capsule.objects.filter(tenant_id=caller_of(request).tenant_id).order_by("name")
    return {"capsules": [view(capsule) async for capsule in capsules]}


@router.get("/{name}")
async def get_capsule(request: HttpRequest, name: str) -> dict[str, Any]:
    return view(await capsule_of(caller_of(request), name))


def view(capsule: Capsule) -> dict[str, Any]:
    return {
        "id": capsule.id,
        "name": capsule.name,
        "version": capsule.version,
        "status": capsule.status,
        "description": capsule.description,
        "system_prompt": capsule.system_prompt,
        "capabilities": capsule.capabilities,
        "models": capsule.models_allowed,
        "rlm": capsule.rlm,
    }
