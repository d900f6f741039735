"""Facts of a turn, short to write in tests."""

from typing import Any

from soma.agent.record.turn import TurnHeader
from soma.events.facts.turn import (
    BundleBuilt,
    IterationCompleted,
    IterationJudged,
    ModelResponded,
    RecalledMemory,
    RequestedTool,
    ToolDecided,
    ToolFinished,
    ToolRequested,
    TurnStarted,
)

TURN = TurnHeader(
    id="turn-1",
    tenant_id="acme",
    user_id="ann",
    roles=("member",),
    conversation_id="c1",
    agent_id="soma",
    content="what now?",
    created_at="2026-11-20T10:00:00.000000+00:00",
)
LANES = {"system_policy": 600, "history": 1000, "memory": 1000, "tools": 800, "tool_results": 400, "buffer": 200}


def started(**fields: Any) -> TurnStarted:
    given: dict[str, Any] = {
        "message_id": TURN.question_id, "content": TURN.content, "input_hash": "", "capsule": "soma",
        "capsule_version": 1, "constitution_hash": None, "model": "scripted", "tools": [], "limits": {},
        "lanes": LANES, "level": "L0", "weights": {}, "neuromodulators": {}, "brain_version": 0,
    }  # fmt: skip
    return TurnStarted(**given | fields)


def memory(number: int = 1, text: str = "Miso is a cat", **fields: Any) -> RecalledMemory:
    given: dict[str, Any] = {
        "id": f"m{number}", "key": f"k{number}", "text": text, "score": 0.5, "attention": 0.5, "parts": {}, "views": {}
    }  # fmt: skip
    return RecalledMemory(**given | fields)


def bundle(number: int = 0, *memories: RecalledMemory, **fields: Any) -> BundleBuilt:
    given: dict[str, Any] = {
        "iteration_number": number, "query": TURN.content, "bundle_id": f"b{number}", "memories": list(memories),
        "weights": {}, "neuromodulators": {}, "brain_version": 0, "token_count": 0, "dropped": 0, "duration_ms": 1.0,
    }  # fmt: skip
    return BundleBuilt(**given | fields)


def response(number: int = 0, text: str = "", *calls: str, arguments: Any = None, **fields: Any) -> ModelResponded:
    asked = [
        RequestedTool(call_id=f"{number}.{index}", name=name, arguments=arguments or {})
        for index, name in enumerate(calls)
    ]
    given: dict[str, Any] = {
        "iteration_number": number, "model": "scripted", "text": text, "tool_calls": asked, "finish_reason": "stop",
        "prompt_tokens": 10, "completion_tokens": 5, "confidence": None, "logprobs": [], "cited": [], "attempts": 1,
        "latency_ms": 1.0, "lanes": {}, "prompt_hash": "",
    }  # fmt: skip
    return ModelResponded(**given | fields)


def used(
    number: int, tool: str, *, status: str = "ok", content: str = "done", index: int = 0, arguments: Any = None
) -> list[Any]:
    """The three facts of a tool call that ran."""
    call: dict[str, Any] = {"iteration_number": number, "call_id": f"{number}.{index}", "tool": tool}
    return [
        ToolRequested(**call, arguments=arguments or {}),
        ToolDecided(**call, allow=status != "denied", rule="r", reason="", policy_version="p"),
        ToolFinished(**call, status=status, content=content, is_error=status != "ok", sources=[], duration_ms=2.0),
    ]


def judged(number: int = 0, *, score: float | None = None, exit_reason: str | None = None) -> IterationJudged:
    return IterationJudged(
        iteration_number=number, confidence_raw=score or 0.0, confidence=score or 0.0, success_factor=1.0,
        tool_utility=1.0, convergence_score=score, exit_reason=exit_reason, tools_used=[], tool_outcomes={},
        latency_ms=1.0,
    )  # fmt: skip


def completed(number: int = 0, *, score: float | None = None, exit_reason: str | None = None) -> IterationCompleted:
    return IterationCompleted(
        iteration_number=number, model="scripted", confidence=score or 0.0, convergence_score=score,
        exit_reason=exit_reason, weights_before={}, weights_after={}, weight_deltas={}, neuromodulators_before={},
        neuromodulators_after={}, tools_used=[], latency_ms=1.0, gated=False, learning="success",
    )  # fmt: skip
