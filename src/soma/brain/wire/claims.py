"""Claims: a request may repeat its tenant and agent, and must then agree with its verified headers."""

from collections.abc import Mapping
from typing import Any

from soma.brain.errors import BrainRefused
from soma.brain.types import Principal

# Names under which a body or query may repeat what the headers say.
CLAIMS = {"tenant": "tenant_id", "tenant_id": "tenant_id", "persona": "agent_id", "agent_id": "agent_id"}


def check_claims(principal: Principal, claims: Mapping[str, Any]) -> None:
    """Refuse a body or query whose tenant or agent is not that of the headers."""
    for name, field in CLAIMS.items():
        value = claims.get(name)
        if value is not None and value != getattr(principal, field):
            message = f"{name} is not that of the token; leave it out"
            raise BrainRefused("tenant_mismatch", message, name, 403)
