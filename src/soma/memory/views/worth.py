"""What is known of a memory before any question: how often it helped, and how much it was said to matter."""

import numpy as np

from soma.memory.views.base import Floats, Scene, View


def _value(scene: Scene) -> Floats:
    return np.array([place.partition.values[place.slot] for place in scene.places], np.float32)


def _importance(scene: Scene) -> Floats:
    return np.array([place.entry.importance for place in scene.places], np.float32)


def _length(scene: Scene) -> Floats:
    return np.log1p(np.array([place.partition.postings.lengths[place.slot] for place in scene.places], np.float32))


VIEWS = {
    "value": View(_value, 0.1, "helped before: learned from feedback that named it"),
    "importance": View(_importance, 0.0, "was said to be important when it was remembered"),
    "length": View(_length, 0.0, "is long: says more than a greeting does"),
}
