"""Bounds on turns under way, per user and per tenant, in all processes together."""

from dataclasses import dataclass

from soma.agent.errors import Busy
from soma.agent.storage.leases import OPEN
from soma.events.transaction import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnBounds:
    """The most turns under way; queued turns count too."""

    per_user: int
    per_tenant: int

    def check(self, transaction: Transaction, *, tenant_id: str, user_id: str) -> None:
        """Raise Busy where one more turn would be too many."""
        [(of_tenant, of_user)] = transaction.query(
            "SELECT COUNT(*), COALESCE(SUM(CASE WHEN user_id = ? THEN 1 ELSE 0 END), 0) FROM agent_turn "
            f"WHERE tenant_id = ? AND {OPEN}",
            [user_id, tenant_id],
        )
        if of_user >= self.per_user:
            raise Busy(f"you have {of_user} turns under way, the most allowed at once; wait until one ends")
        if of_tenant >= self.per_tenant:
            raise Busy(f"your tenant has {of_tenant} turns under way, the most allowed at once; try again soon")
