"""tau, the temperature of attention: it decides how many memories are shown."""

import msgspec

from soma.brain.core.arithmetic import clamp, exp
from soma.brain.core.hyperparameters import Hyperparameters
from soma.brain.core.modulators import Modulators


class Temperature(msgspec.Struct, frozen=True, gc=False):
    tau: float
    drift: float


def initial(settings: Hyperparameters) -> Temperature:
    return Temperature(clamp(settings.tau_default, settings.tau_low, settings.tau_high), 0.0)


def anneal(n: int, settings: Hyperparameters) -> float:
    """tau_0 e^(-rate n); the default rate 0 leaves tau to the diversity rule."""
    if not settings.tau_anneal_rate:
        return settings.tau_default
    return settings.tau_default * exp(-settings.tau_anneal_rate * n)


def moved(old: Temperature, diversity: float, n: int, settings: Hyperparameters) -> Temperature:
    """d += 0.05 (0.5 - diversity), tau = clamp(anneal(n) + d). Too few distinct memories shown: tau rises."""
    base = anneal(n, settings)
    drift = old.drift + settings.diversity_rate * (settings.diversity_target - diversity)
    # d never winds up beyond what the box can show, or it would take as long to come back.
    drift = clamp(drift, settings.tau_low - base, settings.tau_high - base)
    return Temperature(clamp(base + drift, settings.tau_low, settings.tau_high), drift)


def served_tau(tau: float, modulators: Modulators, settings: Hyperparameters) -> float:
    """Noradrenaline narrows attention: tau (1 - reach * displacement)."""
    pressure = settings.profile.displacement("noradrenaline", modulators.noradrenaline)
    return clamp(tau * (1.0 - settings.noradrenaline_reach * pressure), settings.tau_low, settings.tau_high)
