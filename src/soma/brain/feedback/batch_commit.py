"""Taking batches: learned by workers, committed here if the learner is still where it was when they began."""

import asyncio
from collections import Counter
from functools import partial
from weakref import WeakValueDictionary

import msgspec

from soma.brain.context import corrections
from soma.brain.experiments.experiments import Experiments
from soma.brain.feedback import daily_bounds, standing_words
from soma.brain.feedback.answers import find_first_answer, find_first_answers, keep_answers
from soma.brain.feedback.batch import Given, Prepared, prepare
from soma.brain.feedback.meaning import ledger
from soma.brain.feedback.memory_values import Taken, Values
from soma.brain.feedback.rows import keep_feedback
from soma.brain.feedback.workers import Workers
from soma.brain.learners.learners import Learners, subject_of
from soma.brain.learners.reward_gate import is_withdrawn, keep_rewards
from soma.brain.types import BatchAnswer
from soma.brain.usage import keep_usage
from soma.events.errors import WriterBusy
from soma.events.facts.codec import draft, sealed
from soma.events.facts.learning import FeedbackBatchReceived
from soma.events.ids import now
from soma.events.transaction import Transaction
from soma.events.writer import Writer
from soma.memory.values import Written

TRIES = 3  # beside the write; then within it, where nobody comes between


class Moved(Exception):
    """Between preparing and committing, the learner learned something else."""


class BatchDesk:
    def __init__(
        self,
        writer: Writer,
        learners: Learners,
        values: Values,
        experiments: Experiments,
        workers: Workers,
        *,
        waiting: int,
    ) -> None:
        self._writer = writer
        self._learners = learners
        self._values = values
        self._experiments = experiments
        self._workers = workers
        self._waiting = waiting
        self._under_way = 0
        self._turns: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()

    async def take(self, given: Given) -> Taken[BatchAnswer]:
        """In order; batches of one learner one after another, those of others beside it. Raises WriterBusy."""
        if self._under_way >= self._waiting:
            raise WriterBusy(WriterBusy.__doc__)
        self._under_way += 1
        try:
            return await self._taken(given)
        finally:
            self._under_way -= 1

    async def _taken(self, given: Given) -> Taken[BatchAnswer]:
        learner = given.principal.tenant_id, given.principal.agent_id
        turn = self._turns.setdefault(learner, asyncio.Lock())
        async with turn:
            for _ in range(TRIES):
                state = await asyncio.to_thread(self._learners.committed, given.principal)
                prepared = await self._workers.prepare(state, given)
                if prepared.replaced:
                    break
                try:
                    return await self._writer.write(partial(self._commit, given=given, prepared=prepared))
                except Moved:
                    continue
            return await self._writer.write(lambda tx: self._within(tx, given))

    def _within(self, transaction: Transaction, given: Given) -> Taken[BatchAnswer]:
        state = self._learners.current(transaction, given.principal).state
        learners = self._learners
        prepared = prepare(transaction, state, learners.hyperparameters, learners.digest, given)
        if not prepared.replaced:
            return self._commit(transaction, given, prepared)
        written = self._values.take_back(transaction, given.principal, subject_of(given.principal), prepared.replaced)
        state = learners.current(transaction, given.principal).state
        prepared = prepare(transaction, state, learners.hyperparameters, learners.digest, given)
        taken = self._commit(transaction, given, prepared)
        return taken._replace(values=[*written, *taken.values], state=state if taken.state is None else taken.state)

    def _commit(self, transaction: Transaction, given: Given, prepared: Prepared) -> Taken[BatchAnswer]:
        principal, tenant_id = given.principal, given.principal.tenant_id
        if given.key and (first := find_first_answer(transaction, tenant_id, given.key)) is not None:
            return Taken(msgspec.structs.replace(msgspec.json.decode(first, type=BatchAnswer), status="duplicate"))
        if self._learners.current(transaction, principal).state.version != prepared.base_version:
            raise Moved
        if find_first_answers(transaction, tenant_id, prepared.keys):
            raise Moved
        if any(is_withdrawn(transaction, principal, turn_id) for turn_id, _ in prepared.rewards):
            raise Moved
        written = self._write(transaction, given, prepared) if prepared.rows else ()
        answer = BatchAnswer(
            accepted=len(prepared.rows),
            rejected=prepared.rejected,
            duplicates=prepared.duplicates,
            adapted=prepared.adapted,
        )
        answers = [(key, "") for key in prepared.keys]
        if given.key and prepared.rows:  # what was refused as a whole may come again, mended
            answers.append((given.key, msgspec.json.encode(answer).decode()))
        keep_answers(transaction, tenant_id, answers, at=now())
        standing_words.keep(transaction, tenant_id, prepared.heard, at=now())
        corrections.keep(transaction, principal, prepared.corrected)
        if prepared.heard and given.most:
            daily_bounds.count(transaction, principal, Counter(each.word.question for each in prepared.heard))
        return Taken(answer, prepared.state if prepared.learned else None, written)

    def _write(self, transaction: Transaction, given: Given, prepared: Prepared) -> Written:
        principal = given.principal
        event = transaction.append(sealed(FeedbackBatchReceived, prepared.received, subject_of(principal)))
        if prepared.learned:
            self._learners.keep_batch(transaction, principal, prepared.state, prepared.learned, prepared.recent)
        keep_rewards(transaction, principal, prepared.rewards)
        for void in prepared.voids:
            final = msgspec.structs.replace(void, learner_version=prepared.state.version)
            transaction.append(draft(final, subject_of(principal, turn_id=void.turn_id)))
        keep_feedback(transaction, event.position, prepared.rows)
        self._experiments.keep(transaction, principal, prepared.outcomes)
        keep_usage(transaction, ledger(principal, prepared.spent, None, at=event.timestamp))
        return self._values.move(transaction, principal, prepared.named, position=event.position)
