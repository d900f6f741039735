"""tau, the temperature of attention: it decides how many memories are shown.

The diversity rule is an integral controller: it moves the drift d until the share of distinct memories is on target.
"""

import msgspec

from soma.brain.core.arithmetic import clamp, exp
from soma.brain.core.hyperparameters import Hyperparameters
from soma.brain.core.modulators import Modulators


class Temperature(msgspec.Struct, frozen=True, gc=False):
    tau: float
    drift: float


def initial(hyperparameters: Hyperparameters) -> Temperature:
    return Temperature(clamp(hyperparameters.tau_default, hyperparameters.tau_low, hyperparameters.tau_high), 0.0)


def anneal(n: int, hyperparameters: Hyperparameters) -> float:
    """tau_0 e^(-rate n) after n observations; the default rate 0 leaves tau to the diversity rule."""
    if not hyperparameters.tau_anneal_rate:
        return hyperparameters.tau_default
    return hyperparameters.tau_default * exp(-hyperparameters.tau_anneal_rate * n)


def adjust(old: Temperature, diversity: float, n: int, hyperparameters: Hyperparameters) -> Temperature:
    """d += 0.05 (0.5 - diversity), tau = clamp(anneal(n) + d): tau rises where too few distinct memories were shown."""
    base = anneal(n, hyperparameters)
    drift = old.drift + hyperparameters.diversity_rate * (hyperparameters.diversity_target - diversity)
    # d stays where the box can show it (no wind-up), or it would take as long to come back.
    drift = clamp(drift, hyperparameters.tau_low - base, hyperparameters.tau_high - base)
    return Temperature(clamp(base + drift, hyperparameters.tau_low, hyperparameters.tau_high), drift)


def served_tau(tau: float, modulators: Modulators, hyperparameters: Hyperparameters) -> float:
    """tau (1 - reach displacement): noradrenaline narrows attention."""
    pressure = hyperparameters.profile.displacement("noradrenaline", modulators.noradrenaline)
    return clamp(
        tau * (1.0 - hyperparameters.noradrenaline_reach * pressure), hyperparameters.tau_low, hyperparameters.tau_high
    )
