"""Iterations teach as well: each is recorded (LEARN-001), once by (turn, iteration), in one transaction."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from soma.brain.context.bundles import Bundle
from soma.brain.context.held_out import is_held_out
from soma.brain.core.explanation import Explanation
from soma.brain.core.hyperparameters import Hyperparameters
from soma.brain.core.observations import Evidence, EvidenceSource, IterationOutcome, ToolCallOutcome
from soma.brain.core.promotion import step_prior
from soma.brain.errors import BrainRefused
from soma.brain.feedback import daily_bounds
from soma.brain.feedback.meaning import ledger_rows
from soma.brain.feedback.memory_values import Committed
from soma.brain.feedback.rows import FirstOutcome, find_first_outcome, keep_outcome
from soma.brain.feedback.statements import CITATION, OUTCOME, citation_of, is_credited, keep_citation
from soma.brain.learners.chain import subject_of
from soma.brain.learners.learners import CachedLearner, Learners
from soma.brain.learners.observations import Learnable
from soma.brain.learners.presentation import difference, has_changed, levels, served_weights
from soma.brain.types import IterationAnswer, Principal
from soma.brain.usage import keep_usage
from soma.brain.wire.requests import TurnMetrics
from soma.events.ids import now
from soma.events.transaction import Transaction

CAUSE = "iteration"
GOOD = {"ok", "success", "succeeded"}
BLAMELESS = {
    "invalid",
    "denied",
    "breaker_open",
    "unknown",
}  # the caller's error, or it did not run
SYNONYM, NORADRENALINE = "norepinephrine", "noradrenaline"


@dataclass(frozen=True, slots=True)
class IterationReport:
    """One report, and the bundle that was looked up before the write."""

    body: TurnMetrics
    novelty: float
    bundle: Bundle | None = None

    @property
    def cites(self) -> bool:
        """True if its model chose among the shown memories: one that only quotes what it was shown first did not."""
        shown = {memory_id for memory_id, _ in self.bundle.shown} if self.bundle else set()
        return not self.body.extractive and not shown.isdisjoint(self.body.cited)


def observations_of(report: IterationReport, hyperparameters: Hyperparameters) -> list[Learnable]:
    body, bundle = report.body, report.bundle
    outcome = IterationOutcome(
        tool_outcomes=tuple(_tool_outcomes(body.tool_outcomes)),
        confidence=None if body.extractive else body.confidence,  # that it found something to quote is its own echo
        progress=body.progress,
        novelty=report.novelty,
        gain=bundle.gain if bundle else None,
        cost=body.cost,
        latency_ms=body.latency_ms,
        diversity=bundle.diversity if bundle else None,
    )
    if bundle is None or not report.cites:
        return [outcome]
    cited = Evidence(
        views=bundle.views,
        shown=bundle.shown,
        helpful=body.cited,
        source=EvidenceSource.MODEL,
        held_out=is_held_out(bundle.query, hyperparameters),
        novelty=report.novelty,
    )
    return [outcome, cited]


def _tool_outcomes(said: Mapping[str, str | bool]) -> Iterator[ToolCallOutcome]:
    """Yield how tools did; an error of the caller is no failure of the tool."""
    for tool, outcome in said.items():
        if isinstance(outcome, bool):
            yield ToolCallOutcome(tool, outcome)
        elif outcome.lower() not in BLAMELESS:
            yield ToolCallOutcome(tool, outcome.lower() in GOOD)


class IterationIntake:
    """Takes reports of iterations within a write; one person teaches by `most` outcomes and `most` citations a day."""

    def __init__(self, learners: Learners, *, most: int) -> None:
        self._learners = learners
        self._most = most

    def take(
        self, transaction: Transaction, principal: Principal, report: IterationReport
    ) -> tuple[Committed[IterationAnswer], Explanation | None]:
        """Return the answer with its explanation: None where nothing was learned now."""
        body = report.body
        first = find_first_outcome(transaction, principal, body.turn_id, body.iteration_number)
        if first is not None:
            return Committed(_repeat_answer(principal, body, first)), None
        before = self._learners.current(transaction, principal)
        if not body.learn:
            return Committed(self._record(transaction, principal, body, self._answer(report, before, before, ()))), None
        subject = subject_of(principal, turn_id=body.turn_id)
        learned = self._bound_by_day(transaction, principal, self._drop_outspoken(transaction, principal, report))
        learning = self._learners.teach(transaction, principal, subject, learned, CAUSE)
        if len(learned) > 1:
            citation = citation_of(principal, body.bundle_id or "")
            keep_citation(transaction, principal.tenant_id, citation, learning.after.state.version, at=now())
        keep_usage(transaction, _usage(principal, body))
        answer = self._answer(report, learning.before, learning.after, learning.explanations)
        taken = Committed(self._record(transaction, principal, body, answer), learning.after.state)
        return taken, learning.explanations[0]

    def _drop_outspoken(
        self, transaction: Transaction, principal: Principal, report: IterationReport
    ) -> list[Learnable]:
        """Leave out a citation where credit stands in its place: what happened says more than what a model cites."""
        outcome, *cited = observations_of(report, self._learners.hyperparameters)
        if cited and is_credited(transaction, principal, report.body.bundle_id or ""):
            return [outcome]
        return [outcome, *cited]

    def _bound_by_day(self, transaction: Transaction, principal: Principal, found: list[Learnable]) -> list[Learnable]:
        """Leave out what is beyond the day: it is recorded and felt, but teaches nothing."""
        if not self._most:
            return found
        outcome, *cited = found
        left = daily_bounds.count_left_now(transaction, principal, self._most)
        cited = cited if left[CITATION] > 0 else []
        more = {CITATION: len(cited)} if cited else {}
        if left[OUTCOME] > 0:
            more[OUTCOME] = 1
        else:
            outcome = msgspec.structs.replace(outcome, only_felt=True)
        daily_bounds.add_learned(transaction, principal, more)
        return [outcome, *cited]

    def _answer(
        self, report: IterationReport, before: CachedLearner, after: CachedLearner, explanations: Sequence[Explanation]
    ) -> IterationAnswer:
        body = report.body
        weights_before, weights_after = dict(before.weights), dict(after.weights)
        levels_before, levels_after = levels(before.state), levels(after.state)
        outcome = explanations[0] if explanations else None
        stale = has_changed(body.weights, self._weights_seen(report, before)) or has_changed(
            _rename_synonym(body.neuromodulators), levels_before
        )
        synonym = SYNONYM in body.neuromodulators
        return IterationAnswer(
            status="success" if outcome else "skipped",
            weights=weights_after,
            neuromodulators=_add_synonym(levels_after, synonym=synonym),
            weights_before=weights_before,
            neuromodulators_before=_add_synonym(levels_before, synonym=synonym),
            weight_deltas=difference(weights_before, weights_after),
            salience=outcome.salience if outcome else None,
            learning_rate=outcome.learning_rate if outcome else None,
            reward=outcome.reward if outcome else None,
            reward_terms=dict(outcome.terms) if outcome else {},
            gated=outcome.gated if outcome else False,
            stale=stale,
            clipped=sorted({name for explanation in explanations for name in explanation.clipped_names}),
            version=after.state.version,
        )

    def _weights_seen(self, report: IterationReport, before: CachedLearner) -> Mapping[str, float]:
        """Weights that the bundle was built with, if nothing was learned since: those of its arm."""
        if report.bundle is None or not report.bundle.changes:
            return before.weights
        hyperparameters = self._learners.hyperparameters
        return served_weights(step_prior(before.state, report.bundle.changes, hyperparameters), hyperparameters)

    def _record(
        self, transaction: Transaction, principal: Principal, body: TurnMetrics, answer: IterationAnswer
    ) -> IterationAnswer:
        first = FirstOutcome(principal.agent_id, answer.version or 0, msgspec.json.encode(answer).decode())
        said = msgspec.json.encode(body).decode()
        keep_outcome(transaction, principal, body.turn_id, body.iteration_number, body=said, first=first)
        return answer


def _repeat_answer(principal: Principal, body: TurnMetrics, first: FirstOutcome) -> IterationAnswer:
    if first.agent_id != principal.agent_id:
        message = f"Iteration {body.iteration_number} of this turn was reported by another agent."
        raise BrainRefused("turn_of_another_agent", message, "turn_id", 409)
    return msgspec.structs.replace(msgspec.json.decode(first.answer, type=IterationAnswer), status="duplicate")


def _usage(principal: Principal, body: TurnMetrics) -> list[tuple[object, ...]]:
    if body.tokens is None and body.cost is None:
        return []
    took = {body.model: (body.tokens or 0, body.cost or 0.0, 1)}
    return ledger_rows(principal, took, body.conversation_id or body.session_id, at=now())


def _rename_synonym(stated: dict[str, float]) -> dict[str, float]:
    return {NORADRENALINE if name == SYNONYM else name: value for name, value in stated.items()}


def _add_synonym(actual: dict[str, float], *, synonym: bool) -> dict[str, float]:
    """Answer noradrenaline as norepinephrine too, where the report called it so."""
    return actual | {SYNONYM: actual[NORADRENALINE]} if synonym else actual
