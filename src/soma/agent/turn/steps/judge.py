"""Step 8: the observation that is learned from, and whether the turn ends. Nothing is asked of the world."""

from soma.agent.record.citations import support
from soma.agent.record.convergence import (
    Standing,
    calibrated,
    exit_reason,
    must_answer,
    raw_confidence,
    success_factor,
    tool_utility,
)
from soma.agent.record.turn import IterationRecord, TurnRecord
from soma.agent.speech import stated
from soma.agent.turn.steps.doors import Doors
from soma.events.schema import IterationJudged


def judge(record: TurnRecord, iteration: IterationRecord, doors: Doors) -> IterationJudged:
    raw = _raw(record, iteration)
    confidence = calibrated(raw, record.calibration)
    score = _score(record, iteration, confidence)
    standing = Standing(
        number=iteration.number,
        asked_for_tools=not iteration.is_answer,
        score=score,
        evidence_changed=record.has_evidence_for(iteration.number + 1),
        must_answer=forced_answer(record, iteration.number, doors),
    )
    uses, known = list(iteration.tools.values()), record.tools
    return IterationJudged(
        iteration_number=iteration.number,
        confidence_raw=raw,
        confidence=confidence,
        success_factor=success_factor(record.tool_uses),
        tool_utility=tool_utility(record.tool_uses, record.usefulness),
        convergence_score=score,
        exit_reason=exit_reason(standing, doors.limits),
        tools_used=[use.requested.tool for use in uses if use.requested.tool in known],
        tool_outcomes={
            use.requested.tool: use.finished.status for use in uses if use.finished and use.requested.tool in known
        },
        latency_ms=iteration.spoken.latency_ms
        + max((use.finished.duration_ms for use in uses if use.finished), default=0.0),
    )


def score_of(record: TurnRecord, iteration: IterationRecord) -> float | None:
    """Confidence x success x utility of an answer; None where the model asked for tools and has not seen them."""
    return _score(record, iteration, calibrated(_raw(record, iteration), record.calibration))


def evidence_of(record: TurnRecord, iteration: IterationRecord) -> list[str]:
    """What an answer rests on: the memories that it cites, of all it was shown, and what the turn's tools said."""
    cited = set(iteration.spoken.cited)
    memories = [memory for memory in record.shown_by(iteration.number) if memory.id in cited]
    finished = [use.finished for use in record.tool_uses if use.finished and not use.finished.is_error]
    return [*(stated(memory.text, memory.metadata) for memory in memories), *(result.content for result in finished)]


def forced_answer(record: TurnRecord, number: int, doors: Doors) -> str | None:
    """Why iteration `number` has to answer without tools, if it has to."""
    before = [list(record.iterations[earlier].tools.values()) for earlier in range(number)]
    spent = sum(record.iterations[earlier].tokens for earlier in range(number))
    return must_answer(before, number=number, spent_tokens=spent, limits=doors.limits)


def _score(record: TurnRecord, iteration: IterationRecord, confidence: float) -> float | None:
    if not iteration.is_answer:
        return None
    return confidence * success_factor(record.tool_uses) * tool_utility(record.tool_uses, record.usefulness)


def _raw(record: TurnRecord, iteration: IterationRecord) -> float:
    spoken = iteration.spoken
    evidence = evidence_of(record, iteration)
    return raw_confidence(own=spoken.confidence, logprobs=spoken.logprobs, support=support(spoken.text, evidence))
