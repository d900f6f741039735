"""Mixture: which of the shipped shapes of data a learner's data have, and the weights that follow.

Each shape (documents, chats, short facts, ...) has weights that suit it. Beside them stands the stranger, data of which
nothing is known, with the prior. Those that would have foretold the evidence better count for more, a Bayesian mixture
of experts (Jacobs et al., 1991):

b_s += rate c log((1 - d) e^-L_s + d / n)      L_s by the weights of the shape, at its own temperature
share_s = prior_s e^b_s / sum
m = sum share_s w_s

The evidence rule goes on from m. After `most` pieces of evidence the shares stay.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

import msgspec

from soma.brain.core.arithmetic import dot, log, softmax
from soma.brain.core.observations import VIEW_SCALE
from soma.brain.core.rules.choice import Row, Rows, choice_chances, score_rows
from soma.brain.core.shapes import STRANGER, Mixing, Shape
from soma.brain.core.weights import Views

LEAST = -12.0  # of b_s below the best one: a shape that is so far behind is not weighed any more


class Beliefs(msgspec.Struct, frozen=True, gc=False, cache_hash=True):
    """b_s of each shape by its name, less that of the best one, after `weighed` pieces of evidence."""

    evidence: tuple[tuple[str, float], ...]
    weighed: int


def shares(beliefs: Beliefs | None, mixing: Mixing) -> dict[str, float]:
    """Return the shares of the stranger and of each shape, by name; they sum to 1."""
    known = dict(beliefs.evidence) if beliefs else {}
    names = [STRANGER, *(shape.name for shape in mixing.shapes)]
    rest = (1.0 - mixing.stranger_share) / max(len(mixing.shapes), 1)
    priors = [mixing.stranger_share, *(rest for _ in mixing.shapes)]
    scores = [log(prior) + known.get(name, 0.0) for name, prior in zip(names, priors, strict=True)]
    return dict(zip(names, softmax(scores, 1.0), strict=True))


@lru_cache(maxsize=1_024)  # of many learners: each step asks for the m of the step before
def mix(beliefs: Beliefs | None, views: Views, mixing: Mixing) -> Row:
    """Return m: the weights of the stranger and the shapes, each by its share; the prior where there are no shapes."""
    if not mixing.shapes:
        return views.priors
    rows = (views.priors, *_columns(mixing.shapes, views))
    parts = tuple(shares(beliefs, mixing).values())
    return tuple([dot(parts, column) for column in zip(*rows, strict=True)])


class Seen(NamedTuple):
    """One piece of evidence: view values of the shown as stored, what helped (y), and what it counts."""

    rows: Rows
    y: Row
    credit: float
    doubt: float


def weigh(beliefs: Beliefs | None, views: Views, seen: Seen, mixing: Mixing) -> Beliefs:
    """Add one piece of evidence to the belief in each shape."""
    known = dict(beliefs.evidence) if beliefs else {}
    weights = (views.priors, *_columns(mixing.shapes, views))
    temperatures = (mixing.stranger_temperature, *(shape.temperature for shape in mixing.shapes))
    names = (STRANGER, *(shape.name for shape in mixing.shapes))
    found: list[float | None] = []
    for name, temperature, own in zip(names, temperatures, weights, strict=True):
        value = known.get(name, 0.0)
        if value <= LEAST:
            found.append(None)
            continue
        _, likelihood = choice_chances(score_rows(seen.rows, own, temperature * VIEW_SCALE), seen.y)
        meant = (1.0 - seen.doubt) * likelihood + seen.doubt / len(seen.y)
        found.append(value + mixing.rate * seen.credit * log(meant))
    best = max(value for value in found if value is not None)
    left = [LEAST if value is None else max(value - best, LEAST) for value in found]
    evidence = tuple(zip(names, left, strict=True))
    return Beliefs(evidence, (beliefs.weighed if beliefs else 0) + 1)


@lru_cache(maxsize=64)
def _columns(shapes: tuple[Shape, ...], views: Views) -> tuple[Row, ...]:
    """Return the weights of each shape in the columns of the views, inside their boxes."""
    return tuple(tuple(_column(dict(shape.weights), views)) for shape in shapes)


def _column(weights: dict[str, float], views: Views) -> Iterable[float]:
    for name, prior, low, high in zip(views.names, views.priors, views.lows, views.highs, strict=True):
        yield min(max(weights.get(name, prior), low), high)
