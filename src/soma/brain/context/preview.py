"""The verbs of looking and trying: why weights moved, what other weights would show, experiments."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from typing import Any, TypeVar

from soma.brain import store
from soma.brain.context.bundle import Lane, built
from soma.brain.core.experiments import Arm
from soma.brain.core.serve import Served, serve
from soma.brain.core.state import LearnerState
from soma.brain.core.weights import weight_name
from soma.brain.errors import BrainRefused
from soma.brain.experiments.experiments import Experiments
from soma.brain.learners.history import Histories
from soma.brain.learners.learners import Learners
from soma.brain.settings import BrainSettings
from soma.brain.tokens import TokenCounter
from soma.brain.types import Experiment, FeedbackRow, LearnerHistory, Preview, Principal
from soma.brain.wire import requests
from soma.events.transaction import Transaction
from soma.events.writer import Writer
from soma.memory.memory import Memory
from soma.memory.types import Candidates, Owner, Query

T = TypeVar("T")


class Lab:
    """Changes nothing but the experiments, and through a promotion the prior of their learner."""

    def __init__(
        self,
        *,
        settings: BrainSettings,
        writer: Writer,
        memory: Memory,
        learners: Learners,
        experiments: Experiments,
        tokens: TokenCounter,
        threads: Executor,
    ) -> None:
        self.settings = settings
        self._writer = writer
        self._reads = writer.database
        self._memory = memory
        self._learners = learners
        self._histories = Histories(writer.database, learners)
        self._experiments = experiments
        self._tokens = tokens
        self._threads = threads

    # Why

    async def history(self, principal: Principal, *, after: int | None, limit: int) -> LearnerHistory:
        return await self._work(self._histories.stretch, principal, after=after, limit=limit)

    async def feedback(self, principal: Principal, conversation_id: str, *, limit: int) -> list[FeedbackRow]:
        return await self._work(store.feedback, self._reads, principal, conversation_id, limit=limit)

    async def preview(self, principal: Principal, body: requests.Preview) -> Preview:
        """The same candidates by the weights in use and by others; nothing is kept of it."""
        state = await self._work(self._learners.committed, principal)
        query = Query(
            text=body.query,
            namespace=body.namespace,
            conversation_id=body.conversation_id or body.session_id,
            at=body.at,
        )
        owner = Owner(tenant_id=principal.tenant_id, user_id=principal.user_id, agent_id=principal.agent_id)
        candidates = await self._memory.candidates(owner, query)
        return await self._work(self._compared, state, candidates, body)

    def _compared(self, state: LearnerState, candidates: Candidates, body: requests.Preview) -> Preview:
        constants = self._learners.hyperparameters
        served = serve(state, constants)
        other = overridden(served, body.weights) if body.weights else shipped(state, served, self._initial())
        lane = Lane(
            limit=body.top_k or self.settings.top_k,
            token_budget=self.settings.token_budget if body.token_budget is None else body.token_budget,
            attention_mass=self.settings.attention_mass,
        )
        ours, theirs = (
            built(candidates, weights, self._tokens, lane=lane, settings=constants) for weights in (served, other)
        )
        here, there = ([memory.id for memory in context.memories] for context in (ours, theirs))
        return Preview(
            query=body.query,
            weights=served.by_name(),
            other_weights=other.by_name(),
            memories=ours.memories,
            other_memories=theirs.memories,
            plan=ours.plan,
            other_plan=theirs.plan,
            only=[memory_id for memory_id in here if memory_id not in there],
            other_only=[memory_id for memory_id in there if memory_id not in here],
            trust=served.trust,
        )

    def _initial(self) -> Served:
        constants = self._learners.hyperparameters
        return serve(LearnerState.initial(constants), constants)

    # Experiments

    async def experiments(self, principal: Principal, *, status: str | None) -> list[Experiment]:
        return await self._work(self._experiments.all, self._reads, principal, status=status)

    async def experiment(self, principal: Principal, name: str) -> Experiment:
        return await self._work(self._experiments.one, self._reads, principal, name)

    async def create(self, principal: Principal, body: requests.NewExperiment) -> Experiment:
        by = principal.user_id
        made = await self._write(lambda tx: self._experiments.create(tx, principal, body, by=by))
        self._experiments.look_again()
        return made

    async def assign(self, principal: Principal, name: str, subject: str) -> Arm:
        return await self._write(lambda tx: self._experiments.assign(tx, principal, name, subject))

    async def record(self, principal: Principal, name: str, items: Sequence[requests.OutcomeItem]) -> int:
        return await self._write(lambda tx: self._experiments.record(tx, principal, name, items))

    async def decide(self, principal: Principal, name: str, *, stop: bool) -> Experiment:
        by = principal.user_id
        decided = await self._write(lambda tx: self._experiments.decide(tx, principal, name, by=by, stop=stop))
        self._experiments.look_again()
        return decided

    async def _work(self, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, lambda: function(*args, **kwargs))

    async def _write(self, work: Callable[[Transaction], T]) -> T:
        return await self._writer.write(work)


def overridden(served: Served, weights: Mapping[str, float]) -> Served:
    """What is served, but for the named weights."""
    unknown = sorted(set(weights) - set(served.by_name()))
    if unknown:
        raise BrainRefused("unknown_weight", f"This learner has no weight {unknown[0]!r}.", f"weights.{unknown[0]}")
    return served._replace(
        weights=tuple(
            weights.get(weight_name(view), weight) for view, weight in zip(served.names, served.weights, strict=True)
        ),
        tau=max(weights.get("tau", served.tau), 1e-3),
        lambda_=weights.get("lambda", served.lambda_),
        mu=weights.get("mu", served.mu),
        nu=weights.get("nu", served.nu),
    )


def shipped(state: LearnerState, served: Served, initial: Served) -> Served:
    """What would be served if nothing had been learned: the prior of this learner."""
    return served._replace(
        weights=state.retrieval.views.priors, tau=initial.tau, lambda_=initial.lambda_, mu=initial.mu, nu=initial.nu
    )
