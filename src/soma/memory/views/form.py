"""Form of a memory: its length, and the names, numbers and codes in it."""

import numpy as np

from soma.memory.views.arrays import Floats
from soma.memory.views.base import View
from soma.memory.views.candidates import CandidateSet


def _length(candidates: CandidateSet) -> Floats:
    length: Floats = np.log1p(candidates.lengths[candidates.own])
    return length


def _identifier(candidates: CandidateSet) -> Floats:
    return candidates.corpus.sum_weights(candidates.chosen, candidates.question.identifiers)


VIEWS = {
    "length": View(_length, 0.0, "is long: the logarithm of its number of words"),
    "identifier": View(_identifier, 0.1, "holds the names, numbers and codes of the question, and does not lack them"),
}
