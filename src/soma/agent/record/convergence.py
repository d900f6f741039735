"""What an iteration was worth and whether the turn ends (pure): confidence, the three factors, the exit reason."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import exp

from soma.agent.record.turn import ToolUse

PRIOR_USEFULNESS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """When a turn may and must end; recorded with it. Not `iterates` means a single shot: one answer, no tools."""

    iterates: bool
    max_iterations: int
    min_iterations: int
    convergence_threshold: float
    refine: str
    turn_tokens: int
    turn_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a turn stands after an iteration."""

    number: int
    asked_for_tools: bool
    score: float | None
    evidence_changed: bool
    must_answer: str | None


def raw_confidence(*, own: float | None, logprobs: Sequence[float], support: float) -> float:
    """The model's own measure, else its token probabilities (geometric mean), else how well evidence supports it.

    Never a function of length.
    """
    if own is not None:
        return min(1.0, max(0.0, own))
    if logprobs:
        return _geometric_mean(logprobs)
    return support


def calibrated(raw: float, curve: Sequence[Sequence[float]]) -> float:
    """What `raw` has been worth so far: straight lines between (stated, calibrated) points; without points, itself."""
    for (left, low), (right, high) in pairwise(curve):
        if left <= raw <= right:
            share = (raw - left) / (right - left) if right > left else 1.0
            return (1 - share) * low + share * high
    return raw


def success_factor(uses: Sequence[ToolUse]) -> float:
    """Share of the turn's tools whose last call succeeded; denied and unknown count as failed, none as 1."""
    last = {use.requested.tool: use.finished for use in uses}
    if not last:
        return 1.0
    return sum(1 for finished in last.values() if finished and finished.status == "ok") / len(last)


def tool_utility(uses: Sequence[ToolUse], usefulness: Mapping[str, float]) -> float:
    """Mean learned usefulness of the turn's tools in [0, 1]; a tool that nothing is known of counts as useful."""
    tools = sorted({use.requested.tool for use in uses})
    if not tools:
        return 1.0
    return sum(usefulness.get(tool, PRIOR_USEFULNESS) for tool in tools) / len(tools)


def must_answer(uses: Sequence[Sequence[ToolUse]], *, number: int, spent_tokens: int, limits: Limits) -> str | None:
    """Why iteration `number` gets no tools and so has to answer; None if it may go on.

    `uses` are the tool calls of each iteration before it.
    """
    if number + 1 >= limits.max_iterations:
        return "max_iterations"
    if spent_tokens >= limits.turn_tokens:
        return "budget"
    if len(uses) > 1 and uses[-1] and _calls(uses[-1]) == _calls(uses[-2]):
        return "no_progress"
    return None


def exit_reason(standing: Standing, limits: Limits) -> str | None:
    """Why the turn ends after this iteration; None if it goes on."""
    if standing.asked_for_tools and standing.must_answer is None:
        return None  # the model has not seen what its tools said
    if standing.number + 1 < limits.min_iterations and standing.must_answer is None:
        return None
    if standing.score is not None and standing.score >= limits.convergence_threshold:
        return "converged"
    if standing.must_answer is not None and limits.iterates:
        return standing.must_answer
    return None if standing.evidence_changed else "final_answer"


def may_refine(
    *, refinements: int, score: float | None, has_no_answer: bool, must_answer: str | None, limits: Limits
) -> bool:
    """At most one refinement, only of a draft that answers but did not converge, and where an iteration is left."""
    settled = has_no_answer or (score is not None and score >= limits.convergence_threshold)
    return limits.refine != "off" and refinements == 0 and must_answer is None and not settled


def _calls(uses: Sequence[ToolUse]) -> list[tuple[str, str]]:
    return sorted((use.requested.tool, json.dumps(use.requested.arguments, sort_keys=True)) for use in uses)


def _geometric_mean(logprobs: Sequence[float]) -> float:
    return exp(sum(logprobs) / len(logprobs))
