"""A learner's state in the words of the wire."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from msgspec.structs import asdict

from soma.brain.core.calibration import calibrated, report
from soma.brain.core.hyperparameters import Hyperparameters
from soma.brain.core.serve import Served, serve
from soma.brain.core.state import LearnerState
from soma.brain.core.weights import weight_name
from soma.brain.types import LearnerView

GRID = 20  # equal steps of the calibration curve
TOLERANCE = 1e-9  # two weights that differ by less are the same weight


def served_weights(state: LearnerState, constants: Hyperparameters) -> dict[str, float]:
    return weights_of(serve(state, constants), state)


def served_next(
    before: LearnerState, weights: dict[str, float], after: LearnerState, constants: Hyperparameters
) -> tuple[dict[str, float], dict[str, float]]:
    """What `after` serves, and how that moved from the `weights` of the state before it, by the same constants. Most
    updates leave the views as they are."""
    if after.retrieval is before.retrieval:
        others = weights_beside_views(after)
        return weights | others, moved(weights, others)
    served = served_weights(after, constants)
    return served, moved(weights, served)


def weights_of(served: Served, state: LearnerState) -> dict[str, float]:
    """tau as learned: what noradrenaline makes of it is a mood, and a mood is not a lesson."""
    return by_weight_name(served.names, served.weights) | weights_beside_views(state)


def learned_weights(state: LearnerState) -> dict[str, float]:
    """As `weights_of`, without the prior: what is served once it is trusted entirely."""
    return by_weight_name(state.retrieval.views.names, state.retrieval.weights) | weights_beside_views(state)


def weights_beside_views(state: LearnerState) -> dict[str, float]:
    """The weights that no view has, which are served as they are learned."""
    worth = state.utility
    return {"tau": state.temperature.tau, "lambda": worth.lambda_, "mu": worth.mu, "nu": worth.nu}


def by_weight_name(views: tuple[str, ...], values: Sequence[float]) -> dict[str, float]:
    """A column of the views, by the names of the wire."""
    return dict(zip(_wire_names(views), values, strict=True))


@cache
def _wire_names(views: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(weight_name, views))


def levels(state: LearnerState) -> dict[str, float]:
    return asdict(state.modulators)


def difference(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    return of_every_weight(moved(before, after), after)


def of_every_weight(deltas: dict[str, float], weights: Mapping[str, float]) -> dict[str, float]:
    """Of every weight, also of those that did not move."""
    return dict.fromkeys(weights, 0.0) | deltas


def moved(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """By name, in the order of `after`; a name that was not there before has not moved."""
    return {name: change for name, value in after.items() if (change := value - before.get(name, value))}


def differs(stated: Mapping[str, float], actual: Mapping[str, float]) -> bool:
    """Whether anything that both name has another value."""
    return any(abs(value - actual[name]) > TOLERANCE for name, value in stated.items() if name in actual)


def view(state: LearnerState, constants: Hyperparameters) -> LearnerView:
    served = serve(state, constants)
    fresh = LearnerState.initial(constants)
    return LearnerView(
        weights=weights_of(served, state),
        neuromodulators=levels(state),
        version=state.version,
        trust=served.trust,
        state_hash=state.state_hash(),
        usefulness={tool.name: tool.usefulness for tool in state.tools},
        learned=learned_weights(state),
        prior=learned_weights(fresh) | view_priors(state),
        calibration=_calibration(state, constants),
    )


def view_priors(state: LearnerState) -> dict[str, float]:
    views = state.retrieval.views
    return {weight_name(view): prior for view, prior in zip(views.names, views.priors, strict=True)}


def priors_of(state: LearnerState) -> dict[str, float]:
    """What a step of the prior starts from: of tau, lambda, mu and nu, what they are now."""
    return learned_weights(state) | view_priors(state)


def _calibration(state: LearnerState, constants: Hyperparameters) -> dict[str, Any]:
    """`points` are (stated, calibrated), to be interpolated between."""
    judged = report(state.calibration, constants)
    points = [[step / GRID, calibrated(state.calibration, step / GRID, constants)] for step in range(GRID + 1)]
    return {
        "labels": judged.labels,
        "enough": judged.enough,
        "ece": judged.ece if judged.labels else None,  # no label is no measurement, and 0 would be the best there is
        "brier": judged.brier if judged.labels else None,
        "points": points,
    }
