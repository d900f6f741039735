"""Metrics of experiments: what an observation says by each.

reward            of the answer, in [-1, 1]
reciprocal_rank   1 / place of the first memory that helped, 0 where none did
"""

from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from soma.brain.core.arithmetic import clamp
from soma.brain.core.hyperparameters import Hyperparameters
from soma.brain.core.observations import AnswerVerdict, Evidence
from soma.brain.core.rules.reward import answer_terms, sum_of
from soma.brain.learners.observations import Learnable

SCALES = {"reward": (-1.0, 1.0), "reciprocal_rank": (0.0, 1.0)}


class MetricValue(NamedTuple):
    conversation_id: str
    metric: str
    value: float


def measure_metrics(
    learned: Iterable[Learnable], metrics: Collection[str], conversation_id: str, hyperparameters: Hyperparameters
) -> Iterator[MetricValue]:
    """Measure observations by those of `metrics` that they say something about."""
    for seen in learned:
        if isinstance(seen, AnswerVerdict) and "reward" in metrics:
            value = clamp(sum_of(answer_terms(seen, hyperparameters)), -1.0, 1.0)
            yield MetricValue(conversation_id, "reward", value)
        if isinstance(seen, Evidence) and "reciprocal_rank" in metrics:
            yield MetricValue(conversation_id, "reciprocal_rank", _reciprocal_rank(seen))


def _reciprocal_rank(seen: Evidence) -> float:
    helpful = set(seen.helpful) - set(seen.unhelpful)
    places = (place for place, memory in enumerate(seen.shown, 1) if memory.id in helpful)
    return 1.0 / next(places, float("inf"))
