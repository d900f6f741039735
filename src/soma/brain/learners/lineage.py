"""Lineage: the updates that stand in a version of a learner. Each goes on from the one before it, but for jumps.

1 2 3 4 5      5 goes back to 2        stands in 5:  1 2
        6 7    7 is without 2          stands in 7:  1 6
"""

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

import msgspec

from soma.brain.types import Principal
from soma.events.database import Reader
from soma.events.transaction import Transaction


class Jump(NamedTuple):
    """A version that goes back to an earlier one, or where `back_to` is None, goes on without some."""

    version: int
    back_to: int | None
    left_out: frozenset[int]


class Lineage(NamedTuple):
    """Versions in ascending stretches, first and last, without those left out."""

    stretches: tuple[tuple[int, int], ...]
    left_out: frozenset[int]

    def holds(self, version: int) -> bool:
        return version not in self.left_out and any(first <= version <= last for first, last in self.stretches)


def lineage(version: int, jumps: Iterable[Jump]) -> Lineage:
    """Work out the lineage of `version`, backwards from it; later jumps have no part in it."""
    at = {jump.version: jump for jump in jumps}
    turning = sorted(at)
    stretches: list[tuple[int, int]] = []
    left_out: frozenset[int] = frozenset()
    last = version
    while True:
        while turning and turning[-1] > last:
            turning.pop()
        if not turning:
            break
        jump = at[turning[-1]]
        if jump.version < last:
            stretches.append((jump.version + 1, last))
        left_out |= jump.left_out
        last = jump.version - 1 if jump.back_to is None else jump.back_to
    if last:
        stretches.append((1, last))
    return Lineage(tuple(reversed(stretches)), left_out)


def last_common_version(one: Lineage, other: Lineage) -> int:
    """Return the last version up to which the same updates stand in both."""
    same = 0
    for (first, last), (begin, end) in zip(one.stretches, other.stretches, strict=False):
        if first != begin:
            break
        same = min(last, end)
        if last != end:
            break
    return min([same, *(version - 1 for version in one.left_out ^ other.left_out)])


def standing_versions(reads: Reader, principal: Principal, version: int, versions: Collection[int]) -> set[int]:
    """Return those of `versions` that still stand in `version`: what was rolled back may be learned anew."""
    if not versions:
        return set()
    now = lineage(version, read_jumps(reads, principal))
    return {each for each in versions if now.holds(each)}


# Rows


def read_jumps(reads: Reader, principal: Principal, *, since: int = 0) -> list[Jump]:
    rows = reads.query(
        "SELECT version, back_to, left_out FROM learner_jumps "
        "WHERE tenant_id = ? AND agent_id = ? AND version >= ? ORDER BY version",
        [principal.tenant_id, principal.agent_id, since],
    )
    return [
        Jump(version, back_to, frozenset(msgspec.json.decode(left_out, type=list[int])))
        for version, back_to, left_out in rows
    ]


def keep_jump(
    transaction: Transaction, principal: Principal, version: int, *, back_to: int | None = None, left_out: Sequence[int]
) -> None:
    transaction.execute(
        "INSERT INTO learner_jumps (tenant_id, agent_id, version, back_to, left_out) VALUES (?, ?, ?, ?, ?)",
        [
            principal.tenant_id, principal.agent_id, version, back_to,
            msgspec.json.encode(sorted(left_out)).decode(),
        ],
    )  # fmt: skip
