"""Calibration: what a stated confidence has been worth. Labels are people's verdicts on answers.

Isotonic regression over ten bins by pooling adjacent violators (Ayer et al., 1955); reported by the expected
calibration error (Naeini, Cooper, Hauskrecht, 2015) and the Brier score (1950).
"""

from itertools import pairwise
from typing import NamedTuple

import msgspec

from soma.brain.core.arithmetic import clamp, total
from soma.brain.core.hyperparameters import Hyperparameters

BINS = 10


class Bin(msgspec.Struct, frozen=True, gc=False):
    labels: int
    stated: float
    """Sum of the stated confidences."""
    right: int


class Calibration(msgspec.Struct, frozen=True, gc=False):
    bins: tuple[Bin, ...]
    squared_error: float
    """Sum of (confidence - label)^2."""

    @property
    def labels(self) -> int:
        return sum(content.labels for content in self.bins)


class CalibrationReport(NamedTuple):
    labels: int
    enough: bool
    ece: float
    brier: float


EMPTY = Calibration((Bin(0, 0.0, 0),) * BINS, 0.0)


def add_label(old: Calibration, confidence: float, *, good: bool) -> Calibration:
    """Count one answer given with `confidence` in [0, 1], and whether a person called it good."""
    index = _bin(confidence)
    content = old.bins[index]
    new = Bin(content.labels + 1, content.stated + confidence, content.right + good)
    miss = confidence - 1.0 if good else confidence
    return Calibration((*old.bins[:index], new, *old.bins[index + 1 :]), old.squared_error + miss * miss)


def report(calibration: Calibration, hyperparameters: Hyperparameters) -> CalibrationReport:
    """ECE = sum_b n_b / n |accuracy_b - confidence_b|; Brier = mean (confidence - label)^2."""
    labels = calibration.labels
    if not labels:
        return CalibrationReport(0, enough=False, ece=0.0, brier=0.0)
    gaps = total(abs(content.right - content.stated) for content in calibration.bins)
    return CalibrationReport(
        labels,
        enough=labels >= hyperparameters.calibration_enough,
        ece=gaps / labels,
        brier=calibration.squared_error / labels,
    )


def calibrate(calibration: Calibration, confidence: float, hyperparameters: Hyperparameters) -> float:
    """Return the share of good answers expected at a stated confidence; it never falls as the confidence rises.

    Each bin holds the identity as a prior worth `calibration_prior` observations, so without labels nothing changes.
    """
    if not calibration.labels:
        return confidence
    points = [_point(index, content, hyperparameters) for index, content in enumerate(calibration.bins)]
    return _interpolate(_monotone(points), confidence)


class _Point(NamedTuple):
    stated: float
    worth: float
    weight: float


def _bin(confidence: float) -> int:
    return min(int(confidence * BINS), BINS - 1)


def _point(index: int, content: Bin, hyperparameters: Hyperparameters) -> _Point:
    """Mean stated confidence and mean label, both shrunk by the prior at the middle of the bin."""
    middle, prior = (index + 0.5) / BINS, hyperparameters.calibration_prior
    weight = prior + content.labels
    return _Point((prior * middle + content.stated) / weight, (prior * middle + content.right) / weight, weight)


def _monotone(points: list[_Point]) -> list[_Point]:
    """Pool adjacent violators: bins out of order share their weighted mean."""
    pools: list[list[_Point]] = []
    for point in points:
        pools.append([point])
        while len(pools) > 1 and _level(pools[-2]) > _level(pools[-1]):
            pools[-2:] = [pools[-2] + pools[-1]]
    return [point._replace(worth=_level(pool)) for pool in pools for point in pool]


def _level(pool: list[_Point]) -> float:
    return total(point.weight * point.worth for point in pool) / total(point.weight for point in pool)


def _interpolate(points: list[_Point], x: float) -> float:
    """Interpolate linearly between the points; outside them the correction of the nearest one holds."""
    for (x0, y0, _), (x1, y1, _) in pairwise(points):
        if x0 <= x <= x1:
            return y0 + (y1 - y0) * (x - x0) / (x1 - x0)
    nearest, worth, _ = points[0] if x < points[0].stated else points[-1]
    return clamp(x + (worth - nearest), 0.0, 1.0)
