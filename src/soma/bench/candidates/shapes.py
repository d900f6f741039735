"""The shapes that come with Soma: which sets of the shared data teach each, and the weights that suit it."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from soma.bench.candidates.fitting import fit_weights
from soma.bench.candidates.matrix import CandidateMatrix, join_matrices
from soma.bench.candidates.stranger import draw_questions
from soma.brain.core.weights import box

GROUPS = {
    "people chatting": ("locomo",),
    "assistant chats": ("realmem", "bfcl_memory"),
    "preferences": ("prefeval",),
    "facts": ("facts",),
    "documents": ("rag_corpus", "qmsum"),
    "encyclopaedia": ("languages",),
    "code": ("cosqa",),
}
ROUNDED = 0.05
TELLING = 0.05  # a weight below says nothing


class FittedShape(NamedTuple):
    """Weights as large in sum as those of the stranger, and the temperature at which they foretell what helps."""

    temperature: float
    weights: dict[str, float]


def fit_shape(matrices: Sequence[CandidateMatrix], names: Sequence[str], size: float) -> FittedShape:
    """Fit one shape to its sets, each with the same voice; `size` is the sum of the stranger's weights."""
    joined = join_matrices(matrices)
    firsts = np.cumsum([0, *map(len, matrices)])
    chosen = [first + draw_questions(len(matrix)) for first, matrix in zip(firsts, matrices, strict=False)]
    natural = fit_weights(joined, names, np.concatenate(chosen))
    scale = size / sum(map(abs, natural.values()))
    weights = {name: _round(name, weight * scale) for name, weight in natural.items()}
    return FittedShape(round(scale, 3), {name: weight for name, weight in weights.items() if abs(weight) >= TELLING})


def fit_shapes(
    sets: Mapping[str, CandidateMatrix], names: Sequence[str], size: float, *, without: str | None = None
) -> dict[str, FittedShape]:
    """Fit every shape whose sets are there, but for the set `without`; a set of no group is a shape of its own."""
    known = {name for group in GROUPS.values() for name in group}
    groups = GROUPS | {name: (name,) for name in sets if name not in known}
    members = {
        shape: [sets[name] for name in group if name in sets and name != without] for shape, group in groups.items()
    }
    return {shape: fit_shape(found, names, size) for shape, found in members.items() if found}


def _round(view: str, weight: float) -> float:
    return round(float(np.clip(round(weight / ROUNDED) * ROUNDED, *box(view))), 2)
