"""What is known of a memory before any question: how often it helped, and how much it was said to matter."""

import numpy as np

from soma.memory.views.base import View
from soma.memory.views.scene import Floats, Scene


def _value(scene: Scene) -> Floats:
    return scene.values


def _importance(scene: Scene) -> Floats:
    return scene.field.numbers(scene.chosen, lambda partition: partition.importances).astype(np.float32)


VIEWS = {
    "value": View(_value, 0.1, "helped before: learned from feedback that named it"),
    "importance": View(_importance, 0.1, "was said to be important when it was remembered"),
}
