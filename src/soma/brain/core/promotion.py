"""Steps of the prior: what an experiment serves to its arm, and what a promotion does to the learner for good.

The prior and what was learned move by the same step, so what is served moves by it too, and nothing that was learned
is lost. Evidence and trust are measured against the new prior from then on.
"""

from collections.abc import Iterable

import msgspec
from msgspec.structs import replace

from soma.brain.core.arithmetic import clamp
from soma.brain.core.hyperparameters import Hyperparameters
from soma.brain.core.rules.guard import Parameters
from soma.brain.core.rules.temperature import Temperature
from soma.brain.core.rules.utility import Utility
from soma.brain.core.state import LearnerState
from soma.brain.core.weights import LAMBDA, MU, NU, Views, weight_name

Changes = Iterable[tuple[str, float]]


class Promotion(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="promotion"):
    """The steps of the arm that won an experiment: (name of the weight on the wire, step)."""

    changes: tuple[tuple[str, float], ...]
    reason: str


def promote(state: LearnerState, won: Promotion, hyperparameters: Hyperparameters) -> LearnerState:
    return replace(step_prior(state, won.changes, hyperparameters), version=state.version + 1)


def step_prior(state: LearnerState, changes: Changes, hyperparameters: Hyperparameters) -> LearnerState:
    """Move the prior of a learner; its version and everything that is not a weight stay."""
    steps = dict(changes)
    if not steps:
        return state
    parameters = step_parameters(state.parameters, steps, hyperparameters)
    good = state.guard.good and step_parameters(state.guard.good, steps, hyperparameters)
    return replace(
        state,
        retrieval=parameters.retrieval,
        utility=parameters.utility,
        temperature=parameters.temperature,
        guard=replace(state.guard, good=good),
    )


def step_parameters(parameters: Parameters, steps: dict[str, float], hyperparameters: Hyperparameters) -> Parameters:
    """Move prior and learned weight by the same step, inside their box. A name that the learner lacks moves none."""
    old = parameters.retrieval
    by_view = [steps.get(weight_name(view), 0.0) for view in old.views.names]
    boxes = list(zip(old.views.lows, old.views.highs, strict=True))
    priors = [clamp(prior + step, *box) for prior, step, box in zip(old.views.priors, by_view, boxes, strict=True)]
    weights = [clamp(weight + step, *box) for weight, step, box in zip(old.weights, by_view, boxes, strict=True)]
    return Parameters(
        replace(old, views=Views.of(dict(zip(old.views.names, priors, strict=True))), weights=tuple(weights)),
        _step_utility(parameters.utility, steps, hyperparameters),
        _step_temperature(parameters.temperature, steps.get("tau", 0.0), hyperparameters),
    )


def _step_temperature(old: Temperature, step: float, hyperparameters: Hyperparameters) -> Temperature:
    """Move tau, and its drift with it, so that the diversity rule goes on from there."""
    tau = clamp(old.tau + step, hyperparameters.tau_low, hyperparameters.tau_high)
    return Temperature(tau, old.drift + (tau - old.tau))


def _step_utility(old: Utility, steps: dict[str, float], hyperparameters: Hyperparameters) -> Utility:
    """Move lambda, mu and nu as if the data had said so: the step lasts as long as data do.

    theta solves (M + prior I) theta = b, so theta + step solves it with b + (M + prior I) step.
    """
    gain, cost, late = (steps.get(name, 0.0) for name in ("lambda", "mu", "nu"))
    worth = hyperparameters.utility_prior_observations
    return replace(
        old,
        lambda_=clamp(old.lambda_ + gain, LAMBDA.low, LAMBDA.high),
        mu=clamp(old.mu + cost, MU.low, MU.high),
        nu=clamp(old.nu + late, NU.low, NU.high),
        gr=old.gr + (old.gg + worth) * gain + old.gc * cost + old.gl * late,
        cr=old.cr + old.gc * gain + (old.cc + worth) * cost + old.cl * late,
        lr=old.lr + old.gl * gain + old.cl * cost + (old.ll + worth) * late,
    )
