"""Why each weight is what it is: the explanations of a stretch of a learner's log, derived again from its events.

Nothing of it is stored. From the snapshot before the stretch the learner is replayed, and each step explains itself.
"""

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from threading import Lock
from typing import NamedTuple

import msgspec

from soma.brain.core.explanation import Explanation
from soma.brain.core.hyperparameters import Hyperparameters
from soma.brain.core.learn import Observation, learn
from soma.brain.core.serve import serve
from soma.brain.core.weights import weight_name
from soma.brain.learners import SETTINGS, Base, Learners, stream_of
from soma.brain.observations import BatchRecords, observed, read
from soma.brain.starts import Start, start_of
from soma.brain.types import LearnerHistory, Principal, Update
from soma.brain.views import levels, moved, weights_of
from soma.events.chain import Event
from soma.events.log import Log, Reads
from soma.events.schema import (
    LearnerConfigured,
    RewardVoided,
    WeightsBatchUpdated,
    WeightsRolledBack,
    WeightsUpdated,
    fact_of,
)

ENDS = 64  # of stretches that are kept


class Step(NamedTuple):
    """One version of a learner: the event that it came of, and why it moved."""

    event: Event
    cause: str
    constants: Hyperparameters
    explanation: Explanation


class Histories:
    """Reads stretches of learners' lives. It keeps where the last ones ended: who reads on page by page, or looks again
    and again, has nothing replayed twice. A state at a version never changes."""

    def __init__(self, reads: Reads, learners: Learners) -> None:
        self._reads = reads
        self._learners = learners
        self._ends: OrderedDict[tuple[str, str, int], Base] = OrderedDict()
        self._lock = Lock()

    def stretch(self, principal: Principal, *, after: int | None, limit: int) -> LearnerHistory:
        """The updates after version `after`, oldest first; without it the last `limit`."""
        newest = self._learners.committed(principal).version
        oldest = start_of(self._reads, principal)
        begin = max(0, newest - limit) if after is None else min(after, newest)
        if oldest is not None:
            begin = max(begin, oldest.version)
        base = self._nearest(principal, begin)
        start, updates = base.state, []
        for step in _steps(self._reads, self._learners, principal, base):
            after_step = step.explanation.after
            if after_step.version <= begin:
                start = after_step
            else:
                updates.append(_update(step))
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

    def _nearest(self, principal: Principal, version: int) -> Base:
        known = (principal.tenant_id, principal.agent_id, version)
        with self._lock:
            if known in self._ends:
                self._ends.move_to_end(known)
                return self._ends[known]
        base, recent = self._learners.base(self._reads, principal, version), self._learners.recent(principal)
        return recent if recent and base.version < recent.version <= version else base

    def _keep(self, principal: Principal, end: Base) -> None:
        with self._lock:
            self._ends[principal.tenant_id, principal.agent_id, end.version] = end
            while len(self._ends) > ENDS:
                self._ends.popitem(last=False)


def _signed_at(reads: Reads, principal: Principal, start: Start) -> str | None:
    event = Log(reads).numbered(principal.tenant_id, stream_of(principal), start.checkpoint_seq)
    return event.timestamp if event else None


def _steps(reads: Reads, learners: Learners, principal: Principal, base: Base) -> Iterator[Step]:
    state, constants = base.state, _constants(reads)
    for event in Log(reads).follow(principal.tenant_id, stream_of(principal), after=base.seq):
        told = _told(reads, learners, principal, event, constants=constants, version=state.version)
        for cause, settings, observation in told:
            state, explanation = learn(state, observation, settings)
            yield Step(event, cause, settings, explanation)


def _told(
    reads: Reads,
    learners: Learners,
    principal: Principal,
    event: Event,
    *,
    constants: Mapping[str, Hyperparameters],
    version: int,
) -> Iterator[tuple[str, Hyperparameters, Observation]]:
    """(cause, constants, observation) of each update after `version` that an event holds; none of other facts."""
    if event.event_type == WeightsBatchUpdated.event_type and event.payload is not None:
        batch = msgspec.json.decode(event.payload, type=BatchRecords)
        for record in batch.observations[version + 1 - batch.first_version :]:
            yield batch.cause, constants[batch.hyperparameters], read(record)
        return
    match fact_of(event):
        case WeightsUpdated() as fact if fact.learner_version > version:
            yield fact.cause, constants[fact.hyperparameters], observed(fact.observation)
        case WeightsRolledBack() as fact if fact.learner_version > version:
            back = learners.way_back(reads, principal, fact.restored_version, fact.hyperparameters)
            yield "rollback", learners.hyperparameters, back
        case RewardVoided() as fact if fact.versions and fact.learner_version > version:
            yield "reward_voided", learners.hyperparameters, learners.voided(reads, principal, fact)


def _constants(reads: Reads) -> Mapping[str, Hyperparameters]:
    facts = map(fact_of, Log(reads).stream(SETTINGS.tenant_id, SETTINGS.stream))
    return {
        fact.digest: msgspec.convert(fact.hyperparameters, type=Hyperparameters)
        for fact in facts
        if isinstance(fact, LearnerConfigured)
    }


def _update(step: Step) -> Update:
    event, why = step.event, step.explanation
    before, after = serve(why.before, step.constants), serve(why.after, step.constants)
    names = why.after.retrieval.views.names
    return Update(
        version=why.after.version,
        at=event.timestamp,
        event_id=event.event_id,
        event_type=event.event_type,
        turn_id=event.turn_id,
        user_id=event.user_id,
        cause=step.cause,
        kind=type(why.observation).__name__,
        reason=why.reason,
        reward=why.reward,
        reward_terms=dict(why.terms),
        learning_rate=why.learning_rate,
        credit=why.credit,
        salience=why.salience,
        signals={weight_name(view): slope for view, slope in zip(names, why.gradient, strict=False)},
        gated=why.gated,
        guarded=why.guarded,
        clipped=list(why.clipped),
        learned_deltas=moved(why.before.weights, why.after.weights),
        weight_deltas=moved(weights_of(before, why.before), weights_of(after, why.after)),
        weights=weights_of(after, why.after),
        trust_before=before.trust,
        trust=after.trust,
        neuromodulators=levels(why.after),
    )
