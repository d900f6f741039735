"""Convergence (pure): the score of an iteration, its factors, and whether the turn ends with it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import exp

from soma.agent.language.authorship import provable_text
from soma.agent.record.citations import support
from soma.agent.record.turn import IterationRecord, ToolUse, TurnRecord

PRIOR_USEFULNESS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnLimits:
    """Limits of a turn, recorded with it; if it does not iterate, it is one answer without tools."""

    iterates: bool
    max_iterations: int
    min_iterations: int
    convergence_threshold: float
    refine: str
    turn_tokens: int
    turn_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """An iteration as the exit rules see it. `must_answer` is the reason why it was given no tools, if so."""

    number: int
    asked_for_tools: bool
    score: float | None
    evidence_changed: bool
    must_answer: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """The convergence score of an answer, and what it is the product of; None where the model asked for tools."""

    confidence_raw: float
    confidence: float
    success_factor: float
    tool_utility: float
    convergence_score: float | None


def score_of(record: TurnRecord, iteration: IterationRecord) -> Score:
    """Score an iteration by what the turn holds so far."""
    spoken = iteration.spoken
    supported = support(spoken.text, evidence_of(record, iteration))
    raw = raw_confidence(own=spoken.confidence, logprobs=spoken.logprobs, support=supported)
    confidence = calibrate(raw, record.calibration)
    success, utility = success_factor(record.tool_uses), tool_utility(record.tool_uses, record.usefulness)
    return Score(
        confidence_raw=raw,
        confidence=confidence,
        success_factor=success,
        tool_utility=utility,
        convergence_score=confidence * success * utility if iteration.is_answer else None,
    )


def evidence_of(record: TurnRecord, iteration: IterationRecord) -> list[str]:
    """Return the texts that an answer rests on: the memories that it cites and the results of tools."""
    cited = set(iteration.spoken.cited)
    memories = [memory for memory in record.shown_by(iteration.number) if memory.id in cited]
    finished = [use.finished for use in record.tool_uses if use.finished and not use.finished.is_error]
    return [
        *(provable_text(memory.text, memory.metadata) for memory in memories),
        *(result.content for result in finished),
    ]


def progress(record: TurnRecord, iteration: IterationRecord) -> float | None:
    """Difference of this answer's score to the best before it, in [-1, 1]; None where there is nothing to compare."""
    judged = [record.iterations[number].judged for number in range(iteration.number + 1)]
    scores = [None if fact is None else fact.convergence_score for fact in judged]
    earlier = [score for score in scores[:-1] if score is not None]
    return None if scores[-1] is None or not earlier else scores[-1] - max(earlier)


def raw_confidence(*, own: float | None, logprobs: Sequence[float], support: float) -> float:
    """The model's own confidence, else the geometric mean of its token probabilities, else the support by evidence.

    In [0, 1], and never a function of length.
    """
    if own is not None:
        return min(1.0, max(0.0, own))
    if logprobs:
        return _geometric_mean(logprobs)
    return support


def calibrate(raw: float, curve: Sequence[Sequence[float]]) -> float:
    """Map a stated confidence to what it has been worth: linear between (stated, calibrated) points; without, `raw`."""
    for (left, low), (right, high) in pairwise(curve):
        if left <= raw <= right:
            share = (raw - left) / (right - left) if right > left else 1.0
            return (1 - share) * low + share * high
    return raw


def success_factor(uses: Sequence[ToolUse]) -> float:
    """Share of the turn's tools whose last call succeeded; denied and unknown count as failed. 1 without tools."""
    last = {use.requested.tool: use.finished for use in uses}
    if not last:
        return 1.0
    return sum(1 for finished in last.values() if finished and finished.status == "ok") / len(last)


def tool_utility(uses: Sequence[ToolUse], usefulness: Mapping[str, float]) -> float:
    """Mean learned usefulness of the turn's tools, in [0, 1]; an unknown tool counts as useful. 1 without tools."""
    tools = sorted({use.requested.tool for use in uses})
    if not tools:
        return 1.0
    return sum(usefulness.get(tool, PRIOR_USEFULNESS) for tool in tools) / len(tools)


def forced_answer(record: TurnRecord, number: int, limits: TurnLimits) -> str | None:
    """Return the reason for which iteration `number` of a turn has to answer without tools; None if it may go on."""
    before = [list(record.iterations[earlier].tools.values()) for earlier in range(number)]
    spent = sum(record.iterations[earlier].tokens for earlier in range(number))
    return must_answer(before, number=number, spent_tokens=spent, limits=limits)


def must_answer(uses: Sequence[Sequence[ToolUse]], *, number: int, spent_tokens: int, limits: TurnLimits) -> str | None:
    """Return the reason for which iteration `number` gets no tools and so has to answer; None if it may go on.

    `uses` are the tool calls of each iteration before it.
    """
    if number + 1 >= limits.max_iterations:
        return "max_iterations"
    if spent_tokens >= limits.turn_tokens:
        return "budget"
    if len(uses) > 1 and uses[-1] and _calls(uses[-1]) == _calls(uses[-2]):
        return "no_progress"
    return None


def exit_reason(assessment: Assessment, limits: TurnLimits) -> str | None:
    """Return the reason for which the turn ends after this iteration; None if it goes on."""
    if assessment.asked_for_tools and assessment.must_answer is None:
        return None  # the model has not seen the results of its tools
    if assessment.number + 1 < limits.min_iterations and assessment.must_answer is None:
        return None
    if assessment.score is not None and assessment.score >= limits.convergence_threshold:
        return "converged"
    if assessment.must_answer is not None and limits.iterates:
        return assessment.must_answer
    return None if assessment.evidence_changed else "final_answer"


def may_refine(
    *, refinements: int, score: float | None, has_no_answer: bool, must_answer: str | None, limits: TurnLimits
) -> bool:
    """Return whether a draft may be revised: once, if it answers without convergence and an iteration is left."""
    settled = has_no_answer or (score is not None and score >= limits.convergence_threshold)
    return limits.refine != "off" and refinements == 0 and must_answer is None and not settled


def _calls(uses: Sequence[ToolUse]) -> list[tuple[str, str]]:
    return sorted((use.requested.tool, json.dumps(use.requested.arguments, sort_keys=True)) for use in uses)


def _geometric_mean(logprobs: Sequence[float]) -> float:
    return exp(sum(logprobs) / len(logprobs))
