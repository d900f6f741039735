"""Spreading activation: what is linked to good candidates, or follows them, is a little more likely itself."""

import numpy as np

from soma.memory.views.arrays import Floats, spread
from soma.memory.views.base import View
from soma.memory.views.candidates import CandidateSet

BESIDE = 0.075  # what standing before or after weighs, against 1 for an answer
SEEDS = 32  # candidates whose links may bring in further memories


def _graph(candidates: CandidateSet) -> Floats:
    """Score answers that follow their question, and what is linked to a memory that says what is asked."""
    beside = candidates.semantic[candidates.previous] + candidates.semantic[candidates.next]
    graph: Floats = np.minimum(
        1,
        spread(_answers(candidates)) + BESIDE * beside + _receive(candidates, candidates.semantic[candidates.own]),
    )
    return graph


def _answers(candidates: CandidateSet) -> Floats:
    """Score how well the message before holds the question, where it asks something and somebody else said it."""
    own, before = candidates.voices[candidates.own], candidates.voices[candidates.previous]
    answers = (candidates.asking[candidates.previous] > 0) & (own > 0) & (before > 0) & (own != before)
    return np.where(answers, candidates.lexical[candidates.previous], 0).astype(np.float32)


def _gain_by_links(candidates: CandidateSet) -> Floats:
    """Score what links add to a memory's own words, passed on only by memories that answer well themselves.

    Without what the other end does not say itself, linked memories would be ordered by their own words.
    """
    own = candidates.semantic[candidates.own]
    beyond: Floats = np.maximum(spread(_receive(candidates, np.clip(2 * own - 1, 0, 1))) - own, 0)
    return beyond


def _receive(candidates: CandidateSet, given: Floats) -> Floats:
    """Sum what the other candidates pass on to each one over links that somebody made.

    Links of consolidation may bring a memory in, but cost .02 to .04 hit@1 here.
    """
    received = np.zeros(len(candidates), np.float32)
    for number, place in enumerate(candidates.places if candidates.corpus.has_links else ()):
        for other_id, share in place.partition.links.shares_by_people(place.id):
            if (other := candidates.numbers.get(other_id)) is not None:
                received[other] += given[number] * share
    return received


def find_linked(candidates: CandidateSet, limit: int) -> list[int]:
    """Return the rows that only links lead to: the `limit` most activated by the best candidates."""
    if not candidates.corpus.has_links:
        return []
    seeds = candidates.semantic[candidates.own]
    found: dict[int, float] = {}
    for number in np.argsort(-seeds, kind="stable")[:SEEDS].tolist():
        place = candidates.places[number]
        for other_id, share in place.partition.links.shares(place.id):
            row = candidates.corpus.row_of(other_id)
            if row is not None and other_id not in candidates.numbers:
                found[row] = found.get(row, 0.0) + float(seeds[number]) * share
    return sorted(found, key=lambda row: (-found[row], row))[:limit]


VIEWS = {
    "graph": View(
        _graph,
        0.2,
        "answers a message that asked the same, is linked to what says it, or stands beside it",
        is_share=True,
    ),
    "linked": View(_gain_by_links, 1.5, "was linked by somebody to what answers better than it does itself"),
}
