"""What the log keeps of what a learner was told: an event holds the observation itself, as the learner takes it."""

from typing import Any

import msgspec

from soma.brain.core.observations import Answer, Evidence, IterationOutcome
from soma.brain.core.promotion import Promotion

Learnable = Answer | Evidence | IterationOutcome | Promotion


class BatchRecords(msgspec.Struct):
    """A batch's `weights.batch_updated` with its observations unread: who explains a few needs not all thousand."""

    first_version: int
    cause: str
    hyperparameters: str
    observations: list[msgspec.Raw]


def read(raw: msgspec.Raw) -> Learnable:
    """From the log's own bytes."""
    learnable: Learnable = msgspec.json.decode(raw, type=Learnable)
    return learnable


def observed(plain: Any) -> Learnable:
    """From what the log's JSON holds."""
    learnable: Learnable = msgspec.convert(plain, type=Learnable)
    return learnable
