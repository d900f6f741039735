"""When it happened, in two halves that learn apart: some ask for what is new, others for how it began."""

import numpy as np

from soma.memory.views.base import Floats, Scene, View

DAY = 86_400.0


def _temporal(scene: Scene) -> Floats:
    age = np.maximum(scene.asked.at - scene.times, 0.0) / DAY
    recent: Floats = np.exp2(-age / scene.asked.half_life_days).astype(np.float32)
    return recent


def _old(scene: Scene) -> Floats:
    """The earliest candidate is 1, the latest 0."""
    old: Floats = (scene.times.max() - scene.times).astype(np.float32)
    return old


VIEWS = {
    "temporal": View(_temporal, 0.1, "is recent: half as much after each half-life"),
    "old": View(_old, 0.0, "is old: how far back it lies among the candidates"),
}
