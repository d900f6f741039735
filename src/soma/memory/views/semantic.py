"""What the question means and which of its words are there: in the message itself and in what stands around it."""

import numpy as np

from soma.memory.views.base import View
from soma.memory.views.scene import REACH, Floats, Scene

WINDOW_WORDS = 100  # each way


def _semantic(scene: Scene) -> Floats:
    return scene.semantic[scene.own]


def _window(scene: Scene) -> Floats:
    """Each word of the question met by the best of the messages around: a few of them, or a few words of long ones."""
    met = scene.met[scene.own].copy()
    for side in (range(REACH - 1, -1, -1), range(REACH + 1, 2 * REACH + 1)):
        words = np.zeros(len(scene), np.float32)
        for column in side:
            words += scene.lengths[scene.around[:, column]]
            near = np.where(words <= WINDOW_WORDS, scene.around[:, column], len(scene.near))
            np.maximum(met, scene.met[near], out=met)
    window: Floats = met @ scene.asked.weights
    return window


def _surroundings(scene: Scene) -> Floats:
    near = np.stack([scene.previous, scene.own, scene.next], axis=1)
    there = near < len(scene.near)
    mean: Floats = scene.dense[near].sum(axis=1) / there.sum(axis=1)
    return mean


def _session(scene: Scene) -> Floats:
    """The best meaning among the candidates of the same session."""
    sessions, of = np.unique(scene.field.sessions(scene.chosen), return_inverse=True)
    best = np.full(len(sessions), -1, np.float32)
    np.maximum.at(best, of, scene.dense[scene.own])
    return best[of]


VIEWS = {
    "semantic": View(_semantic, 1.0, "says what is asked: in meaning as a whole, in its words, in words like them"),
    "window": View(_window, 1.35, "stands among messages that together hold what is asked"),
    "surroundings": View(_surroundings, 0.25, "stands beside messages with the meaning of what is asked"),
    "session": View(_session, 0.1, "belongs to a conversation or document in which something says what is asked"),
}
