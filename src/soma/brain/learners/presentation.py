"""Presentation: a learner's state by the names of the wire."""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import asdict

from soma.brain.core.hyperparameters import Hyperparameters
from soma.brain.core.rules import mixture
from soma.brain.core.rules.calibration import calibrate, report
from soma.brain.core.serving.serve import ServedWeights, serve
from soma.brain.core.state import LearnerState
from soma.brain.core.weights import by_weight_name
from soma.brain.types import LearnerView

GRID = 20  # equal steps of the calibration curve
TOLERANCE = 1e-9  # two weights that differ by less are the same weight


def served_weights(state: LearnerState, hyperparameters: Hyperparameters) -> dict[str, float]:
    return weights_of(serve(state, hyperparameters), state)


def serve_next(
    before: LearnerState, weights: dict[str, float], after: LearnerState, hyperparameters: Hyperparameters
) -> tuple[dict[str, float], dict[str, float]]:
    """Return what `after` serves, and how that differs from the `weights` that `before` serves.

    Both by the same hyperparameters. Most updates leave the views as they are, which costs less here.
    """
    if after.retrieval is before.retrieval:
        others = after.weights_beside_views
        return weights | others, weight_changes(weights, others)
    served = served_weights(after, hyperparameters)
    return served, weight_changes(weights, served)


def weights_of(served: ServedWeights, state: LearnerState) -> dict[str, float]:
    """Served weights by their names on the wire, but tau as learned: what noradrenaline makes of it is not learned."""
    return by_weight_name(served.names, served.weights) | state.weights_beside_views


def levels(state: LearnerState) -> dict[str, float]:
    return asdict(state.modulators)


def difference(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    return fill_unmoved(weight_changes(before, after), after)


def fill_unmoved(deltas: dict[str, float], weights: Mapping[str, float]) -> dict[str, float]:
    """Return a change for every weight: 0 for those that did not move."""
    return dict.fromkeys(weights, 0.0) | deltas


def weight_changes(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """Return the changes that are not 0, in the order of `after`; a name that is new has not changed."""
    return {name: change for name, value in after.items() if (change := value - before.get(name, value))}


def has_changed(stated: Mapping[str, float], actual: Mapping[str, float]) -> bool:
    """Return whether a name of both has another value."""
    return any(abs(value - actual[name]) > TOLERANCE for name, value in stated.items() if name in actual)


def describe_learner(state: LearnerState, hyperparameters: Hyperparameters) -> LearnerView:
    served = serve(state, hyperparameters)
    fresh = LearnerState.initial(hyperparameters)
    return LearnerView(
        weights=weights_of(served, state),
        neuromodulators=levels(state),
        version=state.version,
        trust=served.trust,
        state_hash=state.state_hash(),
        usefulness={tool.name: tool.usefulness for tool in state.tools},
        learned=state.weights,
        prior=fresh.weights | view_priors(state),
        calibration=_calibration(state, hyperparameters),
        floors=served.floors._asdict(),
        floor_questions=state.retrieval.helped.questions if state.retrieval.helped else 0.0,
        shapes=mixture.shares(state.retrieval.beliefs, hyperparameters.mixing) if hyperparameters.mixing.shapes else {},
    )


def view_priors(state: LearnerState) -> dict[str, float]:
    views = state.retrieval.views
    return by_weight_name(views.names, views.priors)


def priors_of(state: LearnerState) -> dict[str, float]:
    """Values that a step of the prior starts from: priors of views, and tau, lambda, mu and nu as they are now."""
    return state.weights | view_priors(state)


def _calibration(state: LearnerState, hyperparameters: Hyperparameters) -> dict[str, Any]:
    """Calibration on the wire. `points` are (stated, calibrated), to be interpolated between."""
    judged = report(state.calibration, hyperparameters)
    points = [[step / GRID, calibrate(state.calibration, step / GRID, hyperparameters)] for step in range(GRID + 1)]
    return {
        "labels": judged.labels,
        "enough": judged.enough,
        "ece": judged.ece if judged.labels else None,  # no label is no measurement, and 0 would be the best there is
        "brier": judged.brier if judged.labels else None,
        "points": points,
    }
