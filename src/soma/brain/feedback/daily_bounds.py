"""Daily bounds: of each aspect at most so many statements of one person are learned in a day (UTC); all are recorded.

The day is looked at where feedback is taken. What was decided is in the log: an observation that was learned is there,
one that was not is not, so a replay looks at no clock.
"""

from collections.abc import Mapping

from soma.brain.feedback.statements import CITATION, CORRECTION, CREDIT, EVIDENCE, OUTCOME, VERDICT
from soma.brain.types import Principal
from soma.events.database import Reader
from soma.events.ids import now
from soma.events.pending import Sums
from soma.events.transaction import Transaction

ASPECTS = (EVIDENCE, VERDICT, CORRECTION, CITATION, OUTCOME, CREDIT)
UNBOUND = 2**53
PERSON_DAYS = Sums("person_days", ("tenant_id", "agent_id", "user_id", "day", "question"), ("learned",))


def count_left(reads: Reader, principal: Principal, most: int) -> dict[str, int]:
    """Count the statements that the person may still teach, by aspect; `most` of 0 is no bound."""
    return _left({} if most == 0 else _count_learned(reads, principal, now()[:10]), most)


def count_left_now(transaction: Transaction, principal: Principal, most: int) -> dict[str, int]:
    """Count within a write, with what this commit learned so far."""
    if most == 0:
        return _left({}, most)
    day = now()[:10]
    return _left(transaction.get(_key(principal, day), lambda: _count_learned(transaction, principal, day)), most)


def _left(counts: Mapping[str, int], most: int) -> dict[str, int]:
    return {aspect: (most or UNBOUND) - counts.get(aspect, 0) for aspect in ASPECTS}


def _count_learned(reads: Reader, principal: Principal, day: str) -> dict[str, int]:
    rows = reads.query(
        "SELECT question, learned FROM person_days WHERE tenant_id = ? AND agent_id = ? AND user_id = ? AND day = ?",
        [principal.tenant_id, principal.agent_id, principal.user_id, day],
    )
    return {aspect: int(count) for aspect, count in rows}


def add_learned(transaction: Transaction, principal: Principal, more: Mapping[str, int]) -> None:
    day = now()[:10]
    known = transaction.get(_key(principal, day), lambda: _count_learned(transaction, principal, day))
    transaction.keep(_key(principal, day), known | {name: known.get(name, 0) + new for name, new in more.items()})
    for aspect, new in more.items():
        key = (principal.tenant_id, principal.agent_id, principal.user_id, day, aspect)
        transaction.add(PERSON_DAYS, key, (new,))


def drop_past(transaction: Transaction) -> None:
    """Delete days that are over."""
    transaction.execute("DELETE FROM person_days WHERE day < ?", [now()[:10]])


def _key(principal: Principal, day: str) -> tuple[str, ...]:
    return ("day", principal.tenant_id, principal.agent_id, principal.user_id, day)
