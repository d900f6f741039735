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
        0.199,
        {
            "semantic": 0.45,
            "vector": 0.1,
            "passage": 0.1,
            "words": 0.25,
            "window": 0.85,
            "surroundings": 0.25,
            "session": 0.2,
            "graph": 0.3,
            "old": 0.05,
            "date": 0.6,
            "when": 0.2,
            "number": 0.05,
            "author": 0.1,
            "about": 0.1,
            "question": -0.3,
            "length": 0.2,
            "identifier": -0.05,
        },
    ),
    "assistant chats": ShippedShape(
        0.222,
        {
            "semantic": 0.55,
            "passage": 0.25,
            "words": 0.2,
            "window": 0.5,
            "surroundings": 0.1,
            "session": 0.4,
            "graph": 0.3,
            "temporal": 0.45,
            "old": 0.35,
            "date": -0.1,
            "when": -0.05,
            "number": 0.15,
            "user": 0.05,
            "question": -0.1,
            "length": 0.55,
        },
    ),
    "preferences": ShippedShape(
        0.195,
        {
            "semantic": 0.45,
            "vector": 0.2,
            "passage": 0.2,
            "words": 0.05,
            "window": 0.35,
            "surroundings": 0.4,
            "session": 0.2,
            "old": -0.05,
            "newest": 0.05,
            "date": -0.05,
            "user": 0.8,
            "question": -0.85,
            "length": -0.3,
        },
    ),
    "facts": ShippedShape(
        0.238,
        {
            "semantic": 0.45,
            "vector": 0.25,
            "passage": 0.25,
            "words": 0.55,
            "window": 0.45,
            "surroundings": 0.25,
            "session": 0.25,
            "temporal": 0.15,
            "old": -0.2,
            "newest": 0.75,
            "length": -0.1,
            "identifier": 0.35,
        },
    ),
    "documents": ShippedShape(
        0.286,
        {
            "semantic": 0.6,
            "words": 0.4,
            "window": 1.05,
            "surroundings": 0.45,
            "session": 0.85,
            "graph": 0.05,
            "number": 0.05,
            "length": 0.3,
            "identifier": 0.3,
        },
    ),
    "encyclopaedia": ShippedShape(
        0.29,
        {
            "semantic": 1.1,
            "vector": 0.2,
            "passage": 0.05,
            "words": 1.3,
            "window": 0.35,
            "surroundings": 0.1,
            "session": 0.2,
            "when": -0.05,
            "number": 0.05,
            "question": -0.1,
            "length": -0.25,
            "identifier": 0.3,
        },
    ),
    "code": ShippedShape(
        0.243,
        {
            "semantic": 0.45,
            "vector": 0.65,
            "passage": 0.65,
            "words": 0.15,
            "window": 0.45,
            "surroundings": 0.65,
            "session": 0.65,
            "question": 0.1,
            "length": -0.4,
            "identifier": 0.05,
        },
    ),
}
