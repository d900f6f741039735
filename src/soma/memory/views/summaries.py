"""Summaries: a memory that consolidation made never outranks its sources."""

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from soma.memory.index.traits import SYNTHESISED
from soma.memory.types import STEPS, Levels
from soma.memory.views import VIEWS
from soma.memory.views.candidates import CandidateSet

PLEADING = np.array([view.weight >= 0 for view in VIEWS.values()])  # the views in which more speaks for a memory
WORST = np.where(PLEADING, 0, STEPS)
FAVOURING = list(VIEWS).index("semantic")  # the view in which it stays a step below


def keep_below(candidates: CandidateSet, levels: Levels) -> None:
    """Keep each synthesised memory, in every view, no better than the least of its sources among the candidates.

    Without sources among them, no view speaks for it.
    """
    made = np.flatnonzero(candidates.has(SYNTHESISED)).tolist()
    before = levels.copy() if made else levels
    for number in made:
        place = candidates.places[number]
        entry = place.partition.entry(place.slot)
        named = _sources_of(msgspec.json.decode(entry.metadata)) if entry is not None else []
        sources = [candidates.numbers[source] for source in named if source in candidates.numbers]
        levels[number] = _least_favourable(before[[number, *sources]]) if sources else WORST
        levels[number, FAVOURING] = max(0, levels[number, FAVOURING] - 1)


def _sources_of(metadata: Mapping[str, Any]) -> list[str]:
    """Return the ids of the sources; people may use the same name in metadata for anything."""
    named = metadata.get("sources")
    return [source for source in named if isinstance(source, str)] if isinstance(named, list) else []


def _least_favourable(levels: Levels) -> Levels:
    """Return the least favourable level of each view."""
    least: Levels = np.where(PLEADING, levels.min(axis=0), levels.max(axis=0))
    return least
