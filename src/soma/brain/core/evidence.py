"""The evidence rule: which of the shown memories helped tells each view's weight which way to go.

p = softmax(w.x / T) over the shown memories, y uniform on the helpful ones
g = c sum (y - p) x / T - 0.02 (w - prior)
G += g^2
w += 0.3 sqrt(3 / views) (lr_eff / lr_base) g / sqrt(1 + G)

That is one AdaGrad step down the cross-entropy between what helped and what the weights would have chosen.
"""

from collections.abc import Sequence
from math import sqrt
from typing import NamedTuple

from soma.brain.core import trust
from soma.brain.core.arithmetic import dot, exp, log, total
from soma.brain.core.bounded import bounded
from soma.brain.core.hyperparameters import Hyperparameters
from soma.brain.core.observations import VIEW_SCALE, Evidence, Source
from soma.brain.core.weights import VIEWS_LIMIT, Views

Rows = list[tuple[float, ...]]


class Retrieval(NamedTuple):
    """Columns in the order of `views`; `squares` is AdaGrad's G."""

    views: Views
    weights: tuple[float, ...]
    squares: tuple[float, ...]
    trust_sum: float


class Judgement(NamedTuple):
    """How the weights would have chosen among the shown, before they learn what helped."""

    chances: tuple[float, ...]
    advantage: float
    """loss(prior) - loss(w): above 0 the learned weights foretold it better."""
    error: float
    """Half the distance between chance and outcome, in [0, 1]."""


class Reading(NamedTuple):
    """Evidence in the learner's own terms: its views, made room for; rows of values; what helped."""

    retrieval: Retrieval
    active: tuple[bool, ...] | None
    """Which views the evidence knows; None for all of them."""
    rows: Rows
    targets: list[float] | None
    """y: uniform on the helpful of the shown; None, and nothing to learn, if none or all of them are."""
    judgement: Judgement | None


def initial(views: Views) -> Retrieval:
    return Retrieval(views, views.priors, (0.0,) * len(views.names), 0.0)


def grown(old: Retrieval, names: Sequence[str], shipped: Views) -> Retrieval:
    """Room for views never seen before, at their shipped prior or 0; past the limit they are ignored."""
    known = dict(zip(old.views.names, zip(old.weights, old.squares, strict=True), strict=True))
    unseen = sorted(set(names) - set(known))[: VIEWS_LIMIT - len(known)]
    if not unseen:
        return old
    priors = dict(zip(old.views.names, old.views.priors, strict=True)) | {n: shipped.prior(n) for n in unseen}
    known |= {name: (priors[name], 0.0) for name in unseen}
    views = Views.of(priors)
    return Retrieval(
        views,
        tuple(known[name][0] for name in views.names),
        tuple(known[name][1] for name in views.names),
        old.trust_sum,
    )


def read(old: Retrieval, evidence: Evidence, settings: Hyperparameters) -> Reading:
    if evidence.views == old.views.names:
        retrieval, active = old, None
        rows = [tuple(map(float, memory.values)) for memory in evidence.shown]
    else:
        retrieval = grown(old, evidence.views, settings.views)
        names = retrieval.views.names
        active = tuple(name in evidence.views for name in names)
        rows = _aligned(evidence, names)
    y = _targets(evidence)
    if y is None or (active is not None and not any(active)):
        return Reading(retrieval, active, rows, None, None)
    return Reading(retrieval, active, rows, y, _judged(retrieval, rows, y, settings))


def gradient(
    reading: Reading, judgement: Judgement, credit: float, settings: Hyperparameters, outliers: list[str]
) -> tuple[float, ...]:
    """g of each view, within the limit for outliers."""
    views, weights = reading.retrieval.views, reading.retrieval.weights
    misses = [y - chance for y, chance in zip(reading.targets or (), judgement.chances, strict=True)]
    slopes = [dot(misses, column) for column in zip(*reading.rows, strict=True)]
    push = credit / (settings.learner_temperature * VIEW_SCALE)
    pull, limit = settings.prior_pull, settings.gradient_limit
    g = [
        push * slope - pull * (weight - prior)
        for slope, weight, prior in zip(slopes, weights, views.priors, strict=True)
    ]
    if max(g) > limit or min(g) < -limit:
        g = [bounded(name, slope, -limit, limit, outliers) for name, slope in zip(views.names, g, strict=True)]
    return tuple(g)


