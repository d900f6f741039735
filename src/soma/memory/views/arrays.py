"""Arrays that recall and views compute with. Pure."""

from array import array
from typing import Any

import numpy as np
from numpy.typing import NDArray

Flags = NDArray[np.bool_]
Floats = NDArray[np.float32]
Indexes = NDArray[np.int64]

MANY = 64  # times as many scores as are wanted


def spread(scores: Floats) -> Floats:
    """Min-max: the lowest is 0, the highest 1; all 0 where they are equal. A single score is 1 if it is above 0."""
    if len(scores) < 2:
        return (scores > 0).astype(scores.dtype)
    low, high = scores.min(), scores.max()
    result: Floats = (scores - low) / (high - low) if high > low else np.zeros_like(scores)
    return result


def best(scores: Floats, count: int) -> Indexes:
    """Return the places of the `count` highest scores; of equal ones at the edge the first."""
    if len(scores) <= count:
        return np.arange(len(scores))
    if len(scores) >= MANY * count:
        return _best_of_many(scores, count)
    edge = np.partition(scores, len(scores) - count)[len(scores) - count]
    above = np.flatnonzero(scores > edge)
    return np.concatenate([above, np.flatnonzero(scores == edge)[: count - len(above)]])


def _best_of_many(scores: Floats, count: int) -> Indexes:
    """Return the same, by the best of each run of scores: as many as `count` runs hold one that is at least their edge.

    To part a million scores of which most are equal takes 25 ms; this takes one.
    """
    run = len(scores) // (MANY // 2 * count)
    highest = scores[: len(scores) // run * run].reshape(-1, run).max(axis=1)
    floor = np.partition(highest, len(highest) - count)[len(highest) - count]
    above = np.flatnonzero(scores > floor)
    if len(above) > count:
        return above[best(scores[above], count)]
    return np.concatenate([above, np.flatnonzero(scores == floor)[: count - len(above)]])


def take(column: "array[Any]", slots: Indexes) -> NDArray[Any]:
    """Copy some numbers of a column: while an array lends its buffer, it cannot grow."""
    return np.frombuffer(column, column.typecode)[slots]
