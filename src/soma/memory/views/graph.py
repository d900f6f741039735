"""Spreading activation: what is linked to good candidates, or follows them, is a little more likely itself."""

import numpy as np

from soma.memory.views.base import View
from soma.memory.views.scene import Floats, Scene, spread

BESIDE = 0.075  # what standing before or after weighs, against 1 for an answer
SEEDS = 32  # candidates whose links may bring in further memories


def _graph(scene: Scene) -> Floats:
    """An answer follows its question; beside that, what is linked receives what the other end says."""
    beside = scene.semantic[scene.previous] + scene.semantic[scene.next]
    graph: Floats = np.minimum(
        1, spread(spread(_answers(scene)) + BESIDE * beside) + _received(scene, scene.semantic[scene.own])
    )
    return graph


def _answers(scene: Scene) -> Floats:
    """The words of the question in the message before, where that one asks something and somebody else said it."""
    own, before = scene.voices[scene.own], scene.voices[scene.previous]
    answers = (scene.asking[scene.previous] > 0) & (own > 0) & (before > 0) & (own != before)
    return np.where(answers, scene.lexical[scene.previous], 0).astype(np.float32)


def _linked(scene: Scene) -> Floats:
    """From those alone that answer well themselves: a link to what is beside the point says nothing.

    And only what the other end does not say itself: else the order of linked memories is that of their own words.
    """
    own = scene.semantic[scene.own]
    beyond: Floats = np.maximum(spread(_received(scene, np.clip(2 * own - 1, 0, 1))) - own, 0)
    return beyond


def _received(scene: Scene, given: Floats) -> Floats:
    """What links bring to each candidate, of what each other one has to give.

    Only links that somebody made: those of consolidation may bring a memory in, but cost .02 to .04 hit@1 here.
    """
    received = np.zeros(len(scene), np.float32)
    for number, place in enumerate(scene.places if scene.field.has_links else ()):
        for other_id, share in place.partition.links.given(place.entry.id):
            if (other := scene.number.get(other_id)) is not None:
                received[other] += given[number] * share
    return received


def linked(scene: Scene, limit: int) -> list[int]:
    """Rows that only links lead to: the `limit` most activated by the best candidates."""
    if not scene.field.has_links:
        return []
    seeds = scene.semantic[scene.own]
    found: dict[int, float] = {}
    for number in np.argsort(-seeds, kind="stable")[:SEEDS].tolist():
        place = scene.places[number]
        for other_id, share in place.partition.links.shares(place.entry.id):
            row = scene.field.row_of(other_id)
            if row is not None and other_id not in scene.number:
                found[row] = found.get(row, 0.0) + float(seeds[number]) * share
    return sorted(found, key=lambda row: (-found[row], row))[:limit]


VIEWS = {
    "graph": View(_graph, 0.2, "answers a message that asked the same, is linked to what says it, or stands beside it"),
    "linked": View(_linked, 2.0, "was linked by somebody to what answers better than it does itself"),
}
