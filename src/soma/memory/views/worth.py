"""Worth of a memory before any question: how often it helped, and its importance."""

import numpy as np

from soma.memory.views.arrays import Floats
from soma.memory.views.base import View
from soma.memory.views.candidates import CandidateSet


def _value(candidates: CandidateSet) -> Floats:
    return candidates.values


def _importance(candidates: CandidateSet) -> Floats:
    return candidates.corpus.read_number(candidates.chosen, "importances").astype(np.float32)


VIEWS = {
    "value": View(_value, 0.1, "helped before: learned from feedback that named it"),
    "importance": View(_importance, 0.1, "was said to be important when it was remembered"),
}
