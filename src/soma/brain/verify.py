"""Prove the brain's log: every chain whole, every learner derived again from its events to the same bits.

`python -m soma.brain.verify [--json]` reads the database of the settings, also while a brain is running.
"""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec

from soma.brain.checkpoints import is_signed
from soma.brain.core.hyperparameters import Hyperparameters
from soma.brain.core.learn import learn
from soma.brain.core.restore import Restore
from soma.brain.core.state import LearnerState
from soma.brain.learners import SETTINGS
from soma.brain.observations import observed
from soma.brain.settings import BrainSettings
from soma.events.chain import Event, Head, verify
from soma.events.database import Database
from soma.events.errors import ChainBroken
from soma.events.log import Log
from soma.events.schema import (
    FeedbackBatchReceived,
    FeedbackReceived,
    LearnerConfigured,
    LearningCheckpointed,
    WeightsBatchUpdated,
    WeightsRolledBack,
    WeightsUpdated,
    fact_of,
)


@dataclass(slots=True)
class Report:
    """`faults` names what is wrong, in words; without any, what was learned is what the log says."""

    chains: int = 0
    events: int = 0
    learners: int = 0
    updates: int = 0
    checkpoints: int = 0
    feedbacks: int = 0
    rows: int = 0
    states: dict[str, str] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)


def verified(database: Database) -> Report:
    report = Report()
    log = Log(database)
    constants = _constants(log)
    report.rows = int(database.query("SELECT COUNT(*) FROM feedback_events")[0][0])
    for tenant_id, stream in database.query("SELECT DISTINCT tenant_id, stream FROM events ORDER BY tenant_id, stream"):
        _verify(log, tenant_id, stream, constants, report)
    if report.feedbacks != report.rows:
        report.faults.append(f"{report.feedbacks} feedbacks in the log, {report.rows} rows")
    for tenant_id, agent_id, version, state_hash, state in database.query(
        "SELECT tenant_id, agent_id, version, state_hash, state FROM learner_snapshots"
    ):
        if LearnerState.from_json(state).state_hash() != state_hash:
            report.faults.append(f"the snapshot of {tenant_id} {agent_id} at version {version} was changed")
    return report


def _verify(log: Log, tenant_id: str, stream: str, constants: dict[str, Hyperparameters], report: Report) -> None:
    report.chains += 1
    head, replay = Head(), _Replay(constants, f"{tenant_id} {stream}", report)
    try:
        for event in _events(log, tenant_id, stream):
            head = verify([event], after=head)
            replay.take(event)
            report.events += 1
    except ChainBroken as broken:
        report.faults.append(str(broken))
    if stream.startswith("learner:"):
        report.learners += 1
        report.states[f"{tenant_id} {stream.removeprefix('learner:')}"] = replay.state_hash


def _events(log: Log, tenant_id: str, stream: str) -> Iterator[Event]:
    yield from log.stream(tenant_id, stream)


def _constants(log: Log) -> dict[str, Hyperparameters]:
    facts = map(fact_of, log.stream(SETTINGS.tenant_id, SETTINGS.stream))
    return {
        fact.digest: msgspec.convert(fact.hyperparameters, type=Hyperparameters)
        for fact in facts
        if isinstance(fact, LearnerConfigured)
    }


class _Replay:
    """Derives a learner from its events alone, from the first one on, and keeps every state it may go back to."""

    def __init__(self, constants: dict[str, Hyperparameters], name: str, report: Report) -> None:
        self._constants = constants
        self._name = name
        self._report = report
        self._state: LearnerState | None = None
        self._past: dict[int, LearnerState] = {}

    @property
    def state_hash(self) -> str:
        return self._state.state_hash() if self._state else ""

    def take(self, event: Event) -> None:
        match fact_of(event):
            case FeedbackReceived():
                self._report.feedbacks += 1
            case FeedbackBatchReceived(items=items):
                self._report.feedbacks += len(items)
            case WeightsUpdated() as fact:
                self._learn([fact.observation], fact.hyperparameters)
                self._compare(fact.learner_version, fact.state_hash)
            case WeightsBatchUpdated() as fact:
                self._learn(fact.observations, fact.hyperparameters)
                self._compare(fact.learner_version, fact.state_hash)
            case WeightsRolledBack() as fact:
                self._roll_back(fact)
            case LearningCheckpointed() as fact:
                self._report.checkpoints += 1
                self._compare(fact.learner_version, fact.state_hash)
                if not is_signed(event.tenant_id, fact) or fact.chain_hash != event.prev_hash:
                    self._report.faults.append(f"{self._name}: the checkpoint {fact.learner_version} is not as signed")

    def _learn(self, records: list[object], digest: str) -> None:
        constants = self._constants[digest]
        state = self._state or self._begun(constants)
        for record in records:
            state, _ = learn(state, observed(record), constants)
            self._past[state.version] = state
        self._state = state
        self._report.updates += len(records)

    def _begun(self, constants: Hyperparameters) -> LearnerState:
        state = self._past[0] = LearnerState.initial(constants)
        return state

    def _roll_back(self, fact: WeightsRolledBack) -> None:
        constants = next(iter(self._constants.values()))
        snapshot = self._past.get(fact.restored_version) or self._begun(constants)
        state = self._state or snapshot
        self._state, _ = learn(state, Restore(snapshot=snapshot, reason="replay"), constants)
        self._past[self._state.version] = self._state
        self._compare(fact.learner_version, fact.state_hash)

    def _compare(self, version: int, state_hash: str) -> None:
        if self._state is None or (self._state.version, self._state.state_hash()) != (version, state_hash):
            self._report.faults.append(f"{self._name} at version {version} does not come out as it was recorded")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m soma.brain.verify", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one object")
    as_json = parser.parse_args().json
    report = verified(Database(BrainSettings().database))
    if as_json:
        print(msgspec.json.encode(report).decode())  # noqa: T201 - its output
    else:
        print(  # noqa: T201 - its output
            f"{report.chains} chains, {report.events} events, {report.learners} learners, {report.updates} updates, "
            f"{report.feedbacks} feedbacks: {'; '.join(report.faults) or 'all as recorded'}"
        )
    sys.exit(1 if report.faults else 0)


if __name__ == "__main__":
    main()
