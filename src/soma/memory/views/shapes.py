"""Shapes of data that come with Soma: for each the weights of views that suit it. A learner finds which it has.

The numbers are fitted by `soma bench recall`, which prints them: `bench/candidates/shapes.py`. Every weight is beside
the others of its shape: their sum is as large for all.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ShippedShape:
    """Weights by view; a view that is not named has its own. `temperature`: the lower, the surer the shape is."""

    temperature: float
    weights: Mapping[str, float]


SHAPES: dict[str, ShippedShape] = {
    "people chatting": ShippedShape(
        0.214,
        {
            "semantic": 0.45,
            "vector": 0.05,
            "passage": 0.05,
            "words": 0.3,
            "window": 0.85,
            "surroundings": 0.3,
            "session": 0.2,
            "graph": 0.3,
            "date": 0.6,
            "when": 0.25,
            "number": 0.05,
            "author": 0.15,
            "about": 0.1,
            "question": -0.3,
            "length": 0.1,
            "identifier": -0.05,
        },
    ),
    "assistant chats": ShippedShape(
        0.231,
        {
            "semantic": 0.55,
            "vector": 0.05,
            "passage": 0.25,
            "words": 0.2,
            "window": 0.5,
            "surroundings": 0.15,
            "session": 0.4,
            "graph": 0.25,
            "temporal": 0.5,
            "old": 0.35,
            "date": -0.15,
            "when": -0.05,
            "number": 0.15,
            "user": 0.05,
            "question": -0.05,
            "length": 0.5,
        },
    ),
    "preferences": ShippedShape(
        0.2,
        {
            "semantic": 0.45,
            "vector": 0.2,
            "passage": 0.2,
            "words": 0.05,
            "window": 0.4,
            "surroundings": 0.35,
            "session": 0.15,
            "old": -0.05,
            "newest": 0.05,
            "date": -0.05,
            "user": 0.85,
            "question": -0.85,
            "length": -0.3,
        },
    ),
    "facts": ShippedShape(
        0.283,
        {
            "semantic": 0.5,
            "vector": 0.3,
            "passage": 0.3,
            "words": 0.55,
            "window": 0.45,
            "surroundings": 0.3,
            "session": 0.3,
            "temporal": 0.2,
            "old": -0.2,
            "newest": 0.65,
            "length": -0.05,
            "identifier": 0.4,
        },
    ),
    "documents": ShippedShape(
        0.321,
        {
            "semantic": 0.55,
            "words": 0.4,
            "window": 1.1,
            "surroundings": 0.45,
            "session": 1.0,
            "graph": 0.05,
            "length": 0.3,
            "identifier": 0.3,
        },
    ),
    "encyclopaedia": ShippedShape(
        0.314,
        {
            "semantic": 1.1,
            "vector": 0.25,
            "passage": 0.1,
            "words": 1.4,
            "window": 0.3,
            "surroundings": 0.15,
            "session": 0.25,
            "question": -0.05,
            "length": -0.25,
            "identifier": 0.3,
        },
    ),
    "code": ShippedShape(
        0.263,
        {
            "semantic": 0.45,
            "vector": 0.65,
            "passage": 0.65,
            "words": 0.2,
            "window": 0.4,
            "surroundings": 0.65,
            "session": 0.65,
            "question": 0.1,
            "length": -0.5,
        },
    ),
}
