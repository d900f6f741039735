"""Verify learned values of memories: each is what its standing steps make of it, and each step is in the log."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby

from soma.brain.core.observations import Evidence
from soma.brain.core.rules.evidence import named_memories
from soma.brain.feedback.memory_values import fold_steps, value_of
from soma.brain.learners.lineage import Jump, lineage, read_jumps
from soma.brain.learners.observations import Learnable
from soma.brain.types import Principal
from soma.events.database import Reader
from soma.memory import values as kept


class RecordedSteps:
    """Steps that the log records of one learner: the memories that its versions name, and its jumps."""

    def __init__(self) -> None:
        self._named: dict[int, Mapping[str, bool]] = {}
        self._jumps: list[Jump] = []

    def add_observation(self, version: int, observation: Learnable) -> None:
        if isinstance(observation, Evidence) and (named := named_memories(observation)):
            self._named[version] = dict(named)

    def add_jump(self, version: int, *, back_to: int | None = None, left_out: Iterable[int] = ()) -> None:
        self._jumps.append(Jump(version, back_to, frozenset(left_out)))

    def find_faults(self, reads: Reader, learner: Principal, name: str, *, begin: int) -> Iterator[str]:
        """Find rows that the log does not bear out; what is not after `begin` was erased after its time."""
        rows = reads.query(
            "SELECT version, memory_id, helpful FROM value_steps WHERE tenant_id = ? AND agent_id = ? AND version > ?",
            [learner.tenant_id, learner.agent_id, begin],
        )
        for version, memory_id, helpful in rows:
            if self._named.get(version, {}).get(memory_id) != bool(helpful):
                yield f"{name} at version {version} did not name memory {memory_id} so"
        known = set(read_jumps(reads, learner, since=begin + 1))
        for jump in sorted(known.symmetric_difference(self._jumps)):
            if jump in known or jump.back_to is not None:  # words were left out before jumps were kept
                yield f"{name} at version {jump.version} does not go on as it was recorded"


def find_value_faults(reads: Reader, tenant_id: str) -> Iterator[str]:
    """Compare each value with its steps; one that differs is read again, for a brain may be running."""
    rows = reads.query(
        "SELECT memory_id, agent_id, version, helpful, rate, before FROM value_steps "
        "WHERE tenant_id = ? ORDER BY memory_id, position, version",
        [tenant_id],
    )
    standing = _CurrentLineages(reads, tenant_id)
    expected = {
        memory_id: fold_steps((row[1:] for row in steps), standing.holds)
        for memory_id, steps in groupby(rows, key=lambda row: row[0])
    }
    present = kept.read(reads, tenant_id, list(expected))
    for memory_id, value in present.items():
        if value != expected[memory_id] and _still_differs(reads, tenant_id, memory_id):
            yield f"the value of memory {memory_id} is not what it was taught"


def _still_differs(reads: Reader, tenant_id: str, memory_id: str) -> bool:
    expected = value_of(reads, tenant_id, memory_id, _CurrentLineages(reads, tenant_id).holds)
    present = kept.read(reads, tenant_id, [memory_id])
    return bool(present) and present[memory_id] != expected


class _CurrentLineages:
    """Lineages of a tenant's learners as they are now."""

    def __init__(self, reads: Reader, tenant_id: str) -> None:
        rows = reads.query(
            "SELECT agent_id, MAX(version) FROM (SELECT agent_id, version FROM value_steps WHERE tenant_id = ? "
            "UNION ALL SELECT agent_id, version FROM learner_jumps WHERE tenant_id = ?) AS known GROUP BY agent_id",
            [tenant_id, tenant_id],
        )
        self._lineages = {
            agent_id: lineage(version, read_jumps(reads, Principal(tenant_id=tenant_id, user_id="", agent_id=agent_id)))
            for agent_id, version in rows
        }

    def holds(self, agent_id: str, version: int) -> bool:
        return self._lineages[agent_id].holds(version)
