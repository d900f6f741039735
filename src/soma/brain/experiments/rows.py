"""Rows of experiments: designs, assignments, outcomes, verdicts, and the scores that the coordinator follows."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from soma.brain.core.experiments.design import Design, ExperimentArm, Method, Result
from soma.brain.types import Principal
from soma.events.database import Reader
from soma.events.ids import new_id, now
from soma.events.sql import placeholders
from soma.events.transaction import Transaction

RUNNING = "running"
SCORED_VERSIONS = 1_000_000  # older samples of a learner are dropped


class DesignRow(msgspec.Struct, frozen=True, kw_only=True):
    arms: tuple[tuple[str, dict[str, float]], tuple[str, dict[str, float]]]
    method: Method
    planned: int
    share: float

    @classmethod
    def of(cls, design: Design) -> "DesignRow":
        first, second = design.arms
        arms = (first.name, dict(first.changes)), (second.name, dict(second.changes))
        return cls(arms=arms, method=design.method, planned=design.planned, share=design.share)

    def design(self) -> Design:
        first, second = (ExperimentArm(name, tuple(sorted(changes.items()))) for name, changes in self.arms)
        return Design((first, second), self.method, self.planned, self.share)


class ExperimentRow(msgspec.Struct, frozen=True, kw_only=True):
    experiment_id: str
    tenant_id: str
    agent_id: str
    name: str
    hypothesis: str
    metric: str
    design: Design
    status: str
    proposed_by: str
    created_at: str
    decided_at: str | None = None


COLUMNS = ExperimentRow.__struct_fields__


def insert_experiment(transaction: Transaction, row: ExperimentRow) -> None:
    values = [getattr(row, name) for name in COLUMNS]
    values[COLUMNS.index("design")] = msgspec.json.encode(DesignRow.of(row.design)).decode()
    marks = placeholders(COLUMNS)
    transaction.execute(f"INSERT INTO experiments ({', '.join(COLUMNS)}) VALUES ({marks})", values)


def find_experiments(reads: Reader, principal: Principal, *, status: str | None = None) -> list[ExperimentRow]:
    """Find the experiments of a learner, newest first."""
    chosen = "" if status is None else "AND status = ?"
    return _read(
        reads,
        f"WHERE tenant_id = ? AND agent_id = ? {chosen} ORDER BY experiment_id DESC",
        [principal.tenant_id, principal.agent_id, *([status] if status else [])],
    )


def find_experiment(reads: Reader, principal: Principal, name: str) -> ExperimentRow | None:
    """Find an experiment of a learner by its name or id."""
    found = _read(
        reads,
        "WHERE tenant_id = ? AND agent_id = ? AND (name = ? OR experiment_id = ?)",
        [principal.tenant_id, principal.agent_id, name, name],
    )
    return found[0] if found else None


def find_all_running(reads: Reader) -> list[ExperimentRow]:
    """Find the running experiments of all tenants."""
    return _read(reads, "WHERE status = ? ORDER BY experiment_id", [RUNNING])


def _read(reads: Reader, where: str, parameters: Sequence[Any]) -> list[ExperimentRow]:
    found = []
    for row in reads.query(f"SELECT {', '.join(COLUMNS)} FROM experiments {where}", parameters):
        fields = dict(zip(COLUMNS, row, strict=True))
        fields["design"] = msgspec.json.decode(fields["design"], type=DesignRow).design()
        found.append(ExperimentRow(**fields))
    return found


def close_experiment(transaction: Transaction, experiment_id: str, status: str) -> None:
    transaction.execute(
        "UPDATE experiments SET status = ?, decided_at = ? WHERE experiment_id = ?", [status, now(), experiment_id]
    )


def keep_assignments(transaction: Transaction, assignments: Iterable[tuple[str, str, str]]) -> None:
    """Keep assignments, each (experiment, subject, arm); a subject that has an arm keeps it."""
    at = now()
    for experiment_id, subject, arm in assignments:
        transaction.execute(
            "INSERT INTO experiment_assignments (experiment_id, subject, arm, assigned_at) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (experiment_id, subject) DO NOTHING",
            [experiment_id, subject, arm, at],
        )


def arm_of(reads: Reader, experiment_id: str, subject: str) -> str | None:
    rows = reads.query(
        "SELECT arm FROM experiment_assignments WHERE experiment_id = ? AND subject = ?", [experiment_id, subject]
    )
    return rows[0][0] if rows else None


def keep_outcome(
    transaction: Transaction,
    experiment_id: str,
    *,
    key: str,
    subject: str,
    arm: str,
    value: float,
    replaces: bool = False,
) -> None:
    """Keep an outcome under its key, once: the first value stands or, where it `replaces`, the last."""
    on_repeat = "DO UPDATE SET value = excluded.value" if replaces else "DO NOTHING"
    transaction.execute(
        "INSERT INTO experiment_outcomes (experiment_id, key, subject, arm, value, recorded_at) "
        f"VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (experiment_id, key) {on_repeat}",
        [experiment_id, key, subject, arm, value, now()],
    )


def read_results(reads: Reader, experiment_id: str) -> list[Result]:
    """Read one result a subject, the mean of its outcomes, in the order of their first ones."""
    rows = reads.query(
        "SELECT arm, AVG(value) FROM experiment_outcomes WHERE experiment_id = ? "
        "GROUP BY subject, arm ORDER BY MIN(recorded_at), subject",
        [experiment_id],
    )
    return [Result(arm, float(value)) for arm, value in rows]


def count_assigned(reads: Reader, experiment_id: str) -> dict[str, int]:
    """Count the subjects assigned to each arm."""
    rows = reads.query(
        "SELECT arm, COUNT(*) FROM experiment_assignments WHERE experiment_id = ? GROUP BY arm", [experiment_id]
    )
    return {arm: int(count) for arm, count in rows}


def keep_verdict(
    transaction: Transaction, experiment_id: str, *, call: str, winner: str | None, content: dict[str, Any]
) -> None:
    transaction.execute(
        "INSERT INTO experiment_verdicts (verdict_id, experiment_id, call, winner, content, decided_at) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        [new_id(), experiment_id, call, winner, msgspec.json.encode(content).decode(), now()],
    )


def read_last_verdict(reads: Reader, experiment_id: str) -> dict[str, Any] | None:
    rows = reads.query(
        "SELECT call, winner, content, decided_at FROM experiment_verdicts WHERE experiment_id = ? "
        "ORDER BY verdict_id DESC LIMIT 1",
        [experiment_id],
    )
    if not rows:
        return None
    call, winner, content, at = rows[0]
    return {"call": call, "winner": winner, "decided_at": at, **msgspec.json.decode(content)}


def keep_score(transaction: Transaction, principal: Principal, version: int, score: float) -> None:
    transaction.execute(
        "INSERT INTO learner_scores (tenant_id, agent_id, learner_version, score, at) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT (tenant_id, agent_id, learner_version) DO NOTHING",
        [principal.tenant_id, principal.agent_id, version, score, now()],
    )
    transaction.execute(
        "DELETE FROM learner_scores WHERE tenant_id = ? AND agent_id = ? AND learner_version < ?",
        [principal.tenant_id, principal.agent_id, version - SCORED_VERSIONS],
    )


def last_scored_version(reads: Reader, principal: Principal) -> int:
    """Return the version of the learner at its newest sample; 0 before any."""
    rows = reads.query(
        "SELECT COALESCE(MAX(learner_version), 0) FROM learner_scores WHERE tenant_id = ? AND agent_id = ?",
        [principal.tenant_id, principal.agent_id],
    )
    return int(rows[0][0])


def read_scores(reads: Reader, principal: Principal, *, last: int) -> list[float]:
    """Read the `last` scores, oldest first."""
    rows = reads.query(
        "SELECT score FROM learner_scores WHERE tenant_id = ? AND agent_id = ? ORDER BY learner_version DESC LIMIT ?",
        [principal.tenant_id, principal.agent_id, last],
    )
    return [float(score) for (score,) in reversed(rows)]
