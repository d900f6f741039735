"""Clip what is extreme and say so. No input, however wild, may carry a weight out of its box."""

from soma.brain.core.arithmetic import clamp


def bounded(name: str, value: float, low: float, high: float, clipped: list[str]) -> float:
    """`value` in [low, high]; its name is noted when it was outside. NaN becomes 0, clamped."""
    if low <= value <= high:
        return value
    clipped.append(name)
    return clamp(0.0 if value != value else value, low, high)  # noqa: PLR0124 -- NaN is the one unequal to itself
