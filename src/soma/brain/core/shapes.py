"""Shapes of data: kinds for which weights are shipped, and the constants of their mixture (`rules/mixture.py`)."""

import msgspec

STRANGER = "stranger"  # the prior, among the shapes


class Shape(msgspec.Struct, frozen=True, gc=False, cache_hash=True):
    """A kind of data: the weights that suit it, by view, and the temperature at which they foretell what helps.

    A view that it does not name has its prior.
    """

    name: str
    temperature: float
    weights: tuple[tuple[str, float], ...]


class Mixing(msgspec.Struct, frozen=True, gc=False, cache_hash=True):
    """Hyperparameters of the mixture. Without shapes, a learner has its prior."""

    shapes: tuple[Shape, ...] = ()
    stranger_share: float = 0.9
    stranger_temperature: float = 0.25
    rate: float = 1.5
    most: int = 100


NO_SHAPES = Mixing()
