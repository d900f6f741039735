"""The type of a view."""

from collections.abc import Callable
from dataclasses import dataclass

from soma.memory.views.arrays import Floats
from soma.memory.views.candidates import CandidateSet


@dataclass(frozen=True, slots=True)
class View:
    """A named judgement of candidates: `compute` gives one number each, the higher the better; pure.

    Only their order and distances count, so they are spread over [0, 1]; but not if the view `is_share`, whose numbers
    are in [0, 1] and mean the same for any candidates: where it has little to say, it says little.
    """

    compute: Callable[[CandidateSet], Floats]
    weight: float
    meaning: str
    is_share: bool = False
