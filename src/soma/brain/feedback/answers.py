"""First answers by their idempotency keys: a request that comes again is answered as it was first.

`single.py` and `batch_commit.py` look here before they learn anything.
"""

from collections.abc import Iterable, Sequence
from itertools import chain

from soma.events.database import Reader
from soma.events.sql import placeholders, split_values
from soma.events.transaction import Prefetch, Transaction


def find_first_answer(transaction: Transaction, tenant_id: str, key: str) -> str | None:
    """Find what was answered to `key` first, in this commit or before."""
    return transaction.get_noted(
        ("answer", tenant_id, key), lambda: transaction.get_prefetched(Prefetch(find_answers, (tenant_id, key)))
    )


def find_answers(reads: Reader, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """Find answers by tenant and key. A join, in this order: SQLite would look for pairs IN a list in every row."""
    found: dict[tuple[str, str], str] = {}
    for some in split_values(keys):
        pairs = ", ".join(["(?, ?)"] * len(some))
        rows = reads.query(
            f"WITH asked (tenant, name) AS (VALUES {pairs}) SELECT tenant_id, key, answer "
            "FROM asked CROSS JOIN feedback_keys WHERE tenant_id = tenant AND key = name",
            list(chain.from_iterable(some)),
        )
        found |= {(tenant_id, key): answer for tenant_id, key, answer in rows}
    return found


def find_first_answers(reads: Reader, tenant_id: str, keys: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for some in split_values(keys):
        rows = reads.query(
            f"SELECT key, answer FROM feedback_keys WHERE tenant_id = ? AND key IN ({placeholders(some)})",
            [tenant_id, *some],
        )
        found.update((key, answer) for key, answer in rows)
    return found


def keep_answers(transaction: Transaction, tenant_id: str, answers: Iterable[tuple[str, str]], *, at: str) -> None:
    rows = [(tenant_id, key, answer, at) for key, answer in answers]
    transaction.insert("feedback_keys", ("tenant_id", "key", "answer", "created_at"), rows)
    for _, key, answer, _ in rows:
        transaction.note(("answer", tenant_id, key), answer)
