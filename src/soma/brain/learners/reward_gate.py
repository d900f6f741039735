"""The reward gate: a verdict on an answer that a denied tool led to, or that was withdrawn, teaches nothing.

What people say is recorded all the same; evidence (which memories helped) is no reward and is learned from.
`feedback/targets.py` asks the gate, `feedback/meaning.py` leaves the verdict out.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from soma.brain.learners.lineage import read_jumps
from soma.brain.types import Principal
from soma.events.database import Reader
from soma.events.facts.learning import RewardVoided
from soma.events.ids import now
from soma.events.transaction import Transaction

DENIED, WITHDRAWN = "tool_denied", "answer_withdrawn"
REASON = "reward_voided"
DENIED_OUTCOME = "denied"  # of a tool, as the agent reports it


class Void(NamedTuple):
    """Reason that a turn's verdicts teach nothing; `iterations` are those in which a tool was denied."""

    cause: str
    iterations: tuple[int, ...] = ()


class Withdrawal(NamedTuple):
    versions: frozenset[int]
    learner_version: int


def find_denied(outcomes: Iterable[tuple[int, dict[str, str | bool]]]) -> Void | None:
    """Find denied tools among `outcomes`: the tool outcomes of a turn's iterations, by their numbers."""
    iterations = tuple(number for number, tools in outcomes if any(map(_is_denied, tools.values())))
    return Void(DENIED, iterations) if iterations else None


def _is_denied(outcome: str | bool) -> bool:  # noqa: FBT001 - a tool's outcome is a word, or whether it went well
    """Return whether a tool was denied; an agent of another make may write the word in its own case."""
    return isinstance(outcome, str) and outcome.strip().lower() == DENIED_OUTCOME


def is_withdrawn(reads: Reader, principal: Principal, turn_id: str) -> bool:
    return bool(
        reads.query(
            "SELECT 1 FROM withdrawn_answers WHERE tenant_id = ? AND agent_id = ? AND turn_id = ?",
            [principal.tenant_id, principal.agent_id, turn_id],
        )
    )


def read_withdrawals(reads: Reader, principal: Principal) -> list[Withdrawal]:
    """Read the withdrawals of a learner that had something to leave out, and statements that newer ones replaced."""
    rows = reads.query(
        "SELECT versions, learner_version FROM withdrawn_answers WHERE tenant_id = ? AND agent_id = ?",
        [principal.tenant_id, principal.agent_id],
    )
    found = [
        Withdrawal(frozenset(msgspec.json.decode(versions, type=list[int])), version) for versions, version in rows
    ]
    found += [Withdrawal(jump.left_out, jump.version) for jump in read_jumps(reads, principal)]
    return [withdrawal for withdrawal in found if withdrawal.versions]


def keep_withdrawal(transaction: Transaction, principal: Principal, fact: RewardVoided) -> None:
    transaction.execute(
        "INSERT INTO withdrawn_answers (tenant_id, agent_id, turn_id, versions, learner_version, created_at) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        [
            principal.tenant_id, principal.agent_id, fact.turn_id, msgspec.json.encode(fact.versions).decode(),
            fact.learner_version, now(),
        ],
    )  # fmt: skip


def read_reward_versions(reads: Reader, principal: Principal, turn_id: str) -> list[int]:
    """Read the versions that learned from a verdict on this turn."""
    rows = reads.query(
        "SELECT version FROM turn_rewards WHERE tenant_id = ? AND turn_id = ? AND agent_id = ? ORDER BY version",
        [principal.tenant_id, turn_id, principal.agent_id],
    )
    return [version for (version,) in rows]


def keep_rewards(transaction: Transaction, principal: Principal, learned: Sequence[tuple[str, int]]) -> None:
    """Keep `learned`: turns, each with the version after its verdict was learned."""
    at = now()
    rows = [(principal.tenant_id, turn_id, principal.agent_id, version, at) for turn_id, version in learned]
    transaction.insert("turn_rewards", ("tenant_id", "turn_id", "agent_id", "version", "created_at"), rows)


def all_left_out(versions: frozenset[int], earlier: Sequence[Withdrawal]) -> frozenset[int]:
    """Return `versions` and all that was left out since the first of them.

    A replay from before the first of them meets what earlier withdrawals left out, and has to leave it out too.
    """
    while True:
        since = [other.versions for other in earlier if other.learner_version >= min(versions)]
        wider = versions.union(*since)
        if wider == versions:
            return versions
        versions = wider
