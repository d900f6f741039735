"""Withdrawing an answer: what was learned from verdicts on it is left out, as one more update; history stays."""

import asyncio
from functools import partial
from typing import NamedTuple

import msgspec

from soma.brain.core.restore import Restore
from soma.brain.feedback.memory_values import Taken, Values
from soma.brain.learners.learners import Learners, LearningResult, subject_of
from soma.brain.learners.presentation import of_every_weight
from soma.brain.learners.reward_gate import WITHDRAWN, all_left_out, is_withdrawn, keep_withdrawal, rewards, withdrawals
from soma.brain.types import Principal, Withdrawn
from soma.events.facts.codec import draft
from soma.events.facts.learning import RewardVoided
from soma.events.log import Reads
from soma.events.transaction import Transaction
from soma.events.writer import Writer

TRIES = 3  # beside the write; then within it, where nobody comes between


class Moved(Exception):
    """Between deriving and committing, the learner learned something else."""


class Prepared(NamedTuple):
    """What holds as long as the learner is at `base_version`; `back` is None where nothing had been learned."""

    base_version: int
    own: list[int]
    fact: RewardVoided
    back: Restore | None


class WithdrawalDesk:
    def __init__(self, writer: Writer, learners: Learners, values: Values) -> None:
        self._writer = writer
        self._learners = learners
        self._values = values

    async def withdraw(self, principal: Principal, turn_id: str) -> Taken[Withdrawn]:
        """Raises BrainRefused where what would be derived again was erased after its time."""
        for _ in range(TRIES):
            prepared = await asyncio.to_thread(self._prepared, self._writer.database, principal, turn_id)
            try:
                return await self._writer.write(partial(self._commit, principal=principal, prepared=prepared))
            except Moved:
                continue
        return await self._writer.write(lambda tx: self._commit(tx, principal, self._within(tx, principal, turn_id)))

    def _prepared(self, reads: Reads, principal: Principal, turn_id: str) -> Prepared:
        return self._derived(reads, principal, turn_id, self._learners.committed(principal).version)

    def _within(self, transaction: Transaction, principal: Principal, turn_id: str) -> Prepared:
        version = self._learners.current(transaction, principal).state.version
        return self._derived(transaction, principal, turn_id, version)

    def _derived(self, reads: Reads, principal: Principal, turn_id: str, version: int) -> Prepared:
        own = rewards(reads, principal, turn_id)
        fact = RewardVoided(turn_id=turn_id, cause=WITHDRAWN, learner_version=version + bool(own), state_hash="")
        if not own or is_withdrawn(reads, principal, turn_id):
            return Prepared(version, own, fact, None)
        versions = all_left_out(frozenset(own), withdrawals(reads, principal))
        fact = msgspec.structs.replace(fact, versions=sorted(versions), base_version=min(versions) - 1)
        return Prepared(version, own, fact, self._learners.voided(reads, principal, fact))

    def _commit(self, transaction: Transaction, principal: Principal, prepared: Prepared) -> Taken[Withdrawn]:
        standing, fact = self._learners.current(transaction, principal), prepared.fact
        if is_withdrawn(transaction, principal, fact.turn_id):
            return Taken(_answer(prepared, LearningResult(standing, standing), "duplicate"))
        if standing.state.version != prepared.base_version:
            raise Moved
        subject = subject_of(principal, turn_id=fact.turn_id)
        keep_withdrawal(transaction, principal, fact)
        if prepared.back is None:
            transaction.append(draft(fact, subject))
            return Taken(_answer(prepared, LearningResult(standing, standing), "success"))
        lesson = self._learners.void(transaction, principal, subject, fact, prepared.back)
        written = self._values.follow(transaction, principal, lesson)
        return Taken(_answer(prepared, lesson, "success"), lesson.after.state, written)


def _answer(prepared: Prepared, lesson: LearningResult, status: str) -> Withdrawn:
    before, after = dict(lesson.before.weights), dict(lesson.after.weights)
    return Withdrawn(
        status=status,
        turn_id=prepared.fact.turn_id,
        versions=prepared.own,
        version=lesson.after.state.version,
        weights_before=before,
        weights_after=after,
        weight_deltas=of_every_weight(lesson.deltas, after),
        state_hash=lesson.after.state.state_hash(),
    )
