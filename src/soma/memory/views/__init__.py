"""Every view by its name, in the fixed order of their sum. A weight is that of a learner who has learned nothing."""

from soma.memory.views import graph, semantic, temporal, worth
from soma.memory.views.base import View

VIEWS: dict[str, View] = {**semantic.VIEWS, **graph.VIEWS, **temporal.VIEWS, **worth.VIEWS}
