"""The named weights: what each means, where it starts, how far it may go, which rule moves it.

Views are data: the memory context ships their names and priors in a `Views` table, and the learner takes
whatever names it is given. Only the seven names of the plan are written here.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from functools import cache

import msgspec


class WeightRule(StrEnum):
    """The rule that moves a weight."""

    EVIDENCE = "evidence"
    DIVERSITY = "diversity rule"
    REGRESSION = "regression"


class Weight(msgspec.Struct, frozen=True, gc=False):
    """`literal_gain` is the gain of the plan's formula; 0 leaves the weight as it is."""

    name: str
    meaning: str
    default: float
    low: float
    high: float
    rule: WeightRule
    literal_gain: float
    view: str | None = None


ALPHA = Weight("alpha", "semantic view", 1.0, 0.1, 5.0, WeightRule.EVIDENCE, 1.0, "semantic")
BETA = Weight("beta", "graph view", 0.2, 0.0, 1.0, WeightRule.EVIDENCE, 0.0, "graph")
GAMMA = Weight("gamma", "temporal view: recent", 0.1, 0.0, 1.0, WeightRule.EVIDENCE, -0.5, "temporal")
TAU = Weight("tau", "attention temperature", 0.7, 0.4, 1.2, WeightRule.DIVERSITY, 0.0)
LAMBDA = Weight("lambda", "utility: expected gain", 1.0, 0.1, 5.0, WeightRule.REGRESSION, 1.0)
MU = Weight("mu", "utility: cost", 0.1, 0.01, 5.0, WeightRule.REGRESSION, -0.25)
NU = Weight("nu", "utility: latency", 0.05, 0.01, 5.0, WeightRule.REGRESSION, -0.25)

SEVEN = (ALPHA, BETA, GAMMA, TAU, LAMBDA, MU, NU)
NAMED_VIEWS = {weight.view: weight for weight in SEVEN if weight.view}

FURTHER_VIEW_LOW, FURTHER_VIEW_HIGH = -1.0, 5.0
VIEWS_LIMIT = 64  # a state stays small whatever names arrive


def weight_name(view: str) -> str:
    """Name of a view's weight on the wire: alpha for `semantic`, else the view's own name."""
    weight = NAMED_VIEWS.get(view)
    return weight.name if weight else view


def by_weight_name(views: tuple[str, ...], values: Sequence[float]) -> dict[str, float]:
    """A value a view, by the names of their weights on the wire."""
    return dict(zip(_weight_names(views), values, strict=True))


@cache
def _weight_names(views: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(weight_name, views))


def box(view: str) -> tuple[float, float]:
    """Bounds of a view's weight."""
    weight = NAMED_VIEWS.get(view)
    return (weight.low, weight.high) if weight else (FURTHER_VIEW_LOW, FURTHER_VIEW_HIGH)


class Views(msgspec.Struct, frozen=True, gc=False, cache_hash=True):
    """Columns of a registry of views, sorted by name so that no order of arrival can change a sum."""

    names: tuple[str, ...]
    priors: tuple[float, ...]
    lows: tuple[float, ...]
    highs: tuple[float, ...]

    @classmethod
    def of(cls, priors: Mapping[str, float]) -> "Views":
        """Build a registry from name -> prior. Raises ValueError for a prior outside its box or too many views."""
        names = tuple(sorted(priors))
        if len(names) > VIEWS_LIMIT:
            raise ValueError(f"at most {VIEWS_LIMIT} views, not {len(names)}")
        boxes = [box(name) for name in names]
        for name, (low, high) in zip(names, boxes, strict=True):
            if not low <= priors[name] <= high:
                raise ValueError(f"the prior {priors[name]} of view {name!r} is outside [{low}, {high}]")
        return cls(
            names=names,
            priors=tuple(float(priors[name]) for name in names),
            lows=tuple(low for low, _ in boxes),
            highs=tuple(high for _, high in boxes),
        )

    def prior(self, name: str) -> float:
        """Prior of a view; 0 for one that nobody shipped: it must earn its influence."""
        return self.priors[self.names.index(name)] if name in self.names else 0.0


PLAN_VIEWS = Views.of({weight.view: weight.default for weight in SEVEN if weight.view})
