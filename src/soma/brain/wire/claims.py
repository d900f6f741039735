"""Claims: a request may repeat whose it is, and must then agree with its verified headers."""

from collections.abc import Mapping
from typing import Any

from soma.brain.errors import BrainRefused
from soma.brain.types import Principal

# Names under which a body or query may repeat what the headers say.
CLAIMS = {"tenant": "tenant_id", "tenant_id": "tenant_id", "persona": "agent_id", "agent_id": "agent_id"}


def check_claims(principal: Principal, said: Mapping[str, Any]) -> None:
    """What a body or query says of the tenant or agent must be what the headers say."""
    for name, field in CLAIMS.items():
        value = said.get(name)
        if value is not None and value != getattr(principal, field):
            message = f"{name} differs from who the token speaks for; leave it out."
            raise BrainRefused("tenant_mismatch", message, name, 403)