def stepped(
    reading: Reading, g: tuple[float, ...], believed: float, factor: float, settings: Hyperparameters
) -> Retrieval:
    """One AdaGrad step inside the boxes. A view that the evidence does not know stays as it is.

    `believed` is the advantage over the prior that counts for trust; `factor` is lr_eff / lr_base.
    """
    views, weights, squares, trust_sum = reading.retrieval
    active = reading.active or (True,) * len(weights)
    rate = settings.evidence_step * sqrt(settings.evidence_views / active.count(True)) * factor
    grown_squares = [
        square + slope * slope if knows else square for square, slope, knows in zip(squares, g, active, strict=True)
    ]
    moved = [
        min(max(weight + rate * slope / sqrt(1.0 + square), low), high) if knows else weight
        for weight, slope, square, low, high, knows in zip(
            weights, g, grown_squares, views.lows, views.highs, active, strict=True
        )
    ]
    return Retrieval(views, tuple(moved), tuple(grown_squares), trust.grown(trust_sum, believed, settings))


def credit_of(source: Source, settings: Hyperparameters) -> float:
    return settings.person_credit if source is Source.PERSON else settings.citation_credit


def named_values(evidence: Evidence) -> tuple[tuple[str, bool], ...]:
    """Shown memories that were named, with whether they helped; one named both ways counts as unhelpful."""
    unhelpful = set(evidence.unhelpful)
    shown = {memory.id for memory in evidence.shown}
    named = dict.fromkeys((*evidence.helpful, *evidence.unhelpful))
    return tuple((name, name not in unhelpful) for name in named if name in shown)


def ignored(evidence: Evidence) -> tuple[str, ...]:
    """Names that were never shown: nothing can be learned from them."""
    shown = {memory.id for memory in evidence.shown}
    return tuple(name for name in dict.fromkeys((*evidence.helpful, *evidence.unhelpful)) if name not in shown)


def _aligned(evidence: Evidence, names: tuple[str, ...]) -> Rows:
    """The shown values in the learner's order of views; a view without values is 0 throughout."""
    place = {name: index for index, name in enumerate(evidence.views)}
    order = [place.get(name, -1) for name in names]
    return [tuple([float(values[i]) if i >= 0 else 0.0 for i in order]) for _, values in evidence.shown]


def _targets(evidence: Evidence) -> list[float] | None:
    helpful = set(evidence.helpful).difference(evidence.unhelpful)
    marks = [memory.id in helpful for memory in evidence.shown]
    count = marks.count(True)
    if count in (0, len(marks)):
        return None
    return [1.0 / count if mark else 0.0 for mark in marks]


def _judged(old: Retrieval, rows: Rows, y: list[float], settings: Hyperparameters) -> Judgement:
    scale = settings.learner_temperature * VIEW_SCALE
    own = [dot(row, old.weights) / scale for row in rows]
    shipped = [dot(row, old.views.priors) / scale for row in rows]
    chances, loss = _softmax_loss(own, y)
    _, prior_loss = _softmax_loss(shipped, y)
    distance = total([abs(chance - target) for chance, target in zip(chances, y, strict=True)])
    return Judgement(chances, prior_loss - loss, 0.5 * distance)


def _softmax_loss(scores: list[float], y: list[float]) -> tuple[tuple[float, ...], float]:
    """Chances, and the cross-entropy -sum y log p = log Z - sum y s."""
    top = max(scores)
    above = [score - top for score in scores]
    parts = [exp(score) for score in above]
    whole = total(parts)
    return tuple([part / whole for part in parts]), log(whole) - dot(y, above)
