"""Commit batches: learned by workers, written here if the learner is still where it was when they began."""

import asyncio
from weakref import WeakValueDictionary

import msgspec

from soma.brain.experiments.experiments import Experiments
from soma.brain.feedback.answers import FirstAnswer, find_first_answer, find_first_answers, keep_answers
from soma.brain.feedback.batch import BatchRequest, PreparedBatch, prepare
from soma.brain.feedback.commit import ConsequenceWriter
from soma.brain.feedback.memory_values import Committed, Values
from soma.brain.feedback.workers import Workers
from soma.brain.learners.chain import subject_of
from soma.brain.learners.learners import Learners
from soma.brain.learners.optimistic import LearnerMoved, commit_if_unchanged
from soma.brain.learners.reward_gate import is_withdrawn
from soma.brain.types import BatchAnswer
from soma.events.errors import WriterBusy
from soma.events.facts.codec import draft_encoded
from soma.events.facts.learning import FeedbackBatchReceived
from soma.events.ids import now
from soma.events.transaction import Transaction
from soma.events.writer import Writer
from soma.memory.values import WrittenValues


class BatchIntake:
    """Takes batches in order: those of one learner one after another, those of others at the same time."""

    def __init__(
        self,
        writer: Writer,
        learners: Learners,
        values: Values,
        experiments: Experiments,
        workers: Workers,
        *,
        waiting: int,
        most: int,
    ) -> None:
        self._writer = writer
        self._learners = learners
        self._values = values
        self._consequences = ConsequenceWriter(values, experiments, most=most)
        self._workers = workers
        self._waiting = waiting
        self._under_way = 0
        self._turns: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()

    async def take(self, batch: BatchRequest) -> Committed[BatchAnswer]:
        """Learn and commit a batch. Raises WriterBusy where too many are under way."""
        if self._under_way >= self._waiting:
            raise WriterBusy(WriterBusy.__doc__)
        self._under_way += 1
        try:
            learner = batch.principal.tenant_id, batch.principal.agent_id
            turn = self._turns.setdefault(learner, asyncio.Lock())
            async with turn:
                return await self._learn_and_commit(batch)
        finally:
            self._under_way -= 1

    async def _learn_and_commit(self, batch: BatchRequest) -> Committed[BatchAnswer]:
        async def prepare_elsewhere() -> PreparedBatch | None:
            state = await asyncio.to_thread(self._learners.read_committed, batch.principal)
            prepared = await self._workers.prepare(state, batch)
            return None if prepared.replaced else prepared  # what is replaced is taken back in the writer's thread

        return await commit_if_unchanged(
            self._writer,
            prepare_elsewhere,
            lambda transaction, prepared: self._commit(transaction, batch, prepared),
            lambda transaction: self._commit_in_place(transaction, batch),
        )

    def _commit_in_place(self, transaction: Transaction, batch: BatchRequest) -> Committed[BatchAnswer]:
        prepared = self._prepare(transaction, batch)
        if not prepared.replaced:
            return self._commit(transaction, batch, prepared)
        subject = subject_of(batch.principal)
        written = self._values.take_back(transaction, batch.principal, subject, prepared.replaced)
        state = self._learners.current(transaction, batch.principal).state
        done = self._commit(transaction, batch, self._prepare(transaction, batch))
        return done._replace(values=[*written, *done.values], state=state if done.state is None else done.state)

    def _prepare(self, transaction: Transaction, batch: BatchRequest) -> PreparedBatch:
        learners = self._learners
        state = learners.current(transaction, batch.principal).state
        return prepare(transaction, state, learners.hyperparameters, learners.digest, batch)

    def _commit(self, transaction: Transaction, batch: BatchRequest, prepared: PreparedBatch) -> Committed[BatchAnswer]:
        tenant_id, found = batch.principal.tenant_id, prepared.consequences
        if batch.key and (first := find_first_answer(transaction, tenant_id, batch.key)) is not None:
            first.check_said(batch.digest)
            answer = msgspec.json.decode(first.text, type=BatchAnswer)
            return Committed(msgspec.structs.replace(answer, status="duplicate"))
        self._check_unchanged(transaction, batch, prepared)
        written = self._write(transaction, batch, prepared) if found.rows else ()
        answer = BatchAnswer(
            accepted=len(found.rows),
            rejected=prepared.rejected,
            duplicates=prepared.duplicates,
            adapted=found.applied,
        )
        answers = [(key, FirstAnswer("", said)) for key, said in prepared.keys.items()]
        if batch.key and found.rows:  # what was refused as a whole may come again, mended
            answers.append((batch.key, FirstAnswer(msgspec.json.encode(answer).decode(), batch.digest)))
        keep_answers(transaction, tenant_id, answers, at=now())
        return Committed(answer, prepared.state if prepared.learned else None, written)

    def _check_unchanged(self, transaction: Transaction, batch: BatchRequest, prepared: PreparedBatch) -> None:
        """Raise LearnerMoved where anything was learned, answered or withdrawn that the batch did not see."""
        principal = batch.principal
        if self._learners.current(transaction, principal).state.version != prepared.base_version:
            raise LearnerMoved
        if find_first_answers(transaction, principal.tenant_id, prepared.keys):
            raise LearnerMoved
        if any(is_withdrawn(transaction, principal, turn_id) for turn_id, _ in prepared.consequences.rewards):
            raise LearnerMoved

    def _write(self, transaction: Transaction, batch: BatchRequest, prepared: PreparedBatch) -> WrittenValues:
        principal, version = batch.principal, prepared.state.version
        received = transaction.append(draft_encoded(FeedbackBatchReceived, prepared.received, subject_of(principal)))
        if prepared.learned:
            self._learners.keep_batch(transaction, principal, prepared.state, prepared.learned, prepared.recent)
        return self._consequences.write(transaction, principal, received, prepared.consequences, version=version)
