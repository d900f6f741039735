"""Previews: what other weights would show for a query, beside what is shown now; nothing is kept."""

from collections.abc import Mapping
from concurrent.futures import Executor

from soma.brain.context.bundle import Lane, build_context
from soma.brain.core.serving.serve import ServedWeights, serve
from soma.brain.core.state import LearnerState
from soma.brain.core.weights import weight_name
from soma.brain.errors import BrainRefused
from soma.brain.learners.learners import Learners
from soma.brain.owner import owner_of
from soma.brain.settings import BrainSettings
from soma.brain.tokens import TokenCounter
from soma.brain.types import PreviewAnswer, Principal
from soma.brain.wire import requests
from soma.memory.memory import Memory
from soma.memory.types import Candidates, Query
from soma.process.threads import run_in_thread


class Previews:
    def __init__(
        self, settings: BrainSettings, memory: Memory, learners: Learners, tokens: TokenCounter, threads: Executor
    ) -> None:
        self._settings = settings
        self._memory = memory
        self._learners = learners
        self._tokens = tokens
        self._threads = threads

    async def compare(self, principal: Principal, body: requests.Preview) -> PreviewAnswer:
        """Rank the same candidates by the weights in use and by others."""
        state = await run_in_thread(self._threads, self._learners.read_committed, principal)
        query = Query(
            text=body.query,
            namespace=body.namespace,
            conversation_id=body.conversation_id or body.session_id,
            at=body.at,
        )
        candidates = await self._memory.candidates(owner_of(principal), query)
        return await run_in_thread(self._threads, self._compare, state, candidates, body)

    def _compare(self, state: LearnerState, candidates: Candidates, body: requests.Preview) -> PreviewAnswer:
        hyperparameters = self._learners.hyperparameters
        served = serve(state, hyperparameters)
        other = (
            override_weights(served, body.weights) if body.weights else shipped_weights(state, served, self._initial())
        )
        lane = Lane(
            limit=body.top_k or self._settings.top_k,
            token_budget=self._settings.token_budget if body.token_budget is None else body.token_budget,
            attention_mass=self._settings.attention_mass,
        )
        ours, theirs = (
            build_context(body.query, candidates, weights, self._tokens, lane=lane, hyperparameters=hyperparameters)
            for weights in (served, other)
        )
        here, there = ([memory.id for memory in context.memories] for context in (ours, theirs))
        return PreviewAnswer(
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

    def _initial(self) -> ServedWeights:
        hyperparameters = self._learners.hyperparameters
        return serve(LearnerState.initial(hyperparameters), hyperparameters)


def override_weights(served: ServedWeights, weights: Mapping[str, float]) -> ServedWeights:
    """Replace the named weights of what is served. Raises BrainRefused for an unknown weight."""
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


def shipped_weights(state: LearnerState, served: ServedWeights, initial: ServedWeights) -> ServedWeights:
    """Return what would be served if nothing had been learned: the prior of this learner."""
    return served._replace(
        weights=state.retrieval.views.priors,
        tau=initial.tau,
        lambda_=initial.lambda_,
        mu=initial.mu,
        nu=initial.nu,
        floors=initial.floors,
        floors_held_out=initial.floors_held_out,
    )
