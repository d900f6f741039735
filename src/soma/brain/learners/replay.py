"""Replay of a learner: its state at any version, derived again from the events of its chain.

A state is what its chain of events says; a stored snapshot only shortens the way to it:

    event of the chain   1    2      3    4    5    6       2 is a batch, 3 teaches nothing (a checkpoint)
    version after it     1    2-4    -    5    6    7
    snapshot                              5                 the state at 7 is this one, and `learn` of events 5 and 6

Each update names the hyperparameters it was computed with, so that a replay after a change of settings gives the same
bits; and the hash of the state it led to, so that a snapshot which was changed in the database is found out.
"""

from collections.abc import Iterable
from typing import Any

from soma.brain.core.hyperparameters import Hyperparameters
from soma.brain.core.learn import learn
from soma.brain.core.restore import Restore
from soma.brain.core.state import LearnerState
from soma.brain.errors import BrainRefused
from soma.brain.learners.chain import LEARNED, stream_of
from soma.brain.learners.checkpoints import Signer
from soma.brain.learners.hyperparameters import digest_of, read_hyperparameters
from soma.brain.learners.observations import parse_observation
from soma.brain.learners.replay_start import (
    ReplayStart,
    checkpoint_not_believed,
    find_signed_start,
    find_start,
    version_erased,
)
from soma.brain.learners.replay_without import replay_without
from soma.brain.learners.snapshots import Base, find_snapshot
from soma.brain.types import Principal
from soma.events.chain import Event
from soma.events.database import Database, Reader
from soma.events.facts.codec import fact_of
from soma.events.facts.learning import (
    RewardVoided,
    WeightsBatchUpdated,
    WeightsRolledBack,
    WeightsUpdated,
)
from soma.events.log import Log

REPLACED = "word_replaced"


class LearnerReplay:
    """Derives states; nothing is written."""

    def __init__(self, database: Database, hyperparameters: Hyperparameters, signer: Signer) -> None:
        self.hyperparameters = hyperparameters
        self.digest = digest_of(hyperparameters)
        self.signer = signer
        self._database = database
        self._by_digest = {self.digest: hyperparameters}

    def state_at(self, reads: Reader, principal: Principal, version: int) -> LearnerState:
        """Derive the state as it was at `version`, to the bit. Raises BrainRefused if it never was, or was erased."""
        state, _ = self.replay(reads, principal, version)
        if state.version != version:
            raise BrainRefused("unknown_version", f"the learner has never been at version {version}", "version", 404)
        return state

    def find_base(self, reads: Reader, principal: Principal, version: int | None = None) -> Base:
        """Find the nearest stored state not after `version`. Raises BrainRefused where that has been erased."""
        start = find_start(reads, principal)
        if version == 0 or start is None:
            return find_snapshot(reads, principal, version) or Base(0, 0, self._first_state(reads, principal))
        if version is not None and version < start.version:
            raise version_erased(start)
        found = find_snapshot(reads, principal, version, after=start.version)
        return found or self._begin_at_checkpoint(reads, principal, start)

    def _first_state(self, reads: Reader, principal: Principal) -> LearnerState:
        """Build the state before the first update, by the hyperparameters that the first update names."""
        for event in Log(reads).follow(principal.tenant_id, stream_of(principal)):
            match fact_of(event):
                case WeightsUpdated(hyperparameters=digest) | WeightsBatchUpdated(hyperparameters=digest) if digest:
                    return LearnerState.initial(self.hyperparameters_of(digest))
            if event.payload is None or event.event_type in LEARNED:
                break
        return LearnerState.initial(self.hyperparameters)

    def _begin_at_checkpoint(self, reads: Reader, principal: Principal, start: ReplayStart) -> Base:
        found = find_signed_start(reads, principal.tenant_id, principal.agent_id, start, self.signer.believed)
        if found is None:
            raise checkpoint_not_believed(start)
        return Base(start.version, start.seq, found.state)

    def replay(self, reads: Reader, principal: Principal, version: int | None = None) -> tuple[LearnerState, int]:
        """Derive the newest state, or that at `version`, and tell the version of the snapshot that it began from."""
        stored, seq, state = self.find_base(reads, principal, version)
        for event in Log(reads).follow(principal.tenant_id, stream_of(principal), types=LEARNED, after=seq):
            if state.version == version:
                break
            state = self._replay_event(reads, principal, state, event, version)
        return state, stored

    def _replay_event(
        self, reads: Reader, principal: Principal, state: LearnerState, event: Event, until: int | None
    ) -> LearnerState:
        match fact_of(event):
            case WeightsUpdated() as fact:
                return self._replay_observations(state, [fact.observation], fact.hyperparameters)
            case WeightsBatchUpdated() as fact:
                wanted = len(fact.observations) if until is None else until - state.version
                return self._replay_observations(state, fact.observations[:wanted], fact.hyperparameters)
            case WeightsRolledBack() as fact:
                back = self.build_restore(reads, principal, fact.restored_version, fact.hyperparameters)
                return learn(state, back, self.hyperparameters)[0]
            case RewardVoided(versions=[]):
                return state
            case RewardVoided() as fact:
                return learn(state, self.build_restore_without(reads, principal, fact), self.hyperparameters)[0]
            case _:
                if start := find_start(reads, principal):  # erased since the base was read
                    raise version_erased(start)
                raise LookupError(f"the payload of {event.event_id} is gone, and no checkpoint covers it")

    def _replay_observations(self, state: LearnerState, records: Iterable[Any], digest: str) -> LearnerState:
        hyperparameters = self.hyperparameters_of(digest)
        for each in records:
            state, _ = learn(state, parse_observation(each), hyperparameters)
        return state

    def hyperparameters_of(self, digest: str) -> Hyperparameters:
        if digest not in self._by_digest:
            self._by_digest |= read_hyperparameters(self._database)
        return self._by_digest[digest]

    def build_restore(self, reads: Reader, principal: Principal, version: int, digest: str) -> Restore:
        """Build the observation that brings `version` back.

        `digest` names the hyperparameters of version 0; old events name none, and then the process's own count.
        """
        hyperparameters = self.hyperparameters_of(digest) if digest else self.hyperparameters
        snapshot = self.state_at(reads, principal, version) if version else LearnerState.initial(hyperparameters)
        return Restore(snapshot=snapshot, reason=f"rolled back to version {version}")

    def build_restore_without(self, reads: Reader, principal: Principal, fact: RewardVoided) -> Restore:
        """Build the observation that leads to the state without the updates that `fact` names, as of just before it."""
        state = self.replay_without(reads, principal, frozenset(fact.versions), until=fact.learner_version - 1)
        what = "what a newer word replaces" if fact.cause == REPLACED else f"the rewards of turn {fact.turn_id}"
        return Restore(snapshot=state, reason=f"without {what}: {fact.cause}")

    def replay_without(
        self, reads: Reader, principal: Principal, versions: frozenset[int], *, until: int
    ) -> LearnerState:
        """Derive the state at `until` without some updates. It may take long: not for the event loop."""
        seq = self.find_base(reads, principal, min(versions) - 1).seq
        return replay_without(
            versions,
            lambda: Log(reads).follow(principal.tenant_id, stream_of(principal), after=seq),
            until=until,
            hyperparameters_of=self.hyperparameters_of,
            at=lambda version: self.state_at(reads, principal, version),
        )
