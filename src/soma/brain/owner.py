"""The owner of memories that a verified principal is."""

from soma.brain.types import Principal
from soma.memory.types import Owner


def owner_of(principal: Principal) -> Owner:
    return Owner(
        tenant_id=principal.tenant_id,
        user_id=principal.user_id,
        agent_id=principal.agent_id,
        is_tenant_owner=principal.role == "owner",
    )
