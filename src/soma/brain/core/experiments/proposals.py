"""Proposals: the step of the prior to try where a learner's score falls; bounded, and towards what was learned."""

from collections.abc import Collection
from typing import NamedTuple

from soma.brain.core.hyperparameters import Hyperparameters
from soma.brain.core.serving.serve import serve
from soma.brain.core.state import LearnerState
from soma.brain.core.weights import weight_name

POINTS = 0.01  # of a box: what was learned points nowhere if it is nearer to the prior


class PriorStep(NamedTuple):
    weight: str
    step: float

    @property
    def direction(self) -> str:
        return "up" if self.step > 0.0 else "down"


def propose_step(
    state: LearnerState, hyperparameters: Hyperparameters, *, bound: float, tried: Collection[tuple[str, str]]
) -> PriorStep | None:
    """Propose the first step not tried: views by how far the learned weight is from its prior, then tau either way.

    A step is at most `bound` of the weight's box. None where all were tried.
    """
    for proposal in (*_views(state, hyperparameters, bound), *_tau(state, hyperparameters, bound)):
        if (proposal.weight, proposal.direction) not in tried:
            return proposal
    return None


def _views(state: LearnerState, hyperparameters: Hyperparameters, bound: float) -> list[PriorStep]:
    views, weights = state.retrieval.views, state.retrieval.weights
    if serve(state, hyperparameters).trust < 0.5:  # what was learned foretells worse than the prior
        return []
    found = []
    for name, weight, prior, low, high in zip(views.names, weights, views.priors, views.lows, views.highs, strict=True):
        away, width = weight - prior, high - low
        if abs(away) > POINTS * width:
            step = min(abs(away), bound * width)
            found.append((-abs(away) / width, name, step if away > 0.0 else -step))
    return [PriorStep(weight_name(name), step) for _, name, step in sorted(found)]


def _tau(state: LearnerState, hyperparameters: Hyperparameters, bound: float) -> list[PriorStep]:
    """Warmer first: more memories to choose from."""
    step, tau = bound * (hyperparameters.tau_high - hyperparameters.tau_low), state.temperature.tau
    steps = (
        step if tau + step <= hyperparameters.tau_high else 0.0,
        -step if tau - step >= hyperparameters.tau_low else 0.0,
    )
    return [PriorStep("tau", step) for step in steps if step]
