"""Every view by its name, in a fixed order. A weight is that of a learner who has learned nothing yet."""

from soma.memory.views import graph, semantic, speech, temporal, worth
from soma.memory.views.base import View

VIEWS: dict[str, View] = {**semantic.VIEWS, **graph.VIEWS, **temporal.VIEWS, **speech.VIEWS, **worth.VIEWS}
