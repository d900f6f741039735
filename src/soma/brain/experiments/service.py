"""The verbs of experiments that requests call: each is one transaction, or a read off the event loop."""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import TypeVar

from soma.brain.core.experiments.design import ExperimentArm
from soma.brain.experiments.experiments import Experiments
from soma.brain.types import Experiment, Principal
from soma.brain.wire.requests import NewExperiment, OutcomeItem
from soma.events.transaction import Transaction
from soma.events.writer import Writer
from soma.process.threads import run_in_thread

T = TypeVar("T")


class ExperimentService:
    """Changes nothing but the experiments, and through a promotion the prior of their learner."""

    def __init__(self, writer: Writer, experiments: Experiments, threads: Executor) -> None:
        self._writer = writer
        self._experiments = experiments
        self._threads = threads

    async def list(self, principal: Principal, *, status: str | None) -> list[Experiment]:
        reads = self._writer.database
        return await run_in_thread(self._threads, self._experiments.list_experiments, reads, principal, status=status)

    async def get(self, principal: Principal, name: str) -> Experiment:
        return await run_in_thread(self._threads, self._experiments.get, self._writer.database, principal, name)

    async def create(self, principal: Principal, body: NewExperiment) -> Experiment:
        by = principal.user_id
        made = await self._write(lambda transaction: self._experiments.create(transaction, principal, body, by=by))
        self._experiments.refresh()
        return made

    async def assign(self, principal: Principal, name: str, subject: str) -> ExperimentArm:
        return await self._write(lambda transaction: self._experiments.assign(transaction, principal, name, subject))

    async def record(self, principal: Principal, name: str, items: Sequence[OutcomeItem]) -> int:
        return await self._write(lambda transaction: self._experiments.record(transaction, principal, name, items))

    async def decide(self, principal: Principal, name: str, *, stop: bool) -> Experiment:
        by = principal.user_id
        decided = await self._write(
            lambda transaction: self._experiments.decide(transaction, principal, name, by=by, stop=stop)
        )
        self._experiments.refresh()
        return decided

    async def _write(self, work: Callable[[Transaction], T]) -> T:
        return await self._writer.write(work)
