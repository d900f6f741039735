"""Views by name, in a fixed order. A weight is that of a learner that has not learned yet."""

from soma.memory.views import form, graph, semantic, speech, temporal, worth
from soma.memory.views.base import View

VIEWS: dict[str, View] = {
    **semantic.VIEWS,
    **graph.VIEWS,
    **temporal.VIEWS,
    **speech.VIEWS,
    **form.VIEWS,
    **worth.VIEWS,
}
