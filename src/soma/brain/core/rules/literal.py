"""The literal rule: the original plan's formula, in which one scalar moves every weight.

    p_new = clamp(p_old + lr_eff gain_p signal, p_min, p_max)

It is a choice of the setting `learning_rule`, and stands beside the evidence rule in every benchmark.
"""

from msgspec.structs import replace

from soma.brain.core.arithmetic import clamp
from soma.brain.core.observations import Evidence
from soma.brain.core.rules.guard import Parameters
from soma.brain.core.weights import LAMBDA, MU, NAMED_VIEWS, NU, Weight


def evidence_signal(evidence: Evidence) -> float:
    """+1 if any shown memory helped, -1 if memories were named and none did."""
    shown = {memory.id for memory in evidence.shown}
    if shown & (set(evidence.helpful) - set(evidence.unhelpful)):
        return 1.0
    return -1.0 if shown & set(evidence.unhelpful) else 0.0


def move_weight(weight: Weight, value: float, rate: float, signal: float) -> float:
    return clamp(value + rate * weight.literal_gain * signal, weight.low, weight.high)


def move_parameters(old: Parameters, rate: float, signal: float) -> Parameters:
    """Move every weight that has a gain: alpha, gamma, lambda, mu, nu. beta, tau and the further views have none."""
    retrieval, utility = old.retrieval, old.utility
    weights = [
        move_weight(NAMED_VIEWS[view], value, rate, signal) if view in NAMED_VIEWS else value
        for view, value in zip(retrieval.views.names, retrieval.weights, strict=True)
    ]
    return Parameters(
        replace(retrieval, weights=tuple(weights)),
        replace(
            utility,
            lambda_=move_weight(LAMBDA, utility.lambda_, rate, signal),
            mu=move_weight(MU, utility.mu, rate, signal),
            nu=move_weight(NU, utility.nu, rate, signal),
        ),
        old.temperature,
    )
