"""The learners: one state for each (tenant, agent), and what is written of it: lessons, rollbacks, what is left out.

`replay.py` derives a state from the events, `snapshots.py` stores some on the way.
"""

from collections.abc import Callable, Iterable, Sequence

import msgspec

from soma.brain.core.explanation import Explanation
from soma.brain.core.hyperparameters import Hyperparameters
from soma.brain.core.learn import learn
from soma.brain.core.restore import Restore
from soma.brain.core.state import LearnerState
from soma.brain.errors import BrainRefused
from soma.brain.learners.chain import stream_of, subject_of
from soma.brain.learners.checkpoints import Signer
from soma.brain.learners.hyperparameters import record_hyperparameters
from soma.brain.learners.lineage import keep_jump, read_jumps
from soma.brain.learners.observations import Learnable, LearningStep, NamedMemory, named_memories
from soma.brain.learners.presentation import serve_next, served_weights, weight_changes
from soma.brain.learners.replay import REPLACED, LearnerReplay
from soma.brain.learners.replay_start import (
    find_start,
)
from soma.brain.learners.reward_gate import Withdrawal, all_left_out
from soma.brain.learners.snapshots import Base, keep_snapshot, list_learners
from soma.brain.types import Principal
from soma.events.chain import Head
from soma.events.facts.codec import Subject, draft, draft_encoded
from soma.events.facts.learning import (
    RewardVoided,
    WeightsBatchUpdated,
    WeightsGuarded,
    WeightsRolledBack,
    WeightsUpdated,
)
from soma.events.transaction import Transaction
from soma.events.writer import Writer

NEAR = 1_000  # updates up to which a word that is replaced is taken back: some tens of milliseconds of the writer
RESTORED = 10_000  # learners, those that learned last


class CachedLearner(msgspec.Struct, frozen=True):
    """A learner's state with the weights that it serves, and the version of its newest snapshot."""

    state: LearnerState
    weights: dict[str, float]
    stored: int


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


class Learners(LearnerReplay):
    """The learners of a brain: their replay, and all that is written of them."""

    def __init__(
        self,
        writer: Writer,
        hyperparameters: Hyperparameters,
        signer: Signer,
        *,
        snapshot_every: int,
        checkpoint_every: int,
    ) -> None:
        super().__init__(writer.database, hyperparameters, signer)
        self._writer = writer
        self._snapshot_every = snapshot_every
        self._checkpoint_every = checkpoint_every
        self._shared = writer.database.dialect == "postgresql"  # SQLite's folder is locked by one process

    # Reading: only what is committed

    def read_committed(self, principal: Principal) -> LearnerState:
        cached: CachedLearner | None = self._writer.get_kept(_key(principal))
        if cached is None or (self._shared and not self._is_newest(principal)):
            return self.replay(self._database, principal)[0]
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

    # Writing: in the writer's thread, in one transaction with the events

    def configure(self, transaction: Transaction) -> None:
        """Record this process's hyperparameters in the log."""
        record_hyperparameters(transaction, self.hyperparameters)

    def load_recent(self, transaction: Transaction) -> int:
        """Load the learners that learned last, as far as there is room, so that no first turn waits for a replay."""
        learners = list_learners(transaction, most=RESTORED)
        for principal in learners:
            self.current(transaction, principal)
            transaction.head(principal.tenant_id, stream_of(principal))
        return len(learners)

    def current(self, transaction: Transaction, principal: Principal) -> CachedLearner:
        return transaction.get(_key(principal), lambda: self._cache(*self.replay(transaction, principal)))

    def _cache(self, state: LearnerState, stored: int) -> CachedLearner:
        return CachedLearner(state, served_weights(state, self.hyperparameters), stored)

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
        self._keep(transaction, principal, before, self._cache(state, before.stored))

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
        after = self._cache(state, before.stored)
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
        after = self._cache(state, before.stored)
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
            keep_snapshot(transaction, principal, after.state)
            after = msgspec.structs.replace(after, stored=version)
        transaction.keep(_key(principal), after)

    def _checkpoint(self, transaction: Transaction, principal: Principal, state: LearnerState) -> None:
        head = transaction.head(principal.tenant_id, stream_of(principal))
        fact = self.signer.checkpoint(principal.tenant_id, principal.agent_id, state, head)
        transaction.append(draft(fact, subject_of(principal)))


def _key(principal: Principal) -> tuple[str, str, str]:
    return ("learner", principal.tenant_id, principal.agent_id)
