"""Facts of experiments: their design, verdict and promotion."""

from typing import Any, ClassVar

from soma.events.facts.base import Fact, Weights


class ExperimentCreated(Fact, frozen=True, kw_only=True):
    """`design` holds the arms with their steps of the prior, the method and the planned size."""

    event_type: ClassVar[str] = "experiment.created"
    experiment_id: str
    name: str
    hypothesis: str
    metric: str
    design: dict[str, Any]
    proposed_by: str


class ExperimentDecided(Fact, frozen=True, kw_only=True):
    """`call` is promote, keep, wait (stopped before its time); `statistics` holds samples, t, df, p and d."""

    event_type: ClassVar[str] = "experiment.decided"
    experiment_id: str
    name: str
    call: str
    winner: str | None
    reason: str
    statistics: dict[str, Any]


class ExperimentPromoted(Fact, frozen=True, kw_only=True):
    """The prior of a learner moved by the steps of the winner; the update itself is the `weights.updated` before it."""

    event_type: ClassVar[str] = "experiment.promoted"
    experiment_id: str
    name: str
    winner: str
    changes: dict[str, float]
    prior_before: Weights
    prior_after: Weights
    weights_before: Weights
    weights_after: Weights
    learner_version: int
    state_hash: str
    decided_by: str
