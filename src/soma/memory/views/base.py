"""What a view is."""

from collections.abc import Callable
from dataclasses import dataclass

from soma.memory.views.scene import Floats, Scene


@dataclass(frozen=True, slots=True)
class View:
    """A named judgement of candidates: `compute` gives one number each, the higher the better; pure."""

    compute: Callable[[Scene], Floats]
    weight: float
    meaning: str
