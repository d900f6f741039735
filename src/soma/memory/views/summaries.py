"""What consolidation made never outranks what it was made of."""

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from soma.memory.index.traits import SYNTHESISED
from soma.memory.types import STEPS, Levels
from soma.memory.views import VIEWS
from soma.memory.views.scene import Scene

PLEADING = np.array([view.weight >= 0 for view in VIEWS.values()])  # the views in which more speaks for a memory
WORST = np.where(PLEADING, 0, STEPS)
FAVOURING = list(VIEWS).index("semantic")  # the view in which it stays a step below


def keep_below(scene: Scene, levels: Levels) -> None:
    """Each synthesised memory is, in every view, no better than the least of its sources among the candidates.

    Where none of them is here, there is nothing in any view that speaks for it.
    """
    made = np.flatnonzero(scene.has(SYNTHESISED)).tolist()
    before = levels.copy() if made else levels
    for number in made:
        named = _sources(msgspec.json.decode(scene.entries[number].metadata))
        sources = [scene.number[source] for source in named if source in scene.number]
        levels[number] = _least(before[[number, *sources]]) if sources else WORST
        levels[number, FAVOURING] = max(0, levels[number, FAVOURING] - 1)


def _sources(metadata: Mapping[str, Any]) -> list[str]:
    """People may remember metadata of the same names, with anything in it."""
    named = metadata.get("sources")
    return [source for source in named if isinstance(source, str)] if isinstance(named, list) else []


def _least(levels: Levels) -> Levels:
    """The least favourable level of each view."""
    least: Levels = np.where(PLEADING, levels.min(axis=0), levels.max(axis=0))
    return least
