"""Who said it to whom: a question that names a person is answered by them, or by what others say to them."""

import numpy as np

from soma.memory.index.traits import FIRST_PERSON, SECOND_PERSON
from soma.memory.views.base import View
from soma.memory.views.scene import Floats, Scene

SAID_TO = 0.5  # "you" of another speaker tells less surely of the person than their own "I"


def _author(scene: Scene) -> Floats:
    return scene.field.said_by(scene.chosen, scene.asked.speakers).astype(np.float32)


def _about(scene: Scene) -> Floats:
    if not scene.asked.speakers:
        return np.zeros(len(scene), np.float32)
    author = _author(scene)
    other = (scene.voices[scene.own] > 0) * (1 - author)
    about: Floats = np.maximum(author * scene.has(FIRST_PERSON), SAID_TO * other * scene.has(SECOND_PERSON))
    return about


def _participant(scene: Scene) -> Floats:
    return scene.field.taking_part(scene.chosen).astype(np.float32)


def _question(scene: Scene) -> Floats:
    return scene.asking[scene.own]


VIEWS = {
    "author": View(_author, 0.15, "was said by somebody whom the question names"),
    "participant": View(_participant, 1.0, "comes from a conversation with somebody whom the question names"),
    "about": View(_about, 0.1, "speaks of itself as I, or to them as you, and the question names them"),
    "question": View(_question, -0.6, "asks something itself: the share of its sentences that are questions"),
}
