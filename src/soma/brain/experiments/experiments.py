"""Experiments on the prior of a learner: create one, assign subjects, record outcomes, decide.

An arm serves the learner with its prior moved by a step; a promotion moves it for good, by the same function. Neither
ever touches another learner. Running experiments are read at most every FRESH_SECONDS, so other processes see a new one
that much later.
"""

import math
import re
import time
from collections.abc import Sequence
from typing import Any

import msgspec

from soma.brain.core.experiments.design import Call, Design, ExperimentArm, ExperimentVerdict, Method, assign_arm, judge
from soma.brain.core.promotion import Promotion, step_prior
from soma.brain.core.state import LearnerState
from soma.brain.errors import BrainRefused
from soma.brain.experiments import rows
from soma.brain.experiments.metrics import SCALES, MetricValue
from soma.brain.experiments.rows import RUNNING, ExperimentRow
from soma.brain.experiments.shipped import SHIPPED
from soma.brain.learners.chain import subject_of
from soma.brain.learners.learners import Learners
from soma.brain.learners.presentation import difference, priors_of
from soma.brain.types import EXPERIMENT_NAME, Experiment, Principal
from soma.brain.wire.requests import NewExperiment, OutcomeItem
from soma.events.database import Reader
from soma.events.facts.codec import Subject, draft
from soma.events.facts.experiments import ExperimentCreated, ExperimentDecided, ExperimentPromoted
from soma.events.ids import new_id, now
from soma.events.transaction import Transaction

FRESH_SECONDS = 5.0
KEPT = 10_000  # learners whose running experiments are remembered
CAUSE = "experiment"
COORDINATOR = "coordinator"
STATUS = {Call.PROMOTE: "promoted", Call.KEEP: "kept", Call.WAIT: "stopped"}

Assignments = Sequence[tuple[str, str, str]]  # (experiment, subject, arm)
Changes = tuple[tuple[str, float], ...]


