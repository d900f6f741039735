"""Step 8: judge the iteration: what is learned from, and whether the turn ends. It asks nothing of the world."""

from soma.agent.record.convergence import Assessment, exit_reason, forced_answer, score_of
from soma.agent.record.turn import IterationRecord, TurnRecord
from soma.agent.turn.steps.context import TurnContext
from soma.events.facts.turn import IterationJudged


def judge(record: TurnRecord, iteration: IterationRecord, context: TurnContext) -> IterationJudged:
    """Score the iteration and decide whether the turn ends with it."""
    score = score_of(record, iteration)
    assessment = Assessment(
        number=iteration.number,
        asked_for_tools=not iteration.is_answer,
        score=score.convergence_score,
        evidence_changed=record.has_evidence_for(iteration.number + 1),
        must_answer=forced_answer(record, iteration.number, context.limits),
    )
    uses, known = list(iteration.tools.values()), record.tools
    return IterationJudged(
        iteration_number=iteration.number,
        confidence_raw=score.confidence_raw,
        confidence=score.confidence,
        success_factor=score.success_factor,
        tool_utility=score.tool_utility,
        convergence_score=score.convergence_score,
        exit_reason=exit_reason(assessment, context.limits),
        tools_used=[use.requested.tool for use in uses if use.requested.tool in known],
        tool_outcomes={
            use.requested.tool: use.finished.status for use in uses if use.finished and use.requested.tool in known
        },
        latency_ms=iteration.spoken.latency_ms
        + max((use.finished.duration_ms for use in uses if use.finished), default=0.0),
    )
