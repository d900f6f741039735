"""Splits of LoCoMo by conversation, as published ones are made: half of the conversations to fit, half to examine."""

import random
from collections.abc import Sequence

import numpy as np

from soma.bench.candidates.fitting import fit_weights
from soma.bench.candidates.matrix import CandidateMatrix, figures

SEEDS = (7, 11, 23, 31, 47)
FIGURES = ("r10", "mrr", "hit1")
MEAN = "mean"


def measure_splits(matrix: CandidateMatrix, names: Sequence[str]) -> dict[str, dict[str, float]]:
    """Return by seed, and as their mean, micro figures of the half that weights of `names` were not fitted to."""
    found = {str(seed): _measure(matrix, names, seed) for seed in SEEDS}
    mean = {name: float(np.mean([one[name] for one in found.values()])) for name in FIGURES}
    return found | {MEAN: mean}


def _measure(matrix: CandidateMatrix, names: Sequence[str], seed: int) -> dict[str, float]:
    conversations = np.unique(matrix.conversation).tolist()
    random.Random(seed).shuffle(conversations)
    fitted = np.isin(matrix.conversation, conversations[: len(conversations) // 2])
    weights = fit_weights(matrix, names, np.flatnonzero(fitted))
    found = figures(matrix, matrix.scores(weights))
    return {name: float(found[name][~fitted].mean()) for name in FIGURES}
