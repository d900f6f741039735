"""Neuromodulators: leaky integrators with signed drives, each of which gates one thing.

The roles are near those of Doya ("Metalearning and neuromodulation", 2002), but dopamine gates the learning rate here.

dopamine       reward-prediction error        -> the learning rate
serotonin      stability of outcomes          -> the time constant of the reward baseline
noradrenaline  surprise x urgency             -> the temperature of attention (focus under pressure)
acetylcholine  novelty and uncertainty        -> admission to working memory
"""

from operator import sub

import msgspec
from msgspec.structs import astuple

from soma.brain.core.arithmetic import clamp

NAMES = ("dopamine", "serotonin", "noradrenaline", "acetylcholine")


class Modulators(msgspec.Struct, frozen=True, gc=False):
    """Four levels, or four drives. A drive is in [-1, 1]; 0 lets its level leak back to the baseline."""

    dopamine: float
    serotonin: float
    noradrenaline: float
    acetylcholine: float


class Profile(msgspec.Struct, frozen=True, gc=False):
    name: str
    baseline: Modulators
    low: Modulators
    high: Modulators
    width: Modulators

    @classmethod
    def of(cls, name: str, baseline: Modulators, low: Modulators, high: Modulators) -> "Profile":
        return cls(name, baseline, low, high, Modulators(*map(sub, astuple(high), astuple(low))))

    def displacement(self, name: str, level: float) -> float:
        """Distance from rest in widths of the range. Gates read this and not the level, so that profiles act alike."""
        rest: float = getattr(self.baseline, name)
        width: float = getattr(self.width, name)
        return (level - rest) / width


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
    """Drives of one event: `delta` in [-2, 2] is reward minus baseline, `error` |delta| / 2, `urgency` in [-1, 1]."""
    return Modulators(0.5 * delta, 1.0 - 2.0 * error, error * urgency, novelty - confidence)


def urgency(latency_ms: float | None, target_ms: float) -> float:
    """(latency - target) / (latency + target), in [-1, 1]: -1 when immediate, 0 at the target or when unknown."""
    if latency_ms is None or not latency_ms > 0.0:
        return 0.0 if latency_ms is None else -1.0
    return 1.0 - 2.0 * target_ms / (latency_ms + target_ms)


def push(levels: Modulators, drive: Modulators, profile: Profile, leak: float, gain: float) -> Modulators:
    """m + leak (baseline - m) + gain (high - low) drive; the result may lie outside of the bounds (`clamp_levels`)."""
    a, b, c, d = levels.dopamine, levels.serotonin, levels.noradrenaline, levels.acetylcholine
    rest, width = profile.baseline, profile.width
    return Modulators(
        a + leak * (rest.dopamine - a) + gain * width.dopamine * drive.dopamine,
        b + leak * (rest.serotonin - b) + gain * width.serotonin * drive.serotonin,
        c + leak * (rest.noradrenaline - c) + gain * width.noradrenaline * drive.noradrenaline,
        d + leak * (rest.acetylcholine - d) + gain * width.acetylcholine * drive.acetylcholine,
    )


def clamp_levels(levels: Modulators, profile: Profile) -> Modulators:
    low, high = profile.low, profile.high
    return Modulators(
        clamp(levels.dopamine, low.dopamine, high.dopamine),
        clamp(levels.serotonin, low.serotonin, high.serotonin),
        clamp(levels.noradrenaline, low.noradrenaline, high.noradrenaline),
        clamp(levels.acetylcholine, low.acetylcholine, high.acetylcholine),
    )
