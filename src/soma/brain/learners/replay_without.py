"""Replay without: derive a learner again with some of its updates left out, as if they had never been.

    log          4   5   6    7    8: back to 6   9
    without 5    4   -   6*   7*   = 6*           9*      * learned again, from another state than before

Versions count as in the log, so that a rollback to 6 finds the 6 of this replay. One to a version before the first that
is left out finds the log's own.
"""

from collections.abc import Callable, Iterable
from typing import Any

from soma.brain.core.hyperparameters import Hyperparameters
from soma.brain.core.learn import learn
from soma.brain.core.state import LearnerState
from soma.brain.learners.observations import parse_observation
from soma.events.chain import Event
from soma.events.facts.codec import fact_of
from soma.events.facts.learning import RewardVoided, WeightsBatchUpdated, WeightsRolledBack, WeightsUpdated


def replay_without(
    left_out: frozenset[int],
    events: Callable[[], Iterable[Event]],
    *,
    until: int,
    hyperparameters_of: Callable[[str], Hyperparameters],
    at: Callable[[int], LearnerState],
) -> LearnerState:
    """Derive the state after version `until` as if the versions `left_out` had never been learned.

    `events` gives the learner's events from one not after the first of them on (it is called twice); `at` gives the
    state at an earlier version. Only the last state counts: it is restored under a version of its own.
    """
    base = min(left_out) - 1
    replay = _Replay(base, at, left_out, _targets(events(), base))
    for event in events():
        match fact_of(event):
            case WeightsUpdated() as fact:
                replay.take(fact.learner_version, [fact.observation], hyperparameters_of(fact.hyperparameters), until)
            case WeightsBatchUpdated() as fact:
                replay.take(fact.first_version, fact.observations, hyperparameters_of(fact.hyperparameters), until)
            case WeightsRolledBack() as fact:
                replay.go_back(fact, hyperparameters_of)
            case RewardVoided() as fact:
                replay.reach(fact.learner_version)
        if replay.version >= until:
            break
    return replay.state


def _targets(events: Iterable[Event], base: int) -> set[int]:
    """Find the versions after `base` that a later rollback went back to."""
    facts = (fact_of(event) for event in events if event.event_type == WeightsRolledBack.event_type)
    return {
        fact.restored_version for fact in facts if isinstance(fact, WeightsRolledBack) and fact.restored_version > base
    }


class _Replay:
    """The state so far; `version` counts as the log does, also what is left out."""

    def __init__(
        self, base: int, at: Callable[[int], LearnerState], left_out: frozenset[int], targets: set[int]
    ) -> None:
        self.version = base
        self.state = at(base)
        self._base = base
        self._at = at
        self._left_out = left_out
        self._targets = targets
        self._past: dict[int, LearnerState] = {}

    def take(self, first: int, records: list[Any], hyperparameters: Hyperparameters, until: int) -> None:
        for version, record in enumerate(records, first):
            if self.version < version <= until:
                if version not in self._left_out:
                    self.state, _ = learn(self.state, parse_observation(record), hyperparameters)
                self.reach(version)

    def go_back(self, fact: WeightsRolledBack, hyperparameters_of: Callable[[str], Hyperparameters]) -> None:
        if fact.learner_version > self.version:
            target = fact.restored_version
            if target == 0 and fact.hyperparameters:
                self.state = LearnerState.initial(hyperparameters_of(fact.hyperparameters))
            else:
                self.state = self._past[target] if target > self._base else self._at(target)
            self.reach(fact.learner_version)

    def reach(self, version: int) -> None:
        """Count up to `version`. An earlier void only counts: what it left out is among what is left out here."""
        if version > self.version:
            self.version = version
            if version in self._targets:
                self._past[version] = self.state