class Experiments:
    def __init__(self, learners: Learners) -> None:
        self._learners = learners
        self._seen: dict[tuple[str, str], tuple[float, list[ExperimentRow]]] = {}

    # Serving

    def find_running(self, reads: Reader, principal: Principal) -> list[ExperimentRow]:
        key = (principal.tenant_id, principal.agent_id)
        until, found = self._seen.get(key, (0.0, []))
        if time.monotonic() >= until:
            if len(self._seen) >= KEPT:
                self._seen.clear()
            found = rows.find_experiments(reads, principal, status=RUNNING)
            self._seen[key] = (time.monotonic() + FRESH_SECONDS, found)
        return found

    def refresh(self) -> None:
        """Forget which experiments run, after the commit of a change: what was read meanwhile may be older."""
        self._seen.clear()

    def find_arms(self, reads: Reader, principal: Principal, subject: str) -> tuple[Assignments, Changes]:
        """Find the arm of `subject` in each running experiment, and the steps of the prior that they make together."""
        assignments, steps = [], dict[str, float]()
        for row in self.find_running(reads, principal):
            arm = assign_arm(row.experiment_id, subject, row.design)
            assignments.append((row.experiment_id, subject, arm.name))
            for name, step in arm.changes:
                steps[name] = steps.get(name, 0.0) + step
        return assignments, tuple(sorted(steps.items()))

    def apply_changes(self, state: LearnerState, changes: Changes) -> LearnerState:
        return step_prior(state, changes, self._learners.hyperparameters)

    # Outcomes

    def keep(self, transaction: Transaction, principal: Principal, found: Sequence[tuple[str, MetricValue]]) -> None:
        """Keep what feedback says by a metric, keyed by its statement: a newer statement replaces the older value."""
        if not found:
            return
        for row in self.find_running(transaction, principal):
            for key, (conversation, metric, value) in found:
                arm = rows.arm_of(transaction, row.experiment_id, conversation) if metric == row.metric else None
                if arm is not None:
                    rows.keep_outcome(
                        transaction,
                        row.experiment_id,
                        key=key,
                        subject=conversation,
                        arm=arm,
                        value=value,
                        replaces=True,
                    )

    def record(self, transaction: Transaction, principal: Principal, name: str, items: Sequence[OutcomeItem]) -> int:
        """Record outcomes measured elsewhere; a subject that is in no arm yet is assigned now."""
        row = self._require_running(transaction, principal, name)
        _check_outcomes(row.metric, items)
        for item in items:
            arm = assign_arm(row.experiment_id, item.subject, row.design).name
            rows.keep_assignments(transaction, [(row.experiment_id, item.subject, arm)])
            rows.keep_outcome(
                transaction,
                row.experiment_id,
                key=f"recorded:{item.key or new_id()}",
                subject=item.subject,
                arm=arm,
                value=item.value,
            )
        return len(items)

    def assign(self, transaction: Transaction, principal: Principal, name: str, subject: str) -> ExperimentArm:
        row = self._require_running(transaction, principal, name)
        arm = assign_arm(row.experiment_id, subject, row.design)
        rows.keep_assignments(transaction, [(row.experiment_id, subject, arm.name)])
        return arm

    # From beginning to end

    def create(self, transaction: Transaction, principal: Principal, body: NewExperiment, *, by: str) -> Experiment:
        _check_name(body.name)
        body = body if body.arms else SHIPPED.get(body.name, body)
        design = _design(body)
        self._check(transaction, principal, design)
        if rows.find_experiment(transaction, principal, body.name):
            raise BrainRefused("experiment_exists", f"an experiment {body.name!r} already exists", "name", 409)
        row = ExperimentRow(
            experiment_id=new_id(),
            tenant_id=principal.tenant_id,
            agent_id=principal.agent_id,
            name=body.name,
            hypothesis=body.hypothesis,
            metric=body.metric,
            design=design,
            status=RUNNING,
            proposed_by=by,
            created_at=now(),
        )
        rows.insert_experiment(transaction, row)
        fact = ExperimentCreated(
            experiment_id=row.experiment_id,
            name=row.name,
            hypothesis=row.hypothesis,
            metric=row.metric,
            design=msgspec.to_builtins(rows.DesignRow.of(design)),
            proposed_by=by,
        )
        transaction.append(draft(fact, _subject(principal, row)))
        return self._describe(transaction, row)

    def _check(self, transaction: Transaction, principal: Principal, design: Design) -> None:
        """Refuse arms that are alike, and steps that leave the box of their weight."""
        first, second = design.arms
        if first.name == second.name or first.changes == second.changes:
            raise BrainRefused("arms_alike", "the two arms need different names and different steps", "arms")
        before = self._learners.current(transaction, principal).state
        known = priors_of(before)
        for arm in design.arms:
            after = priors_of(self.apply_changes(before, arm.changes))
            for name, step in arm.changes:
                place = f"arms.{arm.name}.{name}"
                if not step:
                    raise BrainRefused("zero_step", "a step must not be 0", place)
                if name not in known:
                    raise BrainRefused("unknown_weight", f"this learner has no weight {name!r}", place)
                if abs(after[name] - known[name] - step) > abs(step) * 1e-6:
                    room = f"from {known[name]:g} it can only go to {after[name]:g}"
                    raise BrainRefused("step_out_of_bounds", f"{name} cannot move by {step:g}: {room}", place)

    def decide(
        self, transaction: Transaction, principal: Principal, name: str, *, by: str, stop: bool = False
    ) -> Experiment:
        """Judge, then promote the winner, keep the prior, or stop. Raises BrainRefused while it is too early."""
        row = self._require_running(transaction, principal, name)
        verdict = judge(row.design, rows.read_results(transaction, row.experiment_id))
        if verdict.call is Call.WAIT and not stop:
            raise BrainRefused("too_early", f"too early to decide: {verdict.reason}", None, 409)
        if stop and verdict.call is Call.PROMOTE:
            verdict = verdict._replace(call=Call.WAIT, winner=None, reason=f"stopped, although {verdict.reason}")
        statistics = statistics_of(row.design, verdict)
        rows.keep_verdict(
            transaction,
            row.experiment_id,
            call=verdict.call,
            winner=verdict.winner,
            content={"reason": verdict.reason, **statistics},
        )
        rows.close_experiment(transaction, row.experiment_id, STATUS[verdict.call])
        fact = ExperimentDecided(
            experiment_id=row.experiment_id,
            name=row.name,
            call=verdict.call,
            winner=verdict.winner,
            reason=verdict.reason,
            statistics=statistics,
        )
        transaction.append(draft(fact, _subject(principal, row)))
        promotion = self._promote(transaction, principal, row, verdict, by) if verdict.winner else None
        closed = msgspec.structs.replace(row, status=STATUS[verdict.call], decided_at=now())
        return msgspec.structs.replace(self._describe(transaction, closed), promotion=promotion)

    def _promote(
        self, transaction: Transaction, principal: Principal, row: ExperimentRow, verdict: ExperimentVerdict, by: str
    ) -> dict[str, Any] | None:
        """Make the winner's steps part of the learner's prior; a winner without steps is the prior already."""
        changes = next(arm.changes for arm in row.design.arms if arm.name == verdict.winner)
        if not changes:
            return None
        subject = subject_of(principal)
        won = Promotion(changes=changes, reason=f"experiment {row.name}: {verdict.winner} won, {verdict.reason}")
        learning = self._learners.teach(transaction, principal, subject, [won], CAUSE)
        fact = ExperimentPromoted(
            experiment_id=row.experiment_id,
            name=row.name,
            winner=verdict.winner or "",
            changes=dict(changes),
            prior_before=priors_of(learning.before.state),
            prior_after=priors_of(learning.after.state),
            weights_before=dict(learning.before.weights),
            weights_after=dict(learning.after.weights),
            learner_version=learning.after.state.version,
            state_hash=learning.after.state.state_hash(),
            decided_by=by,
        )
        transaction.append(draft(fact, subject))
        shown: dict[str, Any] = msgspec.to_builtins(fact)
        return shown | {"deltas": difference(fact.weights_before, fact.weights_after)}

    # Looking

    def list_experiments(self, reads: Reader, principal: Principal, *, status: str | None = None) -> list[Experiment]:
        return [self._describe(reads, row) for row in rows.find_experiments(reads, principal, status=status)]

    def get(self, reads: Reader, principal: Principal, name: str) -> Experiment:
        return self._describe(reads, self._find(reads, principal, name))

    def find_due(self, reads: Reader) -> list[ExperimentRow]:
        """Find running experiments of all tenants whose results suffice for a verdict."""
        return [
            row
            for row in rows.find_all_running(reads)
            if judge(row.design, rows.read_results(reads, row.experiment_id)).call is not Call.WAIT
        ]

    def _describe(self, reads: Reader, row: ExperimentRow) -> Experiment:
        verdict = rows.read_last_verdict(reads, row.experiment_id) if row.status != RUNNING else None
        if verdict is None:
            found = judge(row.design, rows.read_results(reads, row.experiment_id))
            verdict = {"call": found.call, "winner": found.winner, "reason": found.reason}
            verdict |= statistics_of(row.design, found)
        return Experiment(
            experiment_id=row.experiment_id,
            name=row.name,
            hypothesis=row.hypothesis,
            metric=row.metric,
            method=row.design.method,
            planned=row.design.planned,
            share=row.design.share,
            arms=[{"name": arm.name, "changes": dict(arm.changes)} for arm in row.design.arms],
            status=row.status,
            proposed_by=row.proposed_by,
            created_at=row.created_at,
            decided_at=row.decided_at,
            assigned=rows.count_assigned(reads, row.experiment_id),
            verdict=verdict,
        )

    def _find(self, reads: Reader, principal: Principal, name: str) -> ExperimentRow:
        row = rows.find_experiment(reads, principal, name)
        if row is None:
            raise BrainRefused("unknown_experiment", f"no experiment {name!r}", "name", 404)
        return row

    def _require_running(self, reads: Reader, principal: Principal, name: str) -> ExperimentRow:
        row = self._find(reads, principal, name)
        if row.status != RUNNING:
            raise BrainRefused("experiment_over", f"experiment {row.name!r} is over: {row.status}", "name", 409)
        return row


