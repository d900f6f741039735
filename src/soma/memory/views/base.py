"""The type of a view."""

from collections.abc import Callable
from dataclasses import dataclass

from soma.memory.views.arrays import Floats
from soma.memory.views.candidates import CandidateSet


@dataclass(frozen=True, slots=True)
class View:
    """A named judgement of candidates: `compute` gives one number each, the higher the better; pure."""

    compute: Callable[[CandidateSet], Floats]
    weight: float
    meaning: str
