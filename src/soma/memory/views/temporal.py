"""Time. Recent and old are two views: some questions ask for what is new, others for how it began."""

from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from soma.memory.index.traits import NUMBER, TIME
from soma.memory.views.arrays import Floats
from soma.memory.views.base import View
from soma.memory.views.candidates import CandidateSet
from soma.memory.views.question import moment_of

DAY = 86_400.0
DAYS_AFTER = 7.0  # people tell of a day within about a week of it
DAYS_BEFORE = 2.0


def _temporal(candidates: CandidateSet) -> Floats:
    """1 for the latest candidate, half as much a half-life before it."""
    return _halve(candidates.times.max() - candidates.times, candidates.question.half_life_days)


def _old(candidates: CandidateSet) -> Floats:
    """1 for the earliest candidate, half as much a half-life after it."""
    return _halve(candidates.times - candidates.times.min(), candidates.question.half_life_days)


def _halve(seconds: NDArray[np.float64], half_life_days: float) -> Floats:
    curve: Floats = np.exp2(-seconds / DAY / half_life_days).astype(np.float32)
    return curve


def _date(candidates: CandidateSet) -> Floats:
    """Score memories of the month and year that the question names, near a day that it names, or last or first."""
    when = candidates.question.when
    match = np.zeros(len(candidates), np.float32)
    if when.months or when.year:
        match += 0.5 * _in_month(candidates)
    for day in when.days:
        np.maximum(match, _near_day(candidates, day), out=match)
    if when.latest:
        match += _temporal(candidates)
    if when.first:
        match += _old(candidates)
    return match


def _in_month(candidates: CandidateSet) -> Floats:
    when = candidates.question.when
    moments = [moment_of(time) for time in candidates.times.tolist()]
    inside = [
        (not when.months or one.month in when.months) and (when.year is None or one.year == when.year)
        for one in moments
    ]
    return np.array(inside, np.float32)


def _near_day(candidates: CandidateSet, day: int) -> Floats:
    start = (day - datetime(1970, 1, 1, tzinfo=UTC).toordinal()) * DAY
    gap = (candidates.times - start) / DAY
    near: Floats = np.exp(-np.abs(gap) / np.where(gap >= -1, DAYS_AFTER, DAYS_BEFORE)).astype(np.float32)
    return near


def _when(candidates: CandidateSet) -> Floats:
    return candidates.has(TIME) * np.float32(candidates.question.asks_when)


def _number(candidates: CandidateSet) -> Floats:
    return candidates.has(NUMBER) * np.float32(candidates.question.asks_number)


VIEWS = {
    "temporal": View(_temporal, 0.1, "is recent among the candidates: half as much after each half-life"),
    "old": View(_old, 0.15, "is old among the candidates"),
    "date": View(_date, 1.05, "happened when the question says: a day, a month, a year, the last or the first time"),
    "when": View(_when, 0.45, "names a time, and the question asks when"),
    "number": View(_number, 0.2, "names a number, and the question asks how many"),
}
