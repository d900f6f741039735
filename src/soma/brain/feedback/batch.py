"""A batch of feedback, read and learned before the write: pure but for the look-ups, so that it can run elsewhere.

What is prepared holds only for the state that it began from: `batch_commit` compares versions first.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import NamedTuple

import msgspec

from soma.brain.core.hyperparameters import Hyperparameters
from soma.brain.core.state import LearnerState
from soma.brain.errors import BrainRefused
from soma.brain.feedback import daily_bounds
from soma.brain.feedback.answers import FirstAnswer, find_first_answers
from soma.brain.feedback.batch_statements import BatchStatements
from soma.brain.feedback.decision import Consequences, learn_from
from soma.brain.feedback.meaning import CAUSE, FeedbackWithTarget, check_batch_item
from soma.brain.feedback.statements import StatementDecision
from soma.brain.feedback.targets import find_targets
from soma.brain.learners.observations import Learnable
from soma.brain.learners.presentation import weight_changes
from soma.brain.types import Principal, RejectedItem
from soma.brain.wire.claims import check_claims
from soma.brain.wire.decoding import decode
from soma.brain.wire.requests import Batch, Feedback, Feedbacks, claims
from soma.events.database import Reader
from soma.events.facts.learning import FeedbackBatchReceived, WeightsBatchUpdated
from soma.events.ids import now

RECENT = (64, 20)  # how many updates before its end a state is kept: the last ones are what people look at


class BatchRequest(NamedTuple):
    """A batch as it came: `items` is a JSON array, `key` the digest of its own key, if it has one.

    `metrics` are those of the experiments that run; of each aspect at most `most` statements of a person are learned a
    day.
    """

    principal: Principal
    items: bytes
    key: str | None
    metrics: frozenset[str] = frozenset()
    most: int = 0

    @property
    def digest(self) -> str:
        """Digest of the items, for a batch with a key of its own."""
        return blake2b(self.items, digest_size=8).hexdigest() if self.key else ""


class PreparedBatch(NamedTuple):
    """A batch that was learned from the state at `base_version`.

    `received` and `learned` are payloads of the events to append; `learned` is empty where nothing was. `replaced` are
    versions whose statements newer ones replace, to be taken back first; `keys` are those of the items, each with a
    digest of what came under it if the caller chose it.
    """

    base_version: int
    state: LearnerState
    received: str
    learned: str
    recent: tuple[LearnerState, ...]
    consequences: Consequences
    keys: dict[str, str]
    replaced: frozenset[int]
    duplicates: int
    rejected: list[RejectedItem]


def prepare(
    reads: Reader, state: LearnerState, hyperparameters: Hyperparameters, digest: str, batch: BatchRequest
) -> PreparedBatch:
    principal = batch.principal
    bodies, rejected = _check_items(batch)
    items = find_targets(reads, principal, list(bodies.values()), are_keyed=batch.key is None)
    known = find_first_answers(reads, principal.tenant_id, [item.key for item in items if item.key])
    refused = len(rejected)
    fresh = _drop_known(zip(bodies, items, strict=True), known, rejected)
    left = daily_bounds.count_left(reads, principal, batch.most)
    statements = BatchStatements(reads, principal, state.version, [item.body for item in fresh], left)
    learning = _BatchLearning(state, hyperparameters, batch.metrics)
    recorded = list(_learn_items(fresh, statements, learning))
    learning.consequences.statements = statements.learned
    received = FeedbackBatchReceived(key=batch.key or "", items=[item.body for item in recorded])
    return PreparedBatch(
        base_version=state.version,
        state=learning.state,
        received=msgspec.json.encode(received).decode(),
        learned=learning.payload(state, digest),
        recent=learning.recent_states(),
        consequences=learning.consequences,
        keys={item.key: item.said_under_key for item in fresh if item.key is not None},
        replaced=frozenset(statements.replaced),
        duplicates=len(items) - len(recorded) - (len(rejected) - refused),
        rejected=sorted(rejected, key=lambda item: item.index),
    )


def _learn_items(
    fresh: Sequence[FeedbackWithTarget], statements: BatchStatements, learning: "_BatchLearning"
) -> Iterator[FeedbackWithTarget]:
    """Learn what may be learned and yield what is to be recorded; what only repeats what stands is left out."""
    for number, item in enumerate(fresh):
        own, decision = statements.decide_item(number)
        if not decision.repeats(own):
            versions = learning.add(item._replace(statements=own) if own else item, decision)
            if own:
                statements.add_learned(item.body, own, decision, versions, item.key or "")
            yield item


class _BatchLearning:
    """A learner in the middle of a batch. It holds no explanations: a thousand states at once would be a burden."""

    def __init__(self, state: LearnerState, hyperparameters: Hyperparameters, metrics: frozenset[str]) -> None:
        self.state = state
        self.consequences = Consequences()
        self._recent = deque([state], maxlen=max(RECENT) + 1)
        self._records: list[Learnable] = []
        self._hyperparameters = hyperparameters
        self._metrics = metrics
        self._at = now()

    def add(self, item: FeedbackWithTarget, decision: StatementDecision) -> dict[str, int]:
        """Learn one item, and return the versions that came of it, by aspect."""
        result = learn_from(self.state, item, decision, self._hyperparameters)
        self.state = result.state
        self._records += result.observations
        self._recent.extend(step.state for step in result.steps)
        self.consequences.add(result, self._metrics, self._hyperparameters, at=self._at)
        return result.versions

    def recent_states(self) -> tuple[LearnerState, ...]:
        """States at RECENT; where the batch is shorter, the one that it began with."""
        last = len(self._recent) - 1
        return tuple(self._recent[last - min(back, last)] for back in RECENT)

    def payload(self, before: LearnerState, digest: str) -> str:
        if not self._records:
            return ""
        fact = WeightsBatchUpdated(
            first_version=before.version + 1,
            learner_version=self.state.version,
            cause=CAUSE,
            observations=self._records,
            weight_deltas=weight_changes(before.weights, self.state.weights),
            state_hash=self.state.state_hash(),
            hyperparameters=digest,
        )
        return msgspec.json.encode(fact).decode()


def _check_items(batch: BatchRequest) -> tuple[dict[int, Feedback], list[RejectedItem]]:
    """Check each item by itself: one that is refused does not keep the others out. Items stand by their numbers."""
    items: dict[int, Feedback] = {}
    rejected: list[RejectedItem] = []
    for index, found in enumerate(_read_items(batch.items)):
        try:
            item = found if isinstance(found, Feedback) else decode(found, Feedback)
            if item.has_claims:
                check_claims(batch.principal, claims(item))
            check_batch_item(item)
        except BrainRefused as refusal:
            rejected.append(_reject(index, refusal))
        else:
            items[index] = item
    return items, rejected


def _reject(index: int, refusal: BrainRefused) -> RejectedItem:
    error = {"code": refusal.code, "message": refusal.message, "field": refusal.field}
    return RejectedItem(index=index, error=error)


def _read_items(items: bytes) -> Sequence[Feedback | msgspec.Raw]:
    """Read all at once, which takes a third of the time; unread if anything is wrong with any of them."""
    try:
        return decode(items, Feedbacks, field="items")
    except BrainRefused:
        return decode(items, Batch, field="items")


def _drop_known(
    items: Iterable[tuple[int, FeedbackWithTarget]], known: Mapping[str, FirstAnswer], rejected: list[RejectedItem]
) -> list[FeedbackWithTarget]:
    """Return items whose key is new, here and in the batch; reject those that say something else under a used key."""
    fresh, seen = [], dict(known)
    for index, item in items:
        said = item.said_under_key
        if item.key is None or item.key not in seen:
            fresh.append(item)
            if item.key is not None:
                seen[item.key] = FirstAnswer("", said)
            continue
        try:
            seen[item.key].check_said(said)
        except BrainRefused as refusal:
            rejected.append(_reject(index, refusal))
    return fresh
