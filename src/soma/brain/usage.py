"""The ledger of tokens: an entry for each use of a model, and sums a day."""

from collections.abc import Sequence
from typing import Any

from soma.brain.types import UsageRow
from soma.events.database import Reader
from soma.events.pending import Sums
from soma.events.transaction import Transaction

USAGE = ("tenant_id", "agent_id", "conversation_id", "day", "model", "tokens", "cost", "calls", "created_at")
USAGE_DAYS = Sums("usage_days", ("tenant_id", "day", "model"), ("tokens", "cost", "calls"))


def keep_usage(transaction: Transaction, rows: Sequence[tuple[Any, ...]]) -> None:
    """Entries of the ledger, each in the sums of its day as well."""
    transaction.insert("token_usage", USAGE, rows)
    for tenant_id, _, _, day, model, tokens, cost, calls, _ in rows:
        transaction.add(USAGE_DAYS, (tenant_id, day, model), (tokens, cost, calls))


def sum_usage(reads: Reader, tenant_id: str, *, start: str, end: str) -> list[UsageRow]:
    rows = reads.query(
        "SELECT day, model, tokens, cost, calls FROM usage_days "
        "WHERE tenant_id = ? AND day BETWEEN ? AND ? ORDER BY day, model",
        [tenant_id, start, end],
    )
    return [UsageRow(day=d, model=m, tokens=int(t), cost=float(c), calls=int(n)) for d, m, t, c, n in rows]
