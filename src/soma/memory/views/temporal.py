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
COMPARED = 64  # candidates that may contradict each other
APART = 60.0  # seconds
ALIKE = 0.6  # cosine from which two memories may say something of the same thing


def _temporal(candidates: CandidateSet) -> Floats:
    """1 for the latest candidate, half as much a half-life before it."""
    return _halve(candidates.times.max() - candidates.times, candidates.question.half_life_days)


def _old(candidates: CandidateSet) -> Floats:
    """1 for the earliest candidate, half as much a half-life after it."""
    return _halve(candidates.times - candidates.times.min(), candidates.question.half_life_days)


def _halve(seconds: NDArray[np.float64], half_life_days: float) -> Floats:
    curve: Floats = np.exp2(-seconds / DAY / half_life_days).astype(np.float32)
    return curve


def _newest(candidates: CandidateSet) -> Floats:
    """Score the latest of several memories that say alike: how much an earlier one is like it, less a later one.

    Of two statements about the same thing that contradict each other, the later one holds. Only the COMPARED best
    are compared, for what answers nothing contradicts no answer; and only what was said APART, for the parts of one
    text contradict each other as little.
    """
    best = np.argsort(-candidates.semantic[candidates.own], kind="stable")[:COMPARED]
    vectors, times = candidates.vectors[best], candidates.times[best]
    alike = np.clip((vectors @ vectors.T - ALIKE) / (1 - ALIKE), 0, 1)
    is_earlier = times[None, :] < times[:, None] - APART
    newest = np.zeros(len(candidates), np.float32)
    newest[best] = (alike * is_earlier).max(axis=1) - (alike * is_earlier.T).max(axis=1)
    return newest


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
    "old": View(_old, 0.0, "is old among the candidates"),
    "newest": View(_newest, 0.2, "is the latest of several memories that say alike"),
    "date": View(_date, 0.5, "happened when the question says: a day, a month, a year, the last or the first time"),
    "when": View(_when, 0.2, "names a time, and the question asks when"),
    "number": View(_number, 0.1, "names a number, and the question asks how many"),
}
