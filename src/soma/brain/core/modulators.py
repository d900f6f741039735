"""Neuromodulators: leaky integrators with signed drives, each of which gates one thing.

dopamine       reward-prediction error        -> the learning rate
serotonin      stability of outcomes          -> the time constant of the reward baseline
noradrenaline  surprise x urgency             -> the temperature of attention (focus under pressure)
acetylcholine  novelty and uncertainty        -> admission to working memory
"""

from operator import sub
from typing import NamedTuple

from soma.brain.core.arithmetic import clamp

NAMES = ("dopamine", "serotonin", "noradrenaline", "acetylcholine")


class Modulators(NamedTuple):
    """Levels; of drives, each is in [-1, 1] and 0 lets its level leak back to the baseline."""

    dopamine: float
    serotonin: float
    noradrenaline: float
    acetylcholine: float


class Profile(NamedTuple):
    name: str
    baseline: Modulators
    low: Modulators
    high: Modulators
    width: Modulators

    @classmethod
    def of(cls, name: str, baseline: Modulators, low: Modulators, high: Modulators) -> "Profile":
        return cls(name, baseline, low, high, Modulators(*map(sub, high, low)))

    def displacement(self, name: str, level: float) -> float:
        """How far from rest, in widths of the range: what a gate reads, so that profiles act alike."""
        i = NAMES.index(name)
        return (level - self.baseline[i]) / self.width[i]


SOMA = Profile.of(
    "soma",
    baseline=Modulators(0.4, 0.5, 0.0, 0.0),
    low=Modulators(0.2, 0.0, 0.0, 0.0),
    high=Modulators(0.8, 1.0, 0.1, 0.1),
)
UNIT = Profile.of(
    "unit",
    baseline=Modulators(0.5, 0.5, 0.5, 0.5),
    low=Modulators(0.0, 0.0, 0.0, 0.0),
    high=Modulators(1.0, 1.0, 1.0, 1.0),
)
PROFILES = {SOMA.name: SOMA, UNIT.name: UNIT}


def drives(delta: float, error: float, *, urgency: float, novelty: float, confidence: float) -> Modulators:
    """`delta` in [-2, 2] is reward minus baseline, `error` = |delta| / 2, `urgency` in [-1, 1]."""
    return Modulators(0.5 * delta, 1.0 - 2.0 * error, error * urgency, novelty - confidence)


def urgency(latency_ms: float | None, target_ms: float) -> float:
    """Signed: 0 at the target or when unknown, towards 1 when far slower, -1 when immediate."""
    if latency_ms is None or not latency_ms > 0.0:
        return 0.0 if latency_ms is None else -1.0
    return 1.0 - 2.0 * target_ms / (latency_ms + target_ms)


def pushed(levels: Modulators, drive: Modulators, profile: Profile, leak: float, gain: float) -> Modulators:
    """m + leak (baseline - m) + gain (high - low) drive, before the bounds."""
    a, b, c, d = levels
    rest_a, rest_b, rest_c, rest_d = profile.baseline
    width_a, width_b, width_c, width_d = profile.width
    drive_a, drive_b, drive_c, drive_d = drive
    return Modulators(
        a + leak * (rest_a - a) + gain * width_a * drive_a,
        b + leak * (rest_b - b) + gain * width_b * drive_b,
        c + leak * (rest_c - c) + gain * width_c * drive_c,
        d + leak * (rest_d - d) + gain * width_d * drive_d,
    )


def kept(levels: Modulators, profile: Profile) -> Modulators:
    """Inside the bounds of the profile."""
    return Modulators(*map(clamp, levels, profile.low, profile.high))
