"""Serving: what recall, packing and planning use of a state, learned weights as far as they are trusted."""

from typing import NamedTuple

from soma.brain.core.hyperparameters import Hyperparameters, Rule
from soma.brain.core.rules.floor import Floors, floors_of
from soma.brain.core.rules.gates import admission_threshold
from soma.brain.core.rules.temperature import served_tau
from soma.brain.core.rules.trust import blend, trust
from soma.brain.core.state import LearnerState
from soma.brain.core.weights import by_weight_name


class ServedWeights(NamedTuple):
    """`names` and `weights` are columns of the views; `trust` in [0, 1] is how far the learned ones count.

    Memories are shown that are not below the `floors`, for a held-out question not below `floors_held_out`.
    """

    names: tuple[str, ...]
    weights: tuple[float, ...]
    trust: float
    tau: float
    lambda_: float
    mu: float
    nu: float
    admission_threshold: float
    floors: Floors
    floors_held_out: Floors

    def by_name(self) -> dict[str, float]:
        """Weights by their names on the wire: alpha for the view `semantic`, and so on."""
        views = by_weight_name(self.names, self.weights)
        return views | {"tau": self.tau, "lambda": self.lambda_, "mu": self.mu, "nu": self.nu}


def serve(state: LearnerState, hyperparameters: Hyperparameters) -> ServedWeights:
    retrieval = state.retrieval
    views, weights = retrieval.views, retrieval.weights
    if hyperparameters.learning_rule is Rule.LITERAL:  # the plan's formula knows no trust
        k, mixed = 1.0, weights
    else:
        k = trust(retrieval.record, hyperparameters)
        mixed = blend(views.priors, weights, k)
    return ServedWeights(
        names=views.names,
        weights=mixed,
        trust=k,
        tau=served_tau(state.temperature.tau, state.modulators, hyperparameters),
        lambda_=state.utility.lambda_,
        mu=state.utility.mu,
        nu=state.utility.nu,
        admission_threshold=admission_threshold(state.modulators, hyperparameters),
        floors=floors_of(retrieval.helped, hyperparameters),
        floors_held_out=floors_of(retrieval.helped, hyperparameters, held_out=True),
    )
