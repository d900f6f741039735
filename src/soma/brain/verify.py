"""Prove the brain's log: every chain whole, every learner derived again from its events to the same bits.

`python -m soma.brain.verify [--json]` reads the database of the settings, also while a brain is running.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from math import isclose
from pathlib import Path
from typing import Any

import msgspec

from soma.brain.core.hyperparameters import Hyperparameters
from soma.brain.core.learn import learn
from soma.brain.core.restore import Restore
from soma.brain.core.state import LearnerState
from soma.brain.learners.checkpoints import Signer, is_signed
from soma.brain.learners.hyperparameters import read_hyperparameters
from soma.brain.learners.observations import parse_observation
from soma.brain.learners.replay_start import ReplayStart, find_signed_start
from soma.brain.learners.replay_without import replay_without
from soma.brain.learners.retention import PREFIX
from soma.brain.settings import BrainSettings
from soma.brain.types import Principal
from soma.brain.verify_values import RecordedSteps, find_value_faults
from soma.events.chain import Event, Head, verify
from soma.events.database import Database, Row
from soma.events.errors import ChainBroken, ReadFailed
from soma.events.facts.codec import fact_of
from soma.events.facts.learning import (
    FeedbackBatchReceived,
    FeedbackReceived,
    LearningCheckpointed,
    LearningErased,
    RewardVoided,
    WeightsBatchUpdated,
    WeightsRolledBack,
    WeightsUpdated,
)
from soma.events.log import Log

FEEDBACK = (FeedbackReceived.event_type, FeedbackBatchReceived.event_type)


@dataclass(slots=True)
class VerificationReport:
    """`faults` names what is wrong, in words; without any, what was learned is what the log says.

    `starts` names the learners whose oldest events were erased after their time, and the checkpoint they begin at;
    `erased` counts payloads that went that way.
    """

    chains: int = 0
    events: int = 0
    learners: int = 0
    updates: int = 0
    checkpoints: int = 0
    feedbacks: int = 0
    rows: int = 0
    erased: int = 0
    starts: dict[str, str] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)


def verify_database(database: Database, believed: AbstractSet[str] = frozenset()) -> VerificationReport:
    """Verify all chains, learners and rows. `believed` are the public keys whose checkpoints a replay may begin at."""
    report = VerificationReport()
    by_digest = read_hyperparameters(database)
    report.rows = int(database.query("SELECT COUNT(*) FROM feedback_events")[0][0])
    for tenant_id, stream in database.query("SELECT DISTINCT tenant_id, stream FROM events ORDER BY tenant_id, stream"):
        _Chain(database, tenant_id, stream, report).verify(by_digest, believed)
    count, last = database.query("SELECT COUNT(*), COALESCE(MAX(position), 0) FROM events")[0]
    if count != last:  # positions have no gaps: whole chains, and the ends of chains, cannot go unnoticed
        report.faults.append(f"{last} events were written, {count} are there")
    if report.feedbacks != report.rows:
        report.faults.append(f"{report.feedbacks} feedbacks in the log, {report.rows} rows")
    report.faults += _find_usage_faults(database)
    for (tenant_id,) in database.query("SELECT DISTINCT tenant_id FROM value_steps ORDER BY tenant_id"):
        report.faults += find_value_faults(database, tenant_id)
    return report


def _find_usage_faults(database: Database) -> list[str]:
    """Compare each sum of a day with its entries, which may have been added in another order."""
    names = "tenant_id, day, model, tokens, cost, calls"
    sums = "tenant_id, day, model, SUM(tokens), SUM(cost), SUM(calls)"
    entries = database.query(f"SELECT {sums} FROM token_usage GROUP BY tenant_id, day, model")
    kept = {tuple(row[:3]): row[3:] for row in database.query(f"SELECT {names} FROM usage_days")}
    summed = {tuple(row[:3]): row[3:] for row in entries}
    return [
        f"the usage of {tenant_id} on {day} of {model} is not what its entries sum to"
        for tenant_id, day, model in sorted(kept.keys() | summed.keys())
        if not _same_sums(kept.get((tenant_id, day, model)), summed.get((tenant_id, day, model)))
    ]


def _same_sums(one: Sequence[float] | None, other: Sequence[float] | None) -> bool:
    return one is not None and other is not None and all(map(isclose, map(float, one), map(float, other)))


class _Chain:
    """One stream, followed from its first event on."""

    def __init__(self, database: Database, tenant_id: str, stream: str, report: VerificationReport) -> None:
        self._database = database
        self._log = Log(database)
        self._of = tenant_id, stream
        self._agent_id = stream.removeprefix(PREFIX) if stream.startswith(PREFIX) else None
        self._report = report

    @property
    def _name(self) -> str:
        return " ".join(self._of)

    def verify(self, by_digest: dict[str, Hyperparameters], believed: AbstractSet[str]) -> None:
        self._report.chains += 1
        start, state = self._start(believed) if self._agent_id is not None else (None, None)
        begin = start.seq if start else 0
        head, replay = Head(), _Replay(by_digest, self._name, self._report, self._log, (begin, state))
        try:
            for event in self._log.follow(*self._of):
                head = verify([event], after=head)
                self._payload(event, begin)
                self._feedback(event)
                if event.seq > begin:
                    replay.take(event)
                self._report.events += 1
        except ChainBroken as broken:
            self._report.faults.append(str(broken))
        if self._agent_id is not None:
            self._report.learners += 1
            self._report.states[f"{self._of[0]} {self._agent_id}"] = replay.state_hash
            self._snapshots(replay)
            learner = Principal(tenant_id=self._of[0], user_id="", agent_id=self._agent_id)
            begun = start.version if start else 0
            self._report.faults += replay.recorded.find_faults(self._database, learner, self._name, begin=begun)

    def _feedback(self, event: Event) -> None:
        """Compare each row of feedback with its event."""
        match fact_of(event) if event.event_type in FEEDBACK else None:
            case FeedbackReceived() as fact:
                items = [fact.observation]
            case FeedbackBatchReceived() as fact:
                items = fact.items
            case _:
                return
        self._report.feedbacks += len(items)
        rows = self._database.query(
            "SELECT user_id, conversation_id, reward, helpful, unhelpful FROM feedback_events "
            "WHERE position = ? ORDER BY item",
            [event.position],
        )
        for number, (row, item) in enumerate(zip(rows, items, strict=False)):
            if not _is_row_of(row, event, item):
                self._report.faults.append(f"{self._name}: row {number} of feedback {event.seq} was changed")

    def _snapshots(self, replay: "_Replay") -> None:
        for version, state_hash, state in self._database.query(
            "SELECT version, state_hash, state FROM learner_snapshots WHERE tenant_id = ? AND agent_id = ?",
            [self._of[0], self._agent_id],
        ):
            replay.compare_snapshot(version, state_hash, state)

    def _start(self, believed: AbstractSet[str]) -> tuple[ReplayStart | None, LearnerState | None]:
        """Find where the newest erasure says that the learner begins, if the checkpoint there is good."""
        event = self._log.find_newest(*self._of, [LearningErased.event_type])
        fact = fact_of(event) if event else None
        if not isinstance(fact, LearningErased) or self._agent_id is None:
            return None, None
        start = ReplayStart(fact.learner_version, fact.until_seq, fact.checkpoint_seq)
        found = find_signed_start(self._database, self._of[0], self._agent_id, start, believed)
        if found is None:
            self._report.faults.append(
                f"{self._name}: the checkpoint of version {start.version}, where it should begin, is not signed by a "
                "key that is believed"
            )
            return None, None
        text = f"checkpoint {start.version} of {found.at[:10]}, signature good"
        self._report.starts[f"{self._of[0]} {self._agent_id}"] = text
        return start, found.state

    def _payload(self, event: Event, begin: int) -> None:
        if event.payload is not None:
            return
        if event.seq <= begin:
            self._report.erased += 1
        else:
            self._report.faults.append(
                f"{self._name}: the payload of number {event.seq} is gone, and nothing erased it"
            )


def _is_row_of(row: Row, event: Event, item: Mapping[str, Any]) -> bool:
    user_id, conversation_id, reward, helpful, unhelpful = row
    stated = item.get("reward", item.get("utility"))
    return (
        (user_id, conversation_id) == (event.user_id, item.get("conversation_id") or item.get("session_id"))
        and (helpful, unhelpful) == (len(item.get("helpful", ())), len(item.get("unhelpful", ())))
        and (reward is None or stated is None or reward == stated)  # none was learned where the verdict was voided
    )


class _Replay:
    """Derives a learner from its events alone, and keeps every state that it may go back to.

    `start` is the number of the last erased event and the state after it; (0, None) is the beginning.
    """

    def __init__(
        self,
        by_digest: dict[str, Hyperparameters],
        name: str,
        report: VerificationReport,
        log: Log,
        start: tuple[int, LearnerState | None],
    ) -> None:
        self._by_digest = by_digest
        self._name = name
        self._report = report
        self._log = log
        self.recorded = RecordedSteps()
        self._begin_seq, self._state = start
        self._begin = self._state.version if self._state else 0
        self._past: dict[int, LearnerState] = {self._begin: self._state} if self._state else {}

    @property
    def state_hash(self) -> str:
        return self._state.state_hash() if self._state else ""

    def take(self, event: Event) -> None:
        match fact_of(event):
            case WeightsUpdated() as fact:
                self._learn([fact.observation], fact.hyperparameters)
                self._compare(fact.learner_version, fact.state_hash)
            case WeightsBatchUpdated() as fact:
                self._learn(fact.observations, fact.hyperparameters)
                self._compare(fact.learner_version, fact.state_hash)
            case WeightsRolledBack() as fact:
                self._roll_back(fact)
            case RewardVoided() as fact:
                self._void(event, fact)
            case LearningCheckpointed() as fact:
                self._report.checkpoints += 1
                self._check(event, fact)

    def _check(self, event: Event, fact: LearningCheckpointed) -> None:
        """Check a checkpoint: of the end of its chain, or of an earlier place where something is erased."""
        covered = self._log.find_numbered(event.tenant_id, event.stream, fact.chain_seq)
        if not is_signed(event.tenant_id, fact) or covered is None or covered.hash != fact.chain_hash:
            self._report.faults.append(f"{self._name}: the checkpoint {fact.learner_version} is not as signed")
        past = self._past.get(fact.learner_version)
        expected = past.state_hash() if past else ""
        if fact.learner_version > self._begin and expected != fact.state_hash:
            self._report_difference(fact.learner_version)

    def compare_snapshot(self, version: int, state_hash: str, state: str) -> None:
        """Compare a stored state; one from before the start is no longer used, and will be erased."""
        if version < self._begin:
            return
        past = self._past.get(version)
        if past is None:
            self._report.faults.append(f"the snapshot of {self._name} at version {version} is of no update in the log")
        elif LearnerState.from_json(state).state_hash() != state_hash or past.state_hash() != state_hash:
            self._report.faults.append(f"the snapshot of {self._name} at version {version} was changed")

    def _learn(self, records: list[object], digest: str) -> None:
        hyperparameters = self._by_digest[digest]
        state = self._state or self._begin_empty(hyperparameters)
        for record in records:
            observation = parse_observation(record)
            state, _ = learn(state, observation, hyperparameters)
            self._past[state.version] = state
            self.recorded.add_observation(state.version, observation)
        self._state = state
        self._report.updates += len(records)

    def _begin_empty(self, hyperparameters: Hyperparameters) -> LearnerState:
        state = self._past[0] = LearnerState.initial(hyperparameters)
        return state

    def _roll_back(self, fact: WeightsRolledBack) -> None:
        hyperparameters = self._by_digest.get(fact.hyperparameters) or next(iter(self._by_digest.values()))
        known = self._past.get(fact.restored_version) if fact.restored_version else None
        snapshot = known or LearnerState.initial(hyperparameters)
        state = self._state or snapshot
        self._state, _ = learn(state, Restore(snapshot=snapshot, reason="replay"), hyperparameters)
        self._past[self._state.version] = self._state
        if fact.restores_values:
            self.recorded.add_jump(fact.learner_version, back_to=fact.restored_version)
        self._compare(fact.learner_version, fact.state_hash)

    def _void(self, event: Event, fact: RewardVoided) -> None:
        if fact.versions and self._state is not None:
            snapshot = replay_without(
                frozenset(fact.versions),
                lambda: self._log.follow(event.tenant_id, event.stream, after=self._begin_seq),
                until=fact.learner_version - 1,
                hyperparameters_of=self._by_digest.__getitem__,
                at=self._past.__getitem__,
            )
            hyperparameters = next(iter(self._by_digest.values()))
            self._state, _ = learn(self._state, Restore(snapshot=snapshot, reason="replay"), hyperparameters)
            self._past[self._state.version] = self._state
            self.recorded.add_jump(fact.learner_version, left_out=fact.versions)
        if fact.state_hash and self._state is not None:
            self._compare(fact.learner_version, fact.state_hash)

    def _compare(self, version: int, state_hash: str) -> None:
        if self._state is None or (self._state.version, self._state.state_hash()) != (version, state_hash):
            self._report_difference(version)

    def _report_difference(self, version: int) -> None:
        self._report.faults.append(f"{self._name} at version {version} does not come out as it was recorded")


def _missing_file(settings: BrainSettings) -> Path | None:
    """Return the path of a database file that does not exist: to open it would create it."""
    path = Path(settings.database.removeprefix("sqlite:///"))
    is_file = settings.database.startswith("sqlite:///")
    return path if is_file and not path.is_file() else None


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m soma.brain.verify", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one object")
    as_json = parser.parse_args().json
    settings = BrainSettings()
    if missing := _missing_file(settings):
        parser.exit(2, f"there is no brain in {missing}: is SOMA_DATA_DIR right?\n")
    try:
        report = verify_database(Database(settings.database), Signer.believed_keys(settings))
    except ReadFailed as error:
        parser.exit(2, f"the database cannot be read: {' '.join(str(error).split())}\n")
    if as_json:
        print(msgspec.json.encode(report).decode())  # noqa: T201 - its output
    else:
        print(  # noqa: T201 - its output
            f"{report.chains} chains, {report.events} events, {report.learners} learners, {report.updates} updates, "
            f"{report.feedbacks} feedbacks, {report.erased} payloads erased: "
            f"{'; '.join(report.faults) or 'all as recorded'}"
        )
        for learner, start in report.starts.items():
            print(f"{learner} starts at {start}")  # noqa: T201 - its output
    sys.exit(1 if report.faults else 0)


if __name__ == "__main__":
    main()
