"""Facts of the learner: feedback, each update of its weights, checkpoints, erasure, rollbacks."""

from typing import Any, ClassVar

from soma.events.facts.base import Fact, Weights


class FeedbackReceived(Fact, frozen=True, kw_only=True):
    event_type: ClassVar[str] = "feedback.received"
    feedback_id: str
    target: str
    observation: Any


class FeedbackBatchReceived(Fact, frozen=True, kw_only=True):
    """Items as they were taken; those that were refused or had come before are not among them."""

    event_type: ClassVar[str] = "feedback.batch_received"
    key: str
    items: list[Any]


class LearnerConfigured(Fact, frozen=True, kw_only=True):
    """The constants that updates naming `digest` were computed with."""

    event_type: ClassVar[str] = "learner.configured"
    digest: str
    hyperparameters: dict[str, Any]


class WeightsUpdated(Fact, frozen=True, kw_only=True):
    """One learned observation. `weight_deltas` are of the served weights; `hyperparameters` is the digest of a
    `learner.configured`.
    """

    event_type: ClassVar[str] = "weights.updated"
    learner_version: int
    cause: str
    observation: Any
    weight_deltas: Weights
    state_hash: str
    hyperparameters: str = ""


class WeightsBatchUpdated(Fact, frozen=True, kw_only=True):
    """The observations of a batch, learned in order; `learner_version` and `state_hash` are those after the last, and
    `weight_deltas`, from the first to the last, are of the learned weights."""

    event_type: ClassVar[str] = "weights.batch_updated"
    first_version: int
    learner_version: int
    cause: str
    observations: list[Any]
    weight_deltas: Weights
    state_hash: str
    hyperparameters: str


class LearningCheckpointed(Fact, frozen=True, kw_only=True):
    """A learner's whole state, signed; `chain_seq` and `chain_hash` are the end of its chain before this event."""

    event_type: ClassVar[str] = "learning.checkpointed"
    agent_id: str
    learner_version: int
    chain_seq: int
    chain_hash: str
    state: str
    state_hash: str
    public_key: str
    signature: str


class LearningErased(Fact, frozen=True, kw_only=True):
    """The observations up to `until_seq` of the learner's chain may go: the checkpoint of `learner_version`,
    number `checkpoint_seq` of the chain, covers them, and a replay starts there. Envelopes and their hashes stay.
    """

    event_type: ClassVar[str] = "learning.erased"
    agent_id: str
    until_seq: int
    learner_version: int
    checkpoint_seq: int
    state_hash: str
    reason: str


class WeightsGuarded(Fact, frozen=True, kw_only=True):
    """The learner's score fell and its guard put the last good lesson back, within the update before this event."""

    event_type: ClassVar[str] = "weights.guarded"
    learner_version: int
    weights: Weights


class WeightsRolledBack(Fact, frozen=True, kw_only=True):
    """Weights were restored. Version 0 is the start that the constants of `hyperparameters` give, the process's own
    at the time.
    """

    event_type: ClassVar[str] = "weights.rolled_back"
    learner_version: int
    restored_version: int
    state_hash: str
    hyperparameters: str = ""
    restores_values: bool = False  # of single memories: earlier rollbacks left them as they were


class RewardVoided(Fact, frozen=True, kw_only=True):
    """A person's verdict on a turn teaches nothing: a tool of it was denied, its answer was withdrawn, or a newer
    verdict replaces it.

    `versions` are the updates that had already learned from such verdicts: the learner was derived again from
    `base_version` on without them. It is at `learner_version` after that; without any it never learned.
    """

    event_type: ClassVar[str] = "reward.voided"
    turn_id: str
    cause: str
    learner_version: int
    state_hash: str
    feedback_id: str | None = None
    iterations: list[int] = []
    versions: list[int] = []
    base_version: int | None = None
