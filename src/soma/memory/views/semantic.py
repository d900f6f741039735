"""What the question means and which of its words are there, in a message and around it."""

from soma.memory.views.base import Floats, Scene, View, spread


def _semantic(scene: Scene) -> Floats:
    return spread(scene.dense) + spread(scene.lexical)


def _neighbour(scene: Scene) -> Floats:
    near = scene.neighbourhood
    dense = near.window(scene.field.dense[near.rows], 1) / near.width(1)
    return spread(dense) + spread(near.window(scene.field.lexical[near.rows], 1))


def _session(scene: Scene) -> Floats:
    near = scene.neighbourhood
    return spread(near.best(scene.field.dense[near.rows])) + spread(near.best(scene.field.lexical[near.rows]))


VIEWS = {
    "semantic": View(_semantic, 1.0, "says what the question says, in meaning and in words"),
    "neighbour": View(_neighbour, 0.3, "stands between messages that say what the question says"),
    "session": View(_session, 0.1, "belongs to a conversation or document in which something says it"),
}
