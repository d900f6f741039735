"""History: why each weight is what it is, the explanations of a stretch of a learner's log, derived from its events.

Nothing of it is stored. From the snapshot before the stretch the learner is replayed, and each step explains itself.
"""

from collections import OrderedDict
from collections.abc import Iterator
from threading import Lock
from typing import NamedTuple

import msgspec

from soma.brain.core.explanation import Explanation
from soma.brain.core.hyperparameters import Hyperparameters, Rule
from soma.brain.core.learn import Observation, learn
from soma.brain.core.observations import AnswerVerdict, Evidence, IterationOutcome
from soma.brain.core.promotion import Promotion
from soma.brain.core.restore import Restore
from soma.brain.core.rules.floor import Floors
from soma.brain.core.rules.utility import features
from soma.brain.core.serving.serve import serve
from soma.brain.core.state import LearnerState
from soma.brain.core.weights import by_weight_name
from soma.brain.learners.chain import LEARNED, stream_of
from soma.brain.learners.learners import Learners
from soma.brain.learners.observations import BatchRecords, decode_observation, parse_observation
from soma.brain.learners.presentation import levels, weight_changes, weights_of
from soma.brain.learners.replay_start import ReplayStart, find_start
from soma.brain.learners.snapshots import Base
from soma.brain.types import LearnerHistory, Principal, Update
from soma.events.chain import Event
from soma.events.database import Reader
from soma.events.facts.codec import fact_of
from soma.events.facts.learning import RewardVoided, WeightsBatchUpdated, WeightsRolledBack, WeightsUpdated
from soma.events.log import Log

ENDS = 64  # of stretches that are kept
# `kind` of an update on the wire: readers know these words, so they stay where a class is renamed.
KINDS: dict[type, str] = {
    AnswerVerdict: "Answer",
    Evidence: "Evidence",
    IterationOutcome: "IterationOutcome",
    Restore: "Restore",
    Promotion: "Promotion",
}
NEAR = 16  # updates that are replayed sooner than a snapshot is found, read and checked


class ExplainedUpdate(NamedTuple):
    """One version of a learner: the event that it came of, and the explanation of what moved."""

    event: Event
    cause: str
    hyperparameters: Hyperparameters
    explanation: Explanation


class ServedState(NamedTuple):
    """A state by the names of the wire: what it has learned, and what it serves of that under some hyperparameters."""

    state: LearnerState
    hyperparameters: Hyperparameters
    learned: dict[str, float]
    weights: dict[str, float]
    trust: float
    floors: Floors


class Histories:
    """Reads stretches of learners' logs.

    It keeps where the last ones ended and the batch that was read last, so that a caller who reads on page by page, or
    looks again and again, has nothing replayed twice. Both may be kept for ever: a state at a version never changes,
    nor does an event of one hash.
    """

    def __init__(self, reads: Reader, learners: Learners) -> None:
        self._reads = reads
        self._learners = learners
        self._ends: OrderedDict[tuple[str, str, int], Base] = OrderedDict()
        self._batch: tuple[str, BatchRecords] | None = None
        self._lock = Lock()

    def read_stretch(self, principal: Principal, *, after: int | None, limit: int) -> LearnerHistory:
        """Explain at most `limit` updates after version `after`, oldest first; without `after`, the last `limit`."""
        newest = self._learners.read_committed(principal).version
        oldest = find_start(self._reads, principal)
        begin = max(0, newest - limit) if after is None else min(after, newest)
        if oldest is not None:
            begin = max(begin, oldest.version)
        base = self._nearest(principal, begin, oldest=oldest.version if oldest else 0)
        start, updates, seen = base.state, [], None
        for step in self._steps(principal, base):
            after_step = step.explanation.after
            if after_step.version <= begin:
                start = after_step
            else:
                before = _serve(step.explanation.before, step.hyperparameters, seen)
                seen = _serve(after_step, step.hyperparameters, before)
                updates.append(_describe_update(step, before, seen))
            if after_step.version in (begin, begin + limit):
                self._keep(principal, Base(after_step.version, step.event.seq - 1, after_step))
            if len(updates) == limit:
                break
        served = serve(start, self._learners.hyperparameters)
        return LearnerHistory(
            start_version=start.version,
            start_weights=weights_of(served, start),
            start_trust=served.trust,
            newest_version=newest,
            updates=updates,
            oldest_version=oldest.version if oldest else 0,
            oldest_at=_signed_at(self._reads, principal, oldest) if oldest else None,
        )

    def _nearest(self, principal: Principal, version: int, *, oldest: int) -> Base:
        known = (principal.tenant_id, principal.agent_id, version)
        with self._lock:
            if known in self._ends:
                self._ends.move_to_end(known)
                return self._ends[known]
        recent = self._learners.find_recent(principal, version)
        if recent and oldest <= recent.version and version - recent.version <= NEAR:
            return recent
        base = self._learners.find_base(self._reads, principal, version)
        return recent if recent and base.version < recent.version else base

    def _keep(self, principal: Principal, end: Base) -> None:
        with self._lock:
            self._ends[principal.tenant_id, principal.agent_id, end.version] = end
            while len(self._ends) > ENDS:
                self._ends.popitem(last=False)

    def _steps(self, principal: Principal, base: Base) -> Iterator[ExplainedUpdate]:
        state = base.state
        for event in Log(self._reads).follow(principal.tenant_id, stream_of(principal), types=LEARNED, after=base.seq):
            for cause, hyperparameters, observation in self._observations_of(principal, event, version=state.version):
                state, explanation = learn(state, observation, hyperparameters)
                yield ExplainedUpdate(event, cause, hyperparameters, explanation)

    def _observations_of(
        self, principal: Principal, event: Event, *, version: int
    ) -> Iterator[tuple[str, Hyperparameters, Observation]]:
        """Yield (cause, hyperparameters, observation) of each update after `version` that an event holds, if any."""
        learners = self._learners
        if event.event_type == WeightsBatchUpdated.event_type and event.payload is not None:
            batch = self._records(event.hash, event.payload)
            hyperparameters = learners.hyperparameters_of(batch.hyperparameters)
            for record in batch.observations[version + 1 - batch.first_version :]:
                yield batch.cause, hyperparameters, decode_observation(record)
            return
        match fact_of(event):
            case WeightsUpdated() as fact if fact.learner_version > version:
                yield fact.cause, learners.hyperparameters_of(fact.hyperparameters), parse_observation(fact.observation)
            case WeightsRolledBack() as fact if fact.learner_version > version:
                back = learners.build_restore(self._reads, principal, fact.restored_version, fact.hyperparameters)
                yield "rollback", learners.hyperparameters, back
            case RewardVoided() as fact if fact.versions and fact.learner_version > version:
                back = learners.build_restore_without(self._reads, principal, fact)
                yield "reward_voided", learners.hyperparameters, back

    def _records(self, event_hash: str, payload: str) -> BatchRecords:
        """Split a batch into its records, once for all of the pages that are read of it one after another."""
        kept = self._batch
        if kept is None or kept[0] != event_hash:
            kept = self._batch = event_hash, msgspec.json.decode(payload, type=BatchRecords)
        return kept[1]


