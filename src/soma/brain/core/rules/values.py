"""The learned value of a single memory, which enters recall as the view `value`."""

from soma.brain.core.hyperparameters import Hyperparameters


def next_value(value: float, hyperparameters: Hyperparameters, *, helpful: bool) -> float:
    """value += 0.1 (helpful - value), an exponential mean of what was said; in [0, 1]."""
    return step_value(value, hyperparameters.value_rate, helpful=helpful)


def step_value(value: float, rate: float, *, helpful: bool) -> float:
    """value += rate (helpful - value). Steps are replayed at the rate that they were taken with."""
    return value + rate * ((1.0 if helpful else 0.0) - value)
