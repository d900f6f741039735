"""The learned value of single memories: decided here, kept by the memory, shown by it as the view `value`.

Every step is kept with the version that took it, so that a value is what the standing steps make of it: where a
learner goes back, the steps that no longer stand are left out, also of memories that another learner moved since.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Generic, NamedTuple, TypeVar

import msgspec

from soma.brain.core.rules.values import step_value
from soma.brain.core.state import LearnerState
from soma.brain.learners.chain import LEARNED, stream_of
from soma.brain.learners.learners import Learners, LearningResult
from soma.brain.learners.lineage import Lineage, last_common_version, lineage, read_jumps
from soma.brain.learners.observations import NamedMemory
from soma.brain.learners.replay_start import find_start
from soma.brain.types import Principal
from soma.events.database import Reader
from soma.events.facts.codec import Subject
from soma.events.sql import placeholders
from soma.events.transaction import Transaction
from soma.memory import values as kept
from soma.memory.memory import Memory

T = TypeVar("T")

COLUMNS = ("tenant_id", "agent_id", "version", "memory_id", "helpful", "rate", "before", "position")


class Committed(NamedTuple, Generic[T]):
    """A write's answer, and what is to be shown once it is committed."""

    answer: T
    state: LearnerState | None = None
    values: kept.WrittenValues = ()


class Values:
    def __init__(self, memory: Memory, learners: Learners) -> None:
        self._memory = memory
        self._learners = learners

    def move(
        self, transaction: Transaction, principal: Principal, named: Sequence[NamedMemory], *, position: int
    ) -> kept.WrittenValues:
        """value += rate (helpful - value), in order, within the transaction; `show` it after the commit.

        `position` is that of the event that taught it.
        """
        if not named:
            return []
        whole = self._learners.hyperparameters.value_rate
        learned = kept.read(transaction, principal.tenant_id, [each.memory_id for each in named])
        steps = []
        for version, memory_id, helpful, share in named:
            if (before := learned.get(memory_id)) is not None:
                rate = whole * share
                learned[memory_id] = step_value(before, rate, helpful=helpful)
                steps.append(
                    (principal.tenant_id, principal.agent_id, version, memory_id, int(helpful), rate, before, position)
                )
        transaction.insert("value_steps", COLUMNS, steps)
        return kept.write(transaction, principal.tenant_id, learned)

    def restore_standing(
        self, transaction: Transaction, principal: Principal, learning: LearningResult
    ) -> kept.WrittenValues:
        """Give memories the values that stand after a learner jumped; what was forgotten stays so."""
        known = read_jumps(transaction, principal)
        before, after = learning.before.state.version, learning.after.state.version
        old, new = lineage(before, known), lineage(after, known)
        tenant_id, agent_id = principal.tenant_id, principal.agent_id
        rows = transaction.query(
            "SELECT version, memory_id FROM value_steps WHERE tenant_id = ? AND agent_id = ? AND version > ?",
            [tenant_id, agent_id, last_common_version(old, new)],
        )
        changed = dict.fromkeys(memory for version, memory in rows if old.holds(version) != new.holds(version))
        standing = _StandingVersions(
            transaction, tenant_id, {agent_id: new}, self._learners.version_of(transaction, tenant_id)
        )
        present = kept.read(transaction, tenant_id, list(changed))
        learned = {memory_id: value_of(transaction, tenant_id, memory_id, standing.holds) for memory_id in present}
        different = {memory_id: value for memory_id, value in learned.items() if value != present[memory_id]}
        return kept.write(transaction, tenant_id, different)

    def take_back(
        self, transaction: Transaction, principal: Principal, subject: Subject, versions: frozenset[int]
    ) -> kept.WrittenValues:
        """Leave out words that newer ones replace, where they are near enough."""
        learning = self._learners.take_back(transaction, principal, subject, versions)
        return [] if learning is None else self.restore_standing(transaction, principal, learning)

    async def show(self, principal: Principal, written: kept.WrittenValues) -> None:
        if written:
            await self._memory.apply_values(principal.tenant_id, written)


class _StandingVersions:
    """Versions that stand in each learner of a tenant, looked up when they are asked for."""

    def __init__(self, reads: Reader, tenant_id: str, known: dict[str, Lineage], current: Callable[[str], int]) -> None:
        self._reads = reads
        self._tenant_id = tenant_id
        self._known = known
        self._current = current

    def holds(self, agent_id: str, version: int) -> bool:
        if agent_id not in self._known:
            learner = Principal(tenant_id=self._tenant_id, user_id="", agent_id=agent_id)
            self._known[agent_id] = lineage(self._current(agent_id), read_jumps(self._reads, learner))
        return self._known[agent_id].holds(version)


def value_of(reads: Reader, tenant_id: str, memory_id: str, holds: Callable[[str, int], bool]) -> float:
    """Value that the standing steps make of the one that the memory had before the first of all."""
    rows = reads.query(
        "SELECT agent_id, version, helpful, rate, before FROM value_steps "
        "WHERE tenant_id = ? AND memory_id = ? ORDER BY position, version",
        [tenant_id, memory_id],
    )
    return fold_steps(rows, holds)


def fold_steps(steps: Iterable[tuple[str, int, int, float, float]], holds: Callable[[str, int], bool]) -> float:
    """Fold steps (agent, version, helpful, rate, the value until then) into a value; the first begins at its own."""
    value: float | None = None
    for agent_id, version, helpful, rate, before in steps:
        value = before if value is None else value
        if holds(agent_id, version):
            value = step_value(value, rate, helpful=bool(helpful))
    return 0.5 if value is None else value


def kept_after(reads: Reader, principal: Principal) -> int:
    """The last version that was learned before steps were kept at all; 0 where there is none."""
    kinds = placeholders(LEARNED)
    rows = reads.query(
        "SELECT payload FROM events WHERE tenant_id = ? AND stream = ? "
        f"AND position <= (SELECT position FROM value_start) AND event_type IN ({kinds}) ORDER BY seq DESC LIMIT 1",
        [principal.tenant_id, stream_of(principal), *LEARNED],
    )
    if not rows:
        return 0
    [(payload,)] = rows
    start = find_start(reads, principal)
    return (
        msgspec.json.decode(payload, type=_UpdatePayload).learner_version if payload else start.version if start else 0
    )


class _UpdatePayload(msgspec.Struct):
    learner_version: int
