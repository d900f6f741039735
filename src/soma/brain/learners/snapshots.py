"""Snapshots: stored states of learners, each believed only as far as the log bears it out."""

import logging
from itertools import islice
from typing import NamedTuple

import msgspec

from soma.brain.core.state import LearnerState
from soma.brain.learners.chain import LEARNED, stream_of
from soma.brain.types import Principal
from soma.events.database import Reader
from soma.events.ids import now
from soma.events.log import Log
from soma.events.transaction import Transaction

logger = logging.getLogger(__name__)


class Base(NamedTuple):
    """A state that a replay can go on from: its version, and the number of the last event that it covers."""

    version: int
    seq: int
    state: LearnerState


def find_snapshot(reads: Reader, principal: Principal, version: int | None, *, after: int = -1) -> Base | None:
    """Read the newest snapshot that the log bears out; a row of the database alone is never believed."""
    until = version
    while True:
        upper = "" if until is None else "AND version <= ?"
        rows = reads.query(
            "SELECT version, seq, state FROM learner_snapshots "
            f"WHERE tenant_id = ? AND agent_id = ? AND version > ? {upper} ORDER BY version DESC LIMIT 1",
            [principal.tenant_id, principal.agent_id, after, *([] if until is None else [until])],
        )
        if not rows:
            return None
        found = Base(rows[0][0], rows[0][1], LearnerState.from_json(rows[0][2]))
        if found.state.version == found.version and is_recorded(reads, principal, found):
            return found
        logger.error(
            "the stored state of %s %s at version %d is not what the log says: an older one is taken",
            principal.tenant_id, principal.agent_id, found.version,
        )  # fmt: skip
        until = found.version - 1


def keep_snapshot(transaction: Transaction, principal: Principal, state: LearnerState) -> None:
    seq = transaction.head(principal.tenant_id, stream_of(principal)).seq
    transaction.execute(
        "INSERT INTO learner_snapshots (tenant_id, agent_id, version, seq, state, state_hash, created_at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        [principal.tenant_id, principal.agent_id, state.version, seq, state.to_json(), state.state_hash(), now()],
    )


class _Outcome(msgspec.Struct):
    learner_version: int
    state_hash: str


def is_recorded(reads: Reader, principal: Principal, stored: Base) -> bool:
    """Return whether the last update that a stored state covers says that it led to this version and hash."""
    seq = stored.seq
    while (event := Log(reads).find_newest(principal.tenant_id, stream_of(principal), LEARNED, until=seq)) is not None:
        if event.payload is None:
            return False
        outcome = msgspec.json.decode(event.payload, type=_Outcome)
        if outcome.state_hash:  # a void that changed nothing has none
            return outcome == _Outcome(stored.version, stored.state.state_hash())
        seq = event.seq - 1
    return False


def list_learners(reads: Reader, *, most: int) -> list[Principal]:
    """List the learners that have a snapshot, those that learned last first."""
    rows = reads.query(
        "SELECT tenant_id, agent_id FROM learner_snapshots GROUP BY tenant_id, agent_id "
        "ORDER BY MAX(created_at) DESC LIMIT ?",
        [most],
    )
    return [Principal(tenant_id=tenant_id, user_id="", agent_id=agent_id) for tenant_id, agent_id in rows]


def find_recent_learners(reads: Reader, *, tenants: int) -> list[Principal]:
    """Find, of each of the `tenants` tenants that learned last, the learner that did."""
    rows = reads.query(
        "SELECT tenant_id, agent_id FROM learner_snapshots GROUP BY tenant_id, agent_id "
        "ORDER BY MAX(created_at) DESC, tenant_id, agent_id"
    )
    newest: dict[str, str] = {}
    for tenant_id, agent_id in rows:
        newest.setdefault(tenant_id, agent_id)
    return [
        Principal(tenant_id=tenant, user_id="", agent_id=agent) for tenant, agent in islice(newest.items(), tenants)
    ]
