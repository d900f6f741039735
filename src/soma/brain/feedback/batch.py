"""A batch of feedback, read and learned before the write: pure but for the look-ups, so that it can run elsewhere.

What it prepares holds only for the state it began from; the desk that commits it compares versions first.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from soma.brain.context.bundles import find_bundles
from soma.brain.context.corrections import Corrected
from soma.brain.core.hyperparameters import Hyperparameters
from soma.brain.core.learn import learn
from soma.brain.core.state import LearnerState
from soma.brain.errors import BrainRefused
from soma.brain.experiments.metrics import MetricValue
from soma.brain.feedback import daily_bounds
from soma.brain.feedback.answers import find_first_answers
from soma.brain.feedback.hearings import Hearings
from soma.brain.feedback.meaning import (
    CAUSE,
    Row,
    Spent,
    Told,
    changes,
    check_of_batch,
    corrected,
    key_of,
    measure,
    observations,
    question_of,
    rewarded,
    row_of,
    taken_by,
    void_of,
)
from soma.brain.feedback.rows import list_outcomes
from soma.brain.feedback.standing_words import EVIDENCE, Heard, Hearing, words_of
from soma.brain.learners.observations import Learnable, Named, named_by
from soma.brain.learners.presentation import moved
from soma.brain.learners.reward_gate import WITHDRAWN, Void, denied, is_withdrawn
from soma.brain.types import Principal, RejectedItem
from soma.brain.wire.claims import check_claims
from soma.brain.wire.requests import Batch, Feedback, Feedbacks, TurnMetrics, claims, read
from soma.events.facts.learning import FeedbackBatchReceived, RewardVoided, WeightsBatchUpdated
from soma.events.ids import now
from soma.events.log import Reads

RECENT = (64, 20)  # how many updates before its end a state is kept: the last ones are what people look at


class Given(NamedTuple):
    """A batch as it came: `items` is a JSON array. `key` is the digest of its own key, if it has one.

    `metrics` are those of the experiments that run; of each question at most `most` words of a person are learned a
    day.
    """

    principal: Principal
    items: bytes
    key: str | None
    metrics: frozenset[str] = frozenset()
    most: int = 0


class Prepared(NamedTuple):
    """`received` and `learned` are payloads of the events to append; `learned` is empty where nothing was."""

    base_version: int
    state: LearnerState
    received: str
    learned: str
    recent: tuple[LearnerState, ...]
    rows: list[Row]
    named: list[Named]
    rewards: list[tuple[str, int]]
    voids: list[RewardVoided]
    keys: list[str]
    spent: Spent
    outcomes: list[tuple[str, MetricValue]]
    """Of experiments, each with the word that says it."""
    heard: list[Heard]
    corrected: list[Corrected]
    replaced: frozenset[int]
    """Versions whose words newer ones replace: to be taken back first."""
    adapted: int
    duplicates: int
    rejected: list[RejectedItem]


def prepare(reads: Reads, state: LearnerState, constants: Hyperparameters, digest: str, given: Given) -> Prepared:
    bodies, rejected = _checked(given)
    told = _told(reads, given, bodies)
    known = find_first_answers(reads, given.principal.tenant_id, [item.key for item in told if item.key])
    fresh = list(_fresh(told, known))
    left = daily_bounds.left(reads, given.principal, given.most)
    hearings = Hearings(reads, given.principal, state.version, [item.body for item in fresh], left)
    lessons = _Lessons(state, constants, given.metrics)
    taken = list(_taught(fresh, hearings, lessons))
    received = FeedbackBatchReceived(key=given.key or "", items=[item.body for item in taken])
    return Prepared(
        base_version=state.version,
        state=lessons.state,
        received=msgspec.json.encode(received).decode(),
        learned=lessons.payload(state, digest),
        recent=lessons.on_the_way(),
        rows=lessons.rows,
        named=lessons.named,
        rewards=lessons.rewards,
        voids=lessons.voids,
        keys=[item.key for item in fresh if item.key is not None],
        spent=taken_by(taken),
        outcomes=lessons.outcomes,
        heard=hearings.heard,
        corrected=lessons.corrected,
        replaced=frozenset(hearings.replaced),
        adapted=lessons.adapted,
        duplicates=len(told) - len(taken),
        rejected=rejected,
    )


def _taught(fresh: Sequence[Told], hearings: Hearings, lessons: "_Lessons") -> Iterator[Told]:
    """Teach what may be learned; what only says again what stands is left out, the rest is to be recorded."""
    for number, item in enumerate(fresh):
        words, hearing = hearings.of(number)
        if not hearing.repeats(words):
            versions = lessons.teach(item._replace(words=words) if words else item, hearing)
            if words:
                hearings.learned(item.body, words, hearing, versions, item.key or "")
            yield item


class _Lessons:
    """A learner in the middle of a batch. It holds no explanations: a thousand states at once would be a burden."""

    def __init__(self, state: LearnerState, constants: Hyperparameters, metrics: frozenset[str]) -> None:
        self.state = state
        self._recent = deque([state], maxlen=max(RECENT) + 1)
        self.rows: list[Row] = []
        self.named: list[Named] = []
        self.rewards: list[tuple[str, int]] = []
        self.voids: list[RewardVoided] = []
        self.outcomes: list[tuple[str, MetricValue]] = []
        self.corrected: list[Corrected] = []
        self.adapted = 0
        self._records: list[Learnable] = []
        self._constants = constants
        self._metrics = metrics
        self._at = now()

    def teach(self, item: Told, hearing: Hearing) -> dict[str, int]:
        """The versions that came of it, by question."""
        learned, reason = observations(item, hearing.unheard)
        changed, reward = False, None
        versions: dict[str, int] = {}
        for observation in learned:
            self.state, explanation = learn(self.state, observation, self._constants)
            self._records.append(observation)
            self._recent.append(self.state)
            changed = changed or changes(explanation)
            versions[question_of(observation)] = self.state.version
            self.named += named_by(explanation)
            reward = explanation.reward if reward is None else reward
        self.corrected += corrected(item, versions.get(EVIDENCE))
        if (turn_id := rewarded(item, learned)) is not None:
            self.rewards.append((turn_id, self.state.version))
        if (void := void_of(item, self.state.version)) is not None:
            self.voids.append(void)
        if self._metrics:
            self.outcomes += measure(item, learned, self._metrics, self._constants)
        self.adapted += changed
        version = self.state.version if learned else None
        why = None if changed else reason or "nothing_to_compare"
        self.rows.append(row_of(item, reward=reward, version=version, reason=why, at=self._at))
        return versions

    def on_the_way(self) -> tuple[LearnerState, ...]:
        """Those of RECENT; where the batch is shorter, the one it began with."""
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
            weight_deltas=moved(before.weights, self.state.weights),
            state_hash=self.state.state_hash(),
            hyperparameters=digest,
        )
        return msgspec.json.encode(fact).decode()


def _checked(given: Given) -> tuple[list[Feedback], list[RejectedItem]]:
    """Each item by itself: one that cannot be taken does not keep the others out."""
    items, rejected = [], []
    for index, found in enumerate(_found(given.items)):
        try:
            item = found if isinstance(found, Feedback) else read(found, Feedback)
            if item.says_who:
                check_claims(given.principal, claims(item))
            check_of_batch(item)
        except BrainRefused as refusal:
            error = {"code": refusal.code, "message": refusal.message, "field": refusal.field}
            rejected.append(RejectedItem(index=index, error=error))
        else:
            items.append(item)
    return items, rejected


def _found(items: bytes) -> Sequence[Feedback | msgspec.Raw]:
    """Read all at once, which takes a third of the time; unread if anything is wrong with any of them."""
    try:
        return read(items, Feedbacks, field="items")
    except BrainRefused:
        return read(items, Batch, field="items")


def told_of(reads: Reads, principal: Principal, body: Feedback) -> Told:
    """One feedback with what is known of its target."""
    [told] = _told(reads, Given(principal, b"", None), [body])
    return told._replace(words=words_of(principal, body))


def _told(reads: Reads, given: Given, bodies: Sequence[Feedback]) -> list[Told]:
    principal = given.principal
    bundles = find_bundles(reads, principal, [body.bundle_id for body in bodies if body.bundle_id])
    turns = {turn_id: _turn(reads, principal, turn_id) for turn_id in {body.turn_id for body in bodies} if turn_id}
    return [
        Told(
            principal,
            body,
            key_of(principal, body) if given.key is None or body.idempotency_key else None,
            bundles.get(body.bundle_id) if body.bundle_id else None,
            *turns.get(body.turn_id or "", (None, None)),
        )
        for body in bodies
    ]


def _turn(reads: Reads, principal: Principal, turn_id: str) -> tuple[TurnMetrics | None, Void | None]:
    """The newest iteration of a turn, and why its verdicts teach nothing, if so."""
    found = [msgspec.json.decode(body, type=TurnMetrics) for body in list_outcomes(reads, principal, turn_id)]
    if is_withdrawn(reads, principal, turn_id):
        return (found[-1] if found else None), Void(WITHDRAWN)
    return (found[-1] if found else None), denied((one.iteration_number, one.tool_outcomes) for one in found)


def _fresh(items: Iterable[Told], known: Mapping[str, str]) -> Iterable[Told]:
    seen = set(known)
    for item in items:
        if item.key is None:
            yield item
        elif item.key not in seen:
            seen.add(item.key)
            yield item
