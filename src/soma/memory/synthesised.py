"""What consolidation made never outranks what it was made of."""

from collections.abc import Sequence

import msgspec

from soma.memory.types import Candidate
from soma.memory.views import VIEWS

MARK = "synthesised"
FAVOURING = "semantic"  # the view in which it stays a step below


def kept_below(found: Sequence[Candidate]) -> list[Candidate]:
    """Each synthesised memory is, in every view, no better than the least of its sources among the candidates.

    Where none of them is here, there is nothing in any view that speaks for it.
    """
    if not any(MARK in candidate.metadata for candidate in found):
        return list(found)
    by_id = {candidate.id: candidate for candidate in found}
    return [_below(candidate, by_id) if MARK in candidate.metadata else candidate for candidate in found]


def _below(candidate: Candidate, by_id: dict[str, Candidate]) -> Candidate:
    sources = [by_id[source] for source in candidate.metadata.get("sources", ()) if source in by_id]
    views = {name: _least(name, [candidate, *sources]) if sources else _worst(name) for name in candidate.views}
    views[FAVOURING] = max(0, views[FAVOURING] - 1)
    return msgspec.structs.replace(candidate, views=views)


def _least(name: str, candidates: Sequence[Candidate]) -> int:
    values = [candidate.views[name] for candidate in candidates]
    return min(values) if VIEWS[name].weight >= 0 else max(values)


def _worst(name: str) -> int:
    return 0 if VIEWS[name].weight >= 0 else 65_535
