"""Arrays that recall and views compute with. Pure."""

from array import array
from typing import Any

import numpy as np
from numpy.typing import NDArray

Flags = NDArray[np.bool_]
Floats = NDArray[np.float32]
Indexes = NDArray[np.int64]


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
    edge = np.partition(scores, len(scores) - count)[len(scores) - count]
    above = np.flatnonzero(scores > edge)
    return np.concatenate([above, np.flatnonzero(scores == edge)[: count - len(above)]])


def best_above(scores: Floats, count: int, floor: float) -> Indexes:
    """Return the same of scores of which most are `floor`, and none is below it."""
    above = np.flatnonzero(scores > floor)
    return above[best(scores[above], count)] if len(above) >= count else best(scores, count)


def take(column: "array[Any]", slots: Indexes) -> NDArray[Any]:
    """Copy some numbers of a column: while an array lends its buffer, it cannot grow."""
    return np.frombuffer(column, column.typecode)[slots]
