"""The learners: one state a (tenant, agent), kept by the writer, stored now and then, replayed from the log.

A state is what its chain of events says; a stored snapshot only shortens the way to it:

    event of the chain   1    2      3    4    5    6       2 is a batch, 3 teaches nothing (a checkpoint)
    version after it     1    2-4    -    5    6    7
    snapshot                              5                 the state at 7 is this one, and `learn` of events 5 and 6

Each update names the hyperparameters it was computed with, so that a replay after a change of settings gives the same
bits; and the hash of the state it led to, so that a snapshot which was changed in the database is found out.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Any, NamedTuple

import msgspec

from soma.brain.core.explanation import Explanation
from soma.brain.core.hyperparameters import Hyperparameters
from soma.brain.core.learn import learn
from soma.brain.core.restore import Restore
from soma.brain.core.state import LearnerState
from soma.brain.errors import BrainRefused
from soma.brain.learners.checkpoints import Signer
from soma.brain.learners.hyperparameters import digest_of, read_hyperparameters, record_hyperparameters
from soma.brain.learners.lineage import keep_jump, read_jumps
from soma.brain.learners.observations import Learnable, NamedMemory, named_memories, parse_observation
from soma.brain.learners.presentation import serve_next, served_weights, weight_changes
from soma.brain.learners.replay_start import (
    ReplayStart,
    checkpoint_not_believed,
    find_signed_start,
    find_start,
    version_erased,
)
from soma.brain.learners.replay_without import replay_without
from soma.brain.learners.reward_gate import Withdrawal, all_left_out
from soma.brain.types import Principal
from soma.events.chain import Event, Head
from soma.events.database import Reader
from soma.events.facts.codec import Subject, draft, draft_encoded, fact_of
from soma.events.facts.learning import (
    RewardVoided,
    WeightsBatchUpdated,
    WeightsGuarded,
    WeightsRolledBack,
    WeightsUpdated,
)
from soma.events.ids import now
from soma.events.log import Log
from soma.events.transaction import Transaction
from soma.events.writer import Writer

NEAR = 1_000  # updates up to which a word that is replaced is taken back: some tens of milliseconds of the writer
REPLACED = "word_replaced"
RESTORED = 10_000  # learners, those that learned last
logger = logging.getLogger(__name__)

LEARNED = ("weights.updated", "weights.batch_updated", "weights.rolled_back", "reward.voided")


class CachedLearner(msgspec.Struct, frozen=True):
    """A learner's state with the weights that it serves, and the version of its newest snapshot."""

    state: LearnerState
    weights: dict[str, float]
    stored: int


class Base(NamedTuple):
    """A state that a replay can go on from: its version, and the number of the last event that it covers."""

    version: int
    seq: int
    state: LearnerState


class LearningStep(NamedTuple):
    """One observation that was learned: the state after it, and why that is what it is."""

    observation: Learnable
    state: LearnerState
    explanation: Explanation


class LearningResult(msgspec.Struct, frozen=True):
    """Result of a write: the learner before and after it, an explanation for each observation, what moved."""

    before: CachedLearner
    after: CachedLearner
    explanations: tuple[Explanation, ...] = ()
    deltas: dict[str, float] = {}
    position: int = 0
    """Position of the last event in the log; 0 where nothing was learned."""

    @property
    def named_memories(self) -> list[NamedMemory]:
        """Memories whose own value moves by it."""
        return [each for explanation in self.explanations for each in named_memories(explanation)]


def stream_of(principal: Principal) -> str:
    return f"learner:{principal.agent_id}"


def subject_of(principal: Principal, *, turn_id: str | None = None) -> Subject:
    """Subject of a learner's facts: a chain of its own, which takes no place in the agent's conversations."""
    return Subject(
        tenant_id=principal.tenant_id,
        stream=stream_of(principal),
        user_id=principal.user_id,
        agent_id=principal.agent_id,
        turn_id=turn_id,
    )


