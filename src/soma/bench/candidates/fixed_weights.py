"""Fixed weights that others are measured against, and the views for which weights are fitted."""

from soma.memory.views import VIEWS

SHIPPED = {name: view.weight for name, view in VIEWS.items()}
PLAN_ALONE = {"semantic": 1.0, "graph": 0.2, "temporal": 0.1}  # the plan's three views, and no other
SEMANTIC_ALONE = {"semantic": 1.0}
LEARNED_ELSEWHERE = ("value", "importance", "linked")  # this data has nothing from which to learn them
FITTED = [name for name in VIEWS if name not in LEARNED_ELSEWHERE]
