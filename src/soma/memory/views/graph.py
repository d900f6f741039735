"""Spreading activation: what is linked to good candidates, or stands beside them, is a little more likely itself."""

from collections.abc import Iterator

import numpy as np

from soma.memory.views.base import Floats, Place, Scene, View, spread
from soma.memory.views.semantic import VIEWS as SEMANTIC

BESIDE = 0.25  # what a link to the previous and next message weighs
SEEDS = 32  # candidates whose links may bring in further memories


def activation(scene: Scene) -> Floats:
    """How much each candidate stirs its neighbours."""
    return spread(SEMANTIC["semantic"].compute(scene))


def _graph(scene: Scene) -> Floats:
    seeds = activation(scene)
    received = BESIDE * _from_beside(scene, seeds)
    for number, place in enumerate(scene.places):
        for other_id, share in _shares(place):
            if (other := scene.number.get(other_id)) is not None:
                received[other] += seeds[number] * share
    return received


def linked(scene: Scene, limit: int) -> list[int]:
    """Rows that only links lead to: the `limit` most activated by the best candidates."""
    seeds = activation(scene)
    found: dict[int, float] = {}
    for number in np.argsort(-seeds, kind="stable")[:SEEDS].tolist():
        for other_id, share in _shares(scene.places[number]):
            row = scene.field.row_of(other_id)
            if row is not None and other_id not in scene.number:
                found[row] = found.get(row, 0.0) + float(seeds[number]) * share
    return sorted(found, key=lambda row: (-found[row], row))[:limit]


def _from_beside(scene: Scene, seeds: Floats) -> Floats:
    near = scene.neighbourhood
    by_place = np.zeros(len(near.rows), np.float32)
    by_place[near.place] = seeds
    return near.beside(by_place, -1) + near.beside(by_place, 1)


def _shares(place: Place) -> Iterator[tuple[str, float]]:
    """What each link passes on; a hub says little about each of its many neighbours."""
    links = place.partition.links
    damping = np.sqrt(max(1, links.degree(place.entry.id)))
    for other_id, weight in links.strongest(place.entry.id):
        yield other_id, float(weight / damping)


VIEWS = {"graph": View(_graph, 0.2, "is linked to candidates that answer the question, or stands beside them")}