class Learners:
    def __init__(
        self,
        writer: Writer,
        hyperparameters: Hyperparameters,
        signer: Signer,
        *,
        snapshot_every: int,
        checkpoint_every: int,
    ) -> None:
        self.hyperparameters = hyperparameters
        self.digest = digest_of(hyperparameters)
        self._writer = writer
        self._database = writer.database
        self.signer = signer
        self._snapshot_every = snapshot_every
        self._checkpoint_every = checkpoint_every
        self._shared = writer.database.dialect == "postgresql"  # SQLite's folder is locked by one process
        self._by_digest = {self.digest: hyperparameters}

    # Reading: only what is committed

    def read_committed(self, principal: Principal) -> LearnerState:
        cached: CachedLearner | None = self._writer.get_kept(_key(principal))
        if cached is None or (self._shared and not self._is_newest(principal)):
            return self._load(self._database, principal).state
        return cached.state

    def find_recent(self, principal: Principal, version: int) -> Base | None:
        """Find the nearest state not after `version` that this process kept on the way through its last batch.

        It lies within a batch: the event after it is that batch, of which the versions up to it are to be skipped.
        """
        kept: tuple[Base, ...] = self._writer.get_kept(("recent", *_key(principal))) or ()
        return max((base for base in kept if base.version <= version), key=lambda base: base.version, default=None)

    def _is_newest(self, principal: Principal) -> bool:
        """Return whether no other process has appended to the learner's chain since this one kept its state."""
        stream = stream_of(principal)
        head: Head | None = self._writer.get_kept(("head", principal.tenant_id, stream))
        rows = self._database.query(
            "SELECT MAX(seq) FROM events WHERE tenant_id = ? AND stream = ?", [principal.tenant_id, stream]
        )
        return head is not None and head.seq == rows[0][0]

    def state_at(self, reads: Reader, principal: Principal, version: int) -> LearnerState:
        """Derive the state as it was at `version`, to the bit. Raises BrainRefused if it never was, or was erased."""
        cached = self._load(reads, principal, version)
        if cached.state.version != version:
            raise BrainRefused("unknown_version", f"the learner has never been at version {version}", "version", 404)
        return cached.state

    def find_base(self, reads: Reader, principal: Principal, version: int | None = None) -> Base:
        """Find the nearest stored state not after `version`. Raises BrainRefused where that has been erased."""
        start = find_start(reads, principal)
        if version == 0 or start is None:
            return self._snapshot(reads, principal, version) or Base(0, 0, self._first_state(reads, principal))
        if version is not None and version < start.version:
            raise version_erased(start)
        found = self._snapshot(reads, principal, version, after=start.version)
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

    def _load(self, reads: Reader, principal: Principal, version: int | None = None) -> CachedLearner:
        stored, seq, state = self.find_base(reads, principal, version)
        for event in Log(reads).follow(principal.tenant_id, stream_of(principal), types=LEARNED, after=seq):
            if state.version == version:
                break
            state = self._replay(reads, principal, state, event, version)
        return self._cached_learner(state, stored)

    def _cached_learner(self, state: LearnerState, stored: int) -> CachedLearner:
        return CachedLearner(state, served_weights(state, self.hyperparameters), stored)

    def _snapshot(self, reads: Reader, principal: Principal, version: int | None, *, after: int = -1) -> Base | None:
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

    def _replay(
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

    # Writing: in the writer's thread, in one transaction with the events

    def configure(self, transaction: Transaction) -> None:
        """Record this process's hyperparameters in the log."""
        record_hyperparameters(transaction, self.hyperparameters)

    def load_recent(self, transaction: Transaction) -> int:
        """Load the learners that learned last, as far as there is room, so that no first turn waits for a replay."""
        rows = transaction.query(
            "SELECT tenant_id, agent_id FROM learner_snapshots GROUP BY tenant_id, agent_id "
            "ORDER BY MAX(created_at) DESC LIMIT ?",
            [RESTORED],
        )
        for tenant_id, agent_id in rows:
            principal = Principal(tenant_id=tenant_id, user_id="", agent_id=agent_id)
            self.current(transaction, principal)
            transaction.head(tenant_id, stream_of(principal))
        return len(rows)

    def current(self, transaction: Transaction, principal: Principal) -> CachedLearner:
        return transaction.get(_key(principal), lambda: self._load(transaction, principal))

    def version_of(self, transaction: Transaction, tenant_id: str) -> Callable[[str], int]:
        """Return a function from an agent to the version of its learner."""

        def version(agent_id: str) -> int:
            return self.current(
                transaction, Principal(tenant_id=tenant_id, user_id="", agent_id=agent_id)
            ).state.version

        return version

    def teach(
        self,
        transaction: Transaction,
        principal: Principal,
        subject: Subject,
        observations: Sequence[Learnable],
        cause: str,
    ) -> LearningResult:
        """Learn each observation and append one event for it."""
        state, steps = self.current(transaction, principal).state, []
        for observation in observations:
            state, explanation = learn(state, observation, self.hyperparameters)
            steps.append(LearningStep(observation, state, explanation))
        return self.keep_steps(transaction, principal, subject, steps, cause)

    def keep_steps(
        self,
        transaction: Transaction,
        principal: Principal,
        subject: Subject,
        steps: Sequence[LearningStep],
        cause: str,
    ) -> LearningResult:
        """Append one event for each step; the first goes on from the current state."""
        before = after = self.current(transaction, principal)
        position = 0
        for observation, state, _ in steps:
            weights, weight_deltas = serve_next(after.state, after.weights, state, self.hyperparameters)
            fact = WeightsUpdated(
                learner_version=state.version,
                cause=cause,
                observation=observation,
                weight_deltas=weight_deltas,
                state_hash=state.state_hash(),
                hyperparameters=self.digest,
            )
            position = transaction.append(draft(fact, subject)).position
            after = CachedLearner(state, weights, after.stored)
        self._keep(transaction, principal, before, after)
        explanations = tuple(step.explanation for step in steps)
        return LearningResult(before, after, explanations, weight_changes(before.weights, after.weights), position)

    def keep_batch(
        self,
        transaction: Transaction,
        principal: Principal,
        state: LearnerState,
        payload: str,
        recent: Iterable[LearnerState],
    ) -> None:
        """Append what a batch taught, prepared elsewhere, and take the state that it led to.

        `recent` are some states on the way there, so that the last updates can be explained without replaying the
        whole batch.
        """
        event = transaction.append(draft_encoded(WeightsBatchUpdated, payload, subject_of(principal)))
        kept = tuple(Base(before.version, event.seq - 1, before) for before in recent)
        transaction.keep(("recent", *_key(principal)), kept)
        before = self.current(transaction, principal)
        self._keep(transaction, principal, before, self._cached_learner(state, before.stored))

    def roll_back(
        self, transaction: Transaction, principal: Principal, subject: Subject, version: int
    ) -> LearningResult:
        before = self.current(transaction, principal)
        if version > before.state.version:
            raise BrainRefused("unknown_version", f"the learner has never been at version {version}", "version", 404)
        back = self.build_restore(transaction, principal, version, self.digest)
        state, explanation = learn(before.state, back, self.hyperparameters)
        fact = WeightsRolledBack(
            learner_version=state.version,
            restored_version=version,
            state_hash=state.state_hash(),
            hyperparameters=self.digest,
            restores_values=True,
        )
        transaction.append(draft(fact, subject))
        keep_jump(transaction, principal, state.version, back_to=version, left_out=())
        after = self._cached_learner(state, before.stored)
        self._keep(transaction, principal, before, after, store=True)
        return LearningResult(before, after, (explanation,), weight_changes(before.weights, after.weights))

    def void(
        self, transaction: Transaction, principal: Principal, subject: Subject, fact: RewardVoided, back: Restore
    ) -> LearningResult:
        """Go on as if what `fact` names had never been learned; versions and hash of the fact are filled in here."""
        before = self.current(transaction, principal)
        state, explanation = learn(before.state, back, self.hyperparameters)
        fact = msgspec.structs.replace(fact, learner_version=state.version, state_hash=state.state_hash())
        transaction.append(draft(fact, subject))
        keep_jump(transaction, principal, state.version, left_out=fact.versions)
        after = self._cached_learner(state, before.stored)
        self._keep(transaction, principal, before, after, store=True)
        return LearningResult(before, after, (explanation,), weight_changes(before.weights, after.weights))

    def take_back(
        self, transaction: Transaction, principal: Principal, subject: Subject, versions: frozenset[int]
    ) -> LearningResult | None:
        """Go on without words that newer ones replace; None where they are too far back for that."""
        version = self.current(transaction, principal).state.version
        since = read_jumps(transaction, principal, since=version - NEAR)
        earlier = [Withdrawal(jump.left_out, jump.version) for jump in since if jump.left_out]
        versions = all_left_out(versions, earlier)
        base, start = min(versions) - 1, find_start(transaction, principal)
        if version - base > NEAR or (start is not None and base < start.version):
            return None
        fact = RewardVoided(
            turn_id=subject.turn_id or "",
            cause=REPLACED,
            learner_version=version + 1,
            state_hash="",
            versions=sorted(versions),
            base_version=base,
        )
        back = self.build_restore_without(transaction, principal, fact)
        return self.void(transaction, principal, subject, fact, back)

    def _keep(
        self,
        transaction: Transaction,
        principal: Principal,
        before: CachedLearner,
        after: CachedLearner,
        *,
        store: bool = False,
    ) -> None:
        version = after.state.version
        if after.state.counts.guarded > before.state.counts.guarded:
            fact = WeightsGuarded(learner_version=version, weights=dict(after.weights))
            transaction.append(draft(fact, subject_of(principal)))
        if version // self._checkpoint_every > before.state.version // self._checkpoint_every:
            self._checkpoint(transaction, principal, after.state)
        is_first = version > 0 and after.stored == 0
        if store or is_first or version - after.stored >= self._snapshot_every:
            self._store(transaction, principal, after.state)
            after = msgspec.structs.replace(after, stored=version)
        transaction.keep(_key(principal), after)

    def _checkpoint(self, transaction: Transaction, principal: Principal, state: LearnerState) -> None:
        head = transaction.head(principal.tenant_id, stream_of(principal))
        fact = self.signer.checkpoint(principal.tenant_id, principal.agent_id, state, head)
        transaction.append(draft(fact, subject_of(principal)))

    def _store(self, transaction: Transaction, principal: Principal, state: LearnerState) -> None:
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


def _key(principal: Principal) -> tuple[str, str, str]:
    return ("learner", principal.tenant_id, principal.agent_id)


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
