"""The coordinator: looks every few minutes for a learner whose score falls, and proposes an experiment to it.

It never changes a prior itself. What it proposes is a bounded step, tried on half of the conversations. It also decides
experiments that are due, by the same rule as a person does.
"""

import asyncio
import logging
from typing import NamedTuple

from soma.brain.core.experiments.proposals import propose_step
from soma.brain.core.experiments.statistics import Trend, trend
from soma.brain.errors import BrainRefused
from soma.brain.experiments import rows
from soma.brain.experiments.experiments import COORDINATOR, Experiments
from soma.brain.learners.learners import Learners
from soma.brain.settings import BrainSettings
from soma.brain.types import Principal
from soma.brain.wire.requests import ArmBody, NewExperiment
from soma.events.writer import Writer

SIGNIFICANT = 0.05
APART = 20  # updates between two samples: the rolling score forgets in ten, so that they are nearly independent
PREFIX = "auto"

logger = logging.getLogger(__name__)


class Poll(NamedTuple):
    """Names of the experiments that one look decided and proposed."""

    decided: tuple[str, ...] = ()
    proposed: tuple[str, ...] = ()


class Coordinator:
    def __init__(
        self, *, settings: BrainSettings, writer: Writer, learners: Learners, experiments: Experiments
    ) -> None:
        self._settings = settings
        self._writer = writer
        self._reads = writer.database
        self._learners = learners
        self._experiments = experiments

    async def run(self) -> None:
        """Poll until cancelled. A look that fails is logged, and does not end it."""
        while True:
            await asyncio.sleep(self._settings.coordinator_seconds)
            try:
                await self.poll()
            except Exception:
                logger.exception("the coordinator's look failed")

    async def poll(self) -> Poll:
        decided = [name for row in await self._due() if (name := await self._decide(row))]
        found = [
            name for learner in await asyncio.to_thread(self._find_learners) if (name := await self._look(learner))
        ]
        if decided or found:
            self._experiments.refresh()
        return Poll(tuple(decided), tuple(found))

    async def _due(self) -> list[rows.ExperimentRow]:
        if not self._settings.experiments_promote:
            return []
        return await asyncio.to_thread(self._experiments.find_due, self._reads)

    async def _decide(self, row: rows.ExperimentRow) -> str | None:
        principal = Principal(tenant_id=row.tenant_id, user_id=COORDINATOR, agent_id=row.agent_id)
        try:
            await self._writer.write(
                lambda transaction: self._experiments.decide(transaction, principal, row.experiment_id, by=COORDINATOR)
            )
        except BrainRefused as refused:  # another process, or a person, was faster
            logger.info("experiment %s was not decided: %s", row.name, refused)
            return None
        return row.name

    def _find_learners(self) -> list[Principal]:
        """Find learners with a stored state: those that learned enough to have a trend."""
        found = self._reads.query("SELECT DISTINCT tenant_id, agent_id FROM learner_snapshots")
        return [Principal(tenant_id=tenant, user_id=COORDINATOR, agent_id=agent) for tenant, agent in found]

    async def _look(self, learner: Principal) -> str | None:
        falls = await asyncio.to_thread(self._sample_trend, learner)
        if falls is None:
            return None
        body = await asyncio.to_thread(self._proposal, learner, falls)
        if body is None:
            return None
        try:
            await self._writer.write(
                lambda transaction: self._experiments.create(transaction, learner, body, by=COORDINATOR)
            )
        except BrainRefused as refused:
            logger.info("%s was not proposed: %s", body.name, refused)
            return None
        return body.name

    def _sample_trend(self, learner: Principal) -> Trend | None:
        """Keep the score of now, and return the trend if it falls significantly."""
        state = self._learners.read_committed(learner)
        window = self._settings.coordinator_window
        last = rows.last_scored_version(self._reads, learner)
        if state.version - last < APART:
            return None
        score = state.guard.reward.fast
        self._writer.submit(lambda transaction: rows.keep_score(transaction, learner, state.version, score)).result()
        scores = rows.read_scores(self._reads, learner, last=window)
        found = trend(scores)
        return found if len(scores) == window and found.is_falling and found.p < SIGNIFICANT else None

    def _proposal(self, learner: Principal, falls: Trend) -> NewExperiment | None:
        """Build a proposal; None while another experiment runs, or if every step has been tried."""
        before = rows.find_experiments(self._reads, learner)
        if any(row.status == rows.RUNNING for row in before):
            return None
        tried = {(parts[1], parts[2]) for row in before if (parts := row.name.split("."))[0] == PREFIX}
        state = self._learners.read_committed(learner)
        proposal = propose_step(
            state, self._learners.hyperparameters, bound=self._settings.coordinator_step, tried=tried
        )
        if proposal is None:
            return None
        name = f"{PREFIX}.{proposal.weight}.{proposal.direction}"
        return NewExperiment(
            name=name,
            hypothesis=(
                f"The rolling reward falls by {-falls.slope:.3g} a sample (p {falls.p:.2g}); "
                f"{proposal.weight} {proposal.step:+.3g} stops it."
            ),
            arms=(ArmBody(name="control"), ArmBody(name="step", changes={proposal.weight: proposal.step})),
            metric="reward",
            method="anytime",
            planned=self._settings.experiments_planned,
        )