def _signed_at(reads: Reader, principal: Principal, start: ReplayStart) -> str | None:
    event = Log(reads).find_numbered(principal.tenant_id, stream_of(principal), start.checkpoint_seq)
    return event.timestamp if event else None


def _serve(state: LearnerState, hyperparameters: Hyperparameters, last: ServedState | None) -> ServedState:
    """Serve a state. `last` is the one served before it: most updates leave the weights of all views as they are."""
    if last is not None and last.hyperparameters is hyperparameters:
        if last.state is state:
            return last
        if last.state.retrieval is state.retrieval:
            others = state.weights_beside_views
            return ServedState(
                state, hyperparameters, last.learned | others, last.weights | others, last.trust, last.floors
            )
    served = serve(state, hyperparameters)
    return ServedState(state, hyperparameters, state.weights, weights_of(served, state), served.trust, served.floors)


def _describe_update(step: ExplainedUpdate, before: ServedState, after: ServedState) -> Update:
    event, why, hyperparameters = step.event, step.explanation, step.hyperparameters
    retrieval = why.after.retrieval
    if before.state.retrieval is retrieval:
        learned_deltas = weight_deltas = weight_changes(why.before.weights_beside_views, why.after.weights_beside_views)
    else:
        learned_deltas = weight_changes(before.learned, after.learned)
        weight_deltas = weight_changes(before.weights, after.weights)
    have_floors_moved = before.floors != after.floors
    return Update(
        version=why.after.version,
        at=event.timestamp,
        event_id=event.event_id,
        event_type=event.event_type,
        turn_id=event.turn_id,
        user_id=event.user_id,
        cause=step.cause,
        kind=KINDS[type(why.observation)],
        reason=why.reason,
        reward=why.reward,
        reward_terms=dict(why.terms),
        features=_features(why),
        learning_rate=why.learning_rate,
        learning_factor=hyperparameters.learning_factor(why.before.modulators.dopamine),
        evidence_step=hyperparameters.evidence_step,
        curvature_start=hyperparameters.curvature_start,
        credit=why.credit,
        salience=why.salience,
        signals=by_weight_name(retrieval.views.names, why.gradient) if why.gradient else {},
        curvatures=by_weight_name(retrieval.views.names, retrieval.curvatures) if why.gradient else {},
        shape_moves=by_weight_name(retrieval.views.names, why.shape_moves) if why.shape_moves else {},
        gated=why.gated,
        guarded=why.guarded,
        clipped=list(why.clipped_names),
        learned_deltas=learned_deltas,
        weight_deltas=weight_deltas,
        weights=after.weights,
        trust_before=before.trust,
        trust=after.trust,
        neuromodulators=levels(why.after),
        floors_before=before.floors._asdict() if have_floors_moved else {},
        floors=after.floors._asdict() if have_floors_moved else {},
    )


def _features(why: Explanation) -> dict[str, float]:
    """Known terms that the reward was regressed on; empty where it was not."""
    seen, hyperparameters = why.observation, why.hyperparameters
    if not isinstance(seen, AnswerVerdict | IterationOutcome) or hyperparameters.learning_rule is Rule.LITERAL:
        return {}
    if (
        why.gated
        or not why.terms
        or (f := features(seen.gain, seen.cost, seen.latency_ms, hyperparameters, [])) is None
    ):
        return {}
    terms = (("gain", seen.gain, f.gain), ("cost", seen.cost, f.cost), ("latency", seen.latency_ms, f.latency))
    return {name: term for name, given, term in terms if given is not None}
