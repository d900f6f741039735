"""Withdrawal of an answer: what was learned from verdicts on it is left out, as one more update; history stays."""

import asyncio
from typing import NamedTuple

import msgspec

from soma.brain.core.restore import Restore
from soma.brain.feedback.memory_values import Committed, Values
from soma.brain.learners.chain import subject_of
from soma.brain.learners.learners import Learners, LearningResult
from soma.brain.learners.optimistic import LearnerMoved, commit_if_unchanged
from soma.brain.learners.presentation import fill_unmoved
from soma.brain.learners.reward_gate import (
    WITHDRAWN,
    all_left_out,
    is_withdrawn,
    keep_withdrawal,
    read_reward_versions,
    read_withdrawals,
)
from soma.brain.types import Principal, Withdrawn
from soma.events.database import Reader
from soma.events.facts.codec import draft
from soma.events.facts.learning import RewardVoided
from soma.events.transaction import Transaction
from soma.events.writer import Writer


class PreparedWithdrawal(NamedTuple):
    """A withdrawal that holds while the learner is at `base_version`; `back` is None where nothing had been learned."""

    base_version: int
    own: list[int]
    fact: RewardVoided
    back: Restore | None


class WithdrawalIntake:
    def __init__(self, writer: Writer, learners: Learners, values: Values) -> None:
        self._writer = writer
        self._learners = learners
        self._values = values

    async def withdraw(self, principal: Principal, turn_id: str) -> Committed[Withdrawn]:
        """Raises BrainRefused where what would be derived again was erased after its time."""

        def prepare() -> PreparedWithdrawal:
            version = self._learners.read_committed(principal).version
            return self._prepare(self._writer.database, principal, turn_id, version)

        def commit_in_place(transaction: Transaction) -> Committed[Withdrawn]:
            version = self._learners.current(transaction, principal).state.version
            return self._commit(transaction, principal, self._prepare(transaction, principal, turn_id, version))

        return await commit_if_unchanged(
            self._writer,
            lambda: asyncio.to_thread(prepare),
            lambda transaction, prepared: self._commit(transaction, principal, prepared),
            commit_in_place,
        )

    def _prepare(self, reads: Reader, principal: Principal, turn_id: str, version: int) -> PreparedWithdrawal:
        own = read_reward_versions(reads, principal, turn_id)
        fact = RewardVoided(turn_id=turn_id, cause=WITHDRAWN, learner_version=version + bool(own), state_hash="")
        if not own or is_withdrawn(reads, principal, turn_id):
            return PreparedWithdrawal(version, own, fact, None)
        versions = all_left_out(frozenset(own), read_withdrawals(reads, principal))
        fact = msgspec.structs.replace(fact, versions=sorted(versions), base_version=min(versions) - 1)
        return PreparedWithdrawal(version, own, fact, self._learners.build_restore_without(reads, principal, fact))

    def _commit(
        self, transaction: Transaction, principal: Principal, prepared: PreparedWithdrawal
    ) -> Committed[Withdrawn]:
        standing, fact = self._learners.current(transaction, principal), prepared.fact
        if is_withdrawn(transaction, principal, fact.turn_id):
            return Committed(_answer(prepared, LearningResult(standing, standing), "duplicate"))
        if standing.state.version != prepared.base_version:
            raise LearnerMoved
        subject = subject_of(principal, turn_id=fact.turn_id)
        keep_withdrawal(transaction, principal, fact)
        if prepared.back is None:
            transaction.append(draft(fact, subject))
            return Committed(_answer(prepared, LearningResult(standing, standing), "success"))
        learning = self._learners.void(transaction, principal, subject, fact, prepared.back)
        written = self._values.restore_standing(transaction, principal, learning)
        return Committed(_answer(prepared, learning, "success"), learning.after.state, written)


def _answer(prepared: PreparedWithdrawal, learning: LearningResult, status: str) -> Withdrawn:
    before, after = dict(learning.before.weights), dict(learning.after.weights)
    return Withdrawn(
        status=status,
        turn_id=prepared.fact.turn_id,
        versions=prepared.own,
        version=learning.after.state.version,
        weights_before=before,
        weights_after=after,
        weight_deltas=fill_unmoved(learning.deltas, after),
        state_hash=learning.after.state.state_hash(),
    )
