"""How much of what one person says is learned a day (UTC), by question; what is beyond it is recorded.

The day is looked at where feedback is taken. What was decided is in the log: an observation that was learned is there,
one that was not is not, so a replay looks at no clock.
"""

from collections.abc import Mapping

from soma.brain.feedback.standing_words import CITATION, CORRECTION, EVIDENCE, OUTCOME, VERDICT
from soma.brain.types import Principal
from soma.events.ids import now
from soma.events.log import Reads
from soma.events.pending import Sums
from soma.events.transaction import Transaction

QUESTIONS = (EVIDENCE, VERDICT, CORRECTION, CITATION, OUTCOME)
UNBOUND = 2**53
PERSON_DAYS = Sums("person_days", ("tenant_id", "agent_id", "user_id", "day", "question"), ("learned",))


def left(reads: Reads, principal: Principal, most: int) -> dict[str, int]:
    """How many words the person may still teach; `most` of 0 is no bound."""
    return _left({} if most == 0 else learned(reads, principal, now()[:10]), most)


def left_now(transaction: Transaction, principal: Principal, most: int) -> dict[str, int]:
    """The same within a write, that of this commit counted."""
    if most == 0:
        return _left({}, most)
    day = now()[:10]
    return _left(transaction.get(_key(principal, day), lambda: learned(transaction, principal, day)), most)


def _left(counts: Mapping[str, int], most: int) -> dict[str, int]:
    return {question: (most or UNBOUND) - counts.get(question, 0) for question in QUESTIONS}


def learned(reads: Reads, principal: Principal, day: str) -> dict[str, int]:
    rows = reads.query(
        "SELECT question, learned FROM person_days WHERE tenant_id = ? AND agent_id = ? AND user_id = ? AND day = ?",
        [principal.tenant_id, principal.agent_id, principal.user_id, day],
    )
    return {question: int(count) for question, count in rows}


def count(transaction: Transaction, principal: Principal, more: Mapping[str, int]) -> None:
    day = now()[:10]
    known = transaction.get(_key(principal, day), lambda: learned(transaction, principal, day))
    transaction.keep(_key(principal, day), known | {name: known.get(name, 0) + new for name, new in more.items()})
    for question, new in more.items():
        key = (principal.tenant_id, principal.agent_id, principal.user_id, day, question)
        transaction.add(PERSON_DAYS, key, (new,))


def drop_past(transaction: Transaction) -> None:
    """Days that are over bind nobody."""
    transaction.execute("DELETE FROM person_days WHERE day < ?", [now()[:10]])


def _key(principal: Principal, day: str) -> tuple[str, ...]:
    return ("day", principal.tenant_id, principal.agent_id, principal.user_id, day)
