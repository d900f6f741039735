"""Observations as the log keeps them: an event holds the observation itself, as the learner takes it."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from soma.brain.core.explanation import Explanation
from soma.brain.core.observations import AnswerVerdict, Evidence, IterationOutcome
from soma.brain.core.promotion import Promotion
from soma.brain.core.state import LearnerState

Learnable = AnswerVerdict | Evidence | IterationOutcome | Promotion


class LearningStep(NamedTuple):
    """One observation that was learned: the state after it, and why that is what it is."""

    observation: Learnable
    state: LearnerState
    explanation: Explanation


class NamedMemory(NamedTuple):
    """A memory that a version of a learner says helped, or did not; `share` is that of `value_rate`."""

    version: int
    memory_id: str
    helpful: bool
    share: float = 1.0


def named_memories(explanation: Explanation) -> Iterator[NamedMemory]:
    for memory_id, helpful in explanation.values:
        yield NamedMemory(explanation.after.version, memory_id, helpful, explanation.value_share)


class BatchRecords(msgspec.Struct):
    """A `weights.batch_updated` with its observations undecoded: to explain a few does not take all thousand."""

    first_version: int
    cause: str
    hyperparameters: str
    observations: list[msgspec.Raw]


def decode_observation(raw: msgspec.Raw) -> Learnable:
    """Decode the bytes of an event."""
    learnable: Learnable = msgspec.json.decode(raw, type=Learnable)
    return learnable


def parse_observation(plain: Any) -> Learnable:
    """Parse an observation from decoded JSON."""
    learnable: Learnable = msgspec.convert(plain, type=Learnable)
    return learnable
