"""First answers by their idempotency keys: a request that comes again is answered as it was first.

`single.py` and `batch_commit.py` look here before they learn anything. A key that its caller chose stands for one
statement: another one under it is refused, for its first answer would hide that it was lost.
"""

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import NamedTuple

from soma.brain.errors import BrainRefused
from soma.events.database import Reader
from soma.events.sql import placeholders, split_values
from soma.events.transaction import Prefetch, Transaction


class FirstAnswer(NamedTuple):
    """The first answer to a key; `said` is a digest of what came under a key of the caller's own, else empty."""

    text: str
    said: str = ""

    def check_said(self, said: str) -> None:
        """Raise BrainRefused where something else was said under the key."""
        if self.said and said and self.said != said:
            raise key_used()


def key_used() -> BrainRefused:
    message = "was used for other feedback: send this one under another key"
    return BrainRefused("idempotency_key_used", message, "idempotency_key", 409)


def find_first_answer(transaction: Transaction, tenant_id: str, key: str) -> FirstAnswer | None:
    """Find what was answered to `key` first, in this commit or before."""
    return transaction.get_noted(
        ("answer", tenant_id, key), lambda: transaction.get_prefetched(Prefetch(find_answers, (tenant_id, key)))
    )


def find_answers(reads: Reader, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], FirstAnswer]:
    """Find answers by tenant and key. A join, in this order: SQLite would look for pairs IN a list in every row."""
    found: dict[tuple[str, str], FirstAnswer] = {}
    for some in split_values(keys):
        pairs = ", ".join(["(?, ?)"] * len(some))
        rows = reads.query(
            f"WITH asked (tenant, name) AS (VALUES {pairs}) SELECT tenant_id, key, answer, said "
            "FROM asked CROSS JOIN feedback_keys WHERE tenant_id = tenant AND key = name",
            list(chain.from_iterable(some)),
        )
        found |= {(tenant_id, key): FirstAnswer(answer, said) for tenant_id, key, answer, said in rows}
    return found


def find_first_answers(reads: Reader, tenant_id: str, keys: Iterable[str]) -> dict[str, FirstAnswer]:
    found: dict[str, FirstAnswer] = {}
    for some in split_values(keys):
        rows = reads.query(
            f"SELECT key, answer, said FROM feedback_keys WHERE tenant_id = ? AND key IN ({placeholders(some)})",
            [tenant_id, *some],
        )
        found.update((key, FirstAnswer(answer, said)) for key, answer, said in rows)
    return found


def keep_answers(
    transaction: Transaction, tenant_id: str, answers: Iterable[tuple[str, FirstAnswer]], *, at: str
) -> None:
    kept = list(answers)
    rows = [(tenant_id, key, answer.text, answer.said, at) for key, answer in kept]
    transaction.insert("feedback_keys", ("tenant_id", "key", "answer", "said", "created_at"), rows)
    for key, answer in kept:
        transaction.note(("answer", tenant_id, key), answer)
