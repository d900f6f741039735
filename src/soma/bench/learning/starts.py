"""Starts: what a learner begins with, as shipped, and as it would be if one set had never been seen."""

from collections.abc import Mapping
from dataclasses import dataclass

from soma.bench.candidates.fixed_weights import FITTED, LEARNED_ELSEWHERE, SHIPPED
from soma.bench.candidates.matrix import CandidateMatrix
from soma.bench.candidates.shapes import FittedShape, fit_shapes
from soma.bench.candidates.stranger import ScoredSet, fit_stranger
from soma.bench.learning.priors import BARE, Prior
from soma.bench.learning.rules import CoreLearner
from soma.brain.core.shapes import Mixing, Shape
from soma.memory.views.shapes import SHAPES, ShippedShape


@dataclass(frozen=True, slots=True)
class Start:
    """The stranger's prior, and the shapes of data that are mixed with it."""

    prior: Prior
    mixing: Mixing

    def learner(self, **changed: object) -> CoreLearner:
        """Make a learner of the brain; `changed` are hyperparameters other than the shipped ones."""
        return CoreLearner(self.prior, **({"mixing": self.mixing} | changed))


def shipped_start() -> Start:
    return Start(SHIPPED, mixing_of(SHAPES))


def start_without(name: str, matrices: Mapping[str, CandidateMatrix], scored: Mapping[str, ScoredSet]) -> Start:
    """Fit the prior and the shapes to all sets but one."""
    stranger = fit_stranger([one for other, one in scored.items() if other != name])
    size = sum(abs(stranger.get(view, 0.0)) for view in FITTED)
    elsewhere = {view: SHIPPED[view] for view in LEARNED_ELSEWHERE}
    return Start(BARE | elsewhere | stranger, mixing_of(fit_shapes(matrices, FITTED, size, without=name)))


def mixing_of(shapes: Mapping[str, FittedShape] | Mapping[str, ShippedShape]) -> Mixing:
    return Mixing(
        shapes=tuple(Shape(name, one.temperature, tuple(sorted(one.weights.items()))) for name, one in shapes.items())
    )
