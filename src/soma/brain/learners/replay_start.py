"""Replay start: once a learner's oldest events were erased, a replay begins at a checkpoint signed by a believed key.

Numbers of the learner's chain, as `ReplayStart` has them:

    1 ..... 40 ..... 90    91 ... 94    95            96 ...
            │        │                  `checkpoint_seq`: it holds the state after 90; a replay goes on with 91
            │        `seq`: the last event that the checkpoint covers
            `erased_seq`: payloads are gone up to here, and in the end up to `seq`
"""

from collections.abc import Set as AbstractSet
from typing import NamedTuple

from soma.brain.core.state import LearnerState
from soma.brain.errors import BrainRefused
from soma.brain.learners.checkpoints import is_signed
from soma.brain.types import Principal
from soma.events.database import Reader
from soma.events.facts.codec import fact_of
from soma.events.facts.learning import LearningCheckpointed
from soma.events.log import Log

COLUMNS = "version, seq, checkpoint_seq, erased_seq"


class ReplayStart(NamedTuple):
    """`version` is the oldest that can be restored; the others are numbers of the learner's chain: the last event
    that the checkpoint covers, the checkpoint, and how far the payloads have gone."""

    version: int
    seq: int
    checkpoint_seq: int
    erased_seq: int = 0


class SignedStart(NamedTuple):
    """A believed checkpoint: the state that it holds, and when it was signed."""

    state: LearnerState
    at: str


def find_start(reads: Reader, principal: Principal) -> ReplayStart | None:
    rows = reads.query(
        f"SELECT {COLUMNS} FROM learner_starts WHERE tenant_id = ? AND agent_id = ?",
        [principal.tenant_id, principal.agent_id],
    )
    return ReplayStart(*rows[0]) if rows else None


def find_signed_start(
    reads: Reader, tenant_id: str, agent_id: str, start: ReplayStart, believed: AbstractSet[str]
) -> SignedStart | None:
    """Read the checkpoint of a start; None if it is missing, of another place, or not signed by a believed key."""
    log, stream = Log(reads), f"learner:{agent_id}"
    event, covered = (log.find_numbered(tenant_id, stream, seq) for seq in (start.checkpoint_seq, start.seq))
    fact = fact_of(event) if event else None
    if event is None or covered is None or not isinstance(fact, LearningCheckpointed):
        return None
    named = (fact.agent_id, fact.learner_version, fact.chain_seq, fact.chain_hash)
    if named != (agent_id, start.version, start.seq, covered.hash):
        return None
    if fact.public_key not in believed or not is_signed(tenant_id, fact):
        return None
    return SignedStart(LearnerState.from_json(fact.state), event.timestamp)


def version_erased(start: ReplayStart) -> BrainRefused:
    """Build the refusal of a version before the start."""
    message = (
        f"What this learner was told before version {start.version} was erased after its time: the oldest version "
        f"that can be restored is {start.version} (or 0, where nothing had been learned)."
    )
    return BrainRefused("version_erased", message, "version", 410)


def checkpoint_not_believed(start: ReplayStart) -> BrainRefused:
    """Build the refusal of a replay whose checkpoint is missing, or signed by a stranger."""
    message = (
        f"This learner begins at the checkpoint of version {start.version}, and that is not signed by a key that this "
        "brain believes: `python -m soma.brain.verify` says more."
    )
    return BrainRefused("checkpoint_not_believed", message, None, 409)
