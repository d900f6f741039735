"""Why each weight is what it is: the explanations of a stretch of a learner's log, derived again from its events.

Nothing of it is stored. From the snapshot before the stretch the learner is replayed, and each step explains itself.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import msgspec

from soma.brain.core.explanation import Explanation
from soma.brain.core.hyperparameters import Hyperparameters
from soma.brain.core.learn import Observation, learn
from soma.brain.core.restore import Restore
from soma.brain.core.serve import serve
from soma.brain.core.state import LearnerState
from soma.brain.core.weights import weight_name
from soma.brain.learners import SETTINGS, Learners, stream_of
from soma.brain.observations import observed
from soma.brain.starts import Start, start_of
from soma.brain.types import LearnerHistory, Principal, Update
from soma.brain.views import levels, moved, weights_of
from soma.events.chain import Event
from soma.events.log import Log, Reads
from soma.events.schema import LearnerConfigured, WeightsBatchUpdated, WeightsRolledBack, WeightsUpdated, fact_of


class Step(NamedTuple):
    """One version of a learner: the event that it came of, and why it moved."""

    event: Event
    cause: str
    constants: Hyperparameters
    explanation: Explanation


def history(reads: Reads, learners: Learners, principal: Principal, *, after: int | None, limit: int) -> LearnerHistory:
    """The updates after version `after`, oldest first; without it the last `limit`."""
    newest = learners.committed(principal).version
    oldest = start_of(reads, principal)
    begin = max(0, newest - limit) if after is None else min(after, newest)
    if oldest is not None:
        begin = max(begin, oldest.version)
    _, seq, start = learners.base(reads, principal, begin)
    updates: list[Update] = []
    for step in _steps(reads, learners, principal, start, seq):
        if step.explanation.after.version <= begin:
            start = step.explanation.after
        else:
            updates.append(_update(step))
        if len(updates) == limit:
            break
    served = serve(start, learners.hyperparameters)
    return LearnerHistory(
        start_version=start.version,
        start_weights=weights_of(served, start),
        start_trust=served.trust,
        newest_version=newest,
        updates=updates,
        oldest_version=oldest.version if oldest else 0,
        oldest_at=_signed_at(reads, principal, oldest) if oldest else None,
    )


def _signed_at(reads: Reads, principal: Principal, start: Start) -> str | None:
    event = Log(reads).numbered(principal.tenant_id, stream_of(principal), start.checkpoint_seq)
    return event.timestamp if event else None


def _steps(reads: Reads, learners: Learners, principal: Principal, state: LearnerState, seq: int) -> Iterator[Step]:
    constants = _constants(reads)
    for event in Log(reads).follow(principal.tenant_id, stream_of(principal), after=seq):
        for cause, settings, observation in _told(reads, learners, principal, event, constants):
            state, explanation = learn(state, observation, settings)
            yield Step(event, cause, settings, explanation)


def _told(
    reads: Reads, learners: Learners, principal: Principal, event: Event, constants: Mapping[str, Hyperparameters]
) -> Iterator[tuple[str, Hyperparameters, Observation]]:
    """(cause, constants, observation) of each update that an event holds; none of other facts."""
    match fact_of(event):
        case WeightsUpdated() as fact:
            yield fact.cause, constants[fact.hyperparameters], observed(fact.observation)
        case WeightsBatchUpdated() as fact:
            for record in fact.observations:
                yield fact.cause, constants[fact.hyperparameters], observed(record)
        case WeightsRolledBack() as fact:
            snapshot = learners.at(reads, principal, fact.restored_version)
            back = Restore(snapshot=snapshot, reason=f"rolled back to version {fact.restored_version}")
            yield "rollback", learners.hyperparameters, back


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