def _check_name(name: str) -> None:
    """Refuse a name that could not stand in a path of the API."""
    if not re.fullmatch(EXPERIMENT_NAME, name):
        wanted = "up to 64 letters, digits, dots, dashes and underscores, a letter or digit first"
        raise BrainRefused("invalid_name", f"a name must be {wanted}", "name")


def _design(body: NewExperiment) -> Design:
    if body.arms is None:
        shipped = ", ".join(sorted(SHIPPED))
        raise BrainRefused("arms_missing", f"give two arms, or the name of a shipped experiment: {shipped}", "arms")
    first, second = (ExperimentArm(arm.name, tuple(sorted(arm.changes.items()))) for arm in body.arms)
    return Design((first, second), Method(body.method), body.planned, body.share)


def _check_outcomes(metric: str, items: Sequence[OutcomeItem]) -> None:
    """Refuse values outside the scale of the metric: they join one mean with what people's feedback says."""
    low, high = SCALES.get(metric, (-math.inf, math.inf))
    for number, item in enumerate(items):
        if not low <= item.value <= high:
            wanted = f"an outcome by {metric} must be from {low:g} to {high:g}"
            raise BrainRefused("outcome_out_of_bounds", wanted, f"items[{number}].value")


def statistics_of(design: Design, verdict: ExperimentVerdict) -> dict[str, Any]:
    """Return the figures of a verdict by the names of the arms; t and d are above 0 where the second is better."""
    samples = {
        arm.name: {"n": found.size, "mean": found.mean, "variance": found.variance}
        for arm, found in zip(design.arms, (verdict.first, verdict.second), strict=True)
    }
    return {"arms": samples, "method": design.method, **verdict.comparison._asdict()}


def _subject(principal: Principal, row: ExperimentRow) -> Subject:
    """Subject of an experiment's facts: a chain of its own."""
    return Subject(
        tenant_id=principal.tenant_id,
        stream=f"experiment:{row.experiment_id}",
        user_id=principal.user_id,
        agent_id=principal.agent_id,
    )
