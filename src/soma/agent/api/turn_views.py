"""Views of a turn as REST shows them: its trace, its messages, its receipt."""

from typing import Any

import msgspec
from django.forms.models import model_to_dict

from soma.agent.models import Message, Receipt
from soma.agent.record.turn import IterationRecord, ToolUse, TurnRecord

SHORT = 500  # characters of a message, unless the whole is asked for


def trace_of(
    record: TurnRecord, *, messages: list[Message] | None, full: bool, receipt: Receipt | None
) -> dict[str, Any]:
    """Return everything that was decided in a turn, and why."""
    started, complete = record.started, record.complete
    return {
        "turn_id": record.turn.id,
        "conversation_id": record.turn.conversation_id,
        "content": record.turn.content,
        "created_at": record.turn.created_at,
        "total_iterations": len(record.completions),
        "exit_reason": complete.exit_reason if complete else None,
        "convergence_score": complete.convergence_score if complete else None,
        "answer_iteration": complete.answer_iteration if complete else None,
        "answer": complete.content if complete else None,
        "citations": complete.citations if complete else [],
        "error": complete.error if complete else None,
        "finish_reason": complete.finish_reason if complete else None,
        "note": complete.note if complete else None,
        "degraded": started.degraded if started else None,
        "model": started.model if started else None,
        "latency_ms": complete.latency_ms if complete else None,
        "unreadable": [str(event) for event in record.unreadable],
        "credit": _credit(record),
        "iterations": [_iteration(record.iterations[number]) for number in sorted(record.iterations)],
        "messages": None if messages is None else [message_view(message, full=full) for message in messages],
        "receipt": receipt_view(receipt) if receipt else None,
    }


def _credit(record: TurnRecord) -> list[dict[str, Any]]:
    """Return what happened in the turn to answers that nobody judged, and what was learned of it."""
    began = record.started.credit if record.started else []
    return [*began, *(one for done in record.completions for one in done.credit)]


def message_view(message: Message, *, full: bool = True) -> dict[str, Any]:
    text = message.parts[0]["text"]
    return {
        "id": message.id,
        "turn_id": message.turn_id,
        "role": message.role,
        "content": text if full else text[:SHORT],
        "parts": message.parts if full else None,
        "note": message.parts[0].get("note"),
        "token_count": message.token_count,
        "latency_ms": message.latency_ms,
        "model": message.model,
        "answer_iteration": message.answer_iteration,
        "created_at": message.created_at.isoformat(),
    }


def receipt_view(receipt: Receipt) -> dict[str, Any]:
    return {**model_to_dict(receipt), "at": receipt.at.isoformat()}


def _iteration(iteration: IterationRecord) -> dict[str, Any]:
    bundle, spoken, judged, done = iteration.bundle, iteration.response, iteration.judged, iteration.completed
    return {
        "iteration_number": iteration.number,
        "state": "complete" if done else "running",
        "recalled": msgspec.to_builtins(bundle) if bundle else None,
        "content": spoken.text if spoken else None,
        "model": spoken.model if spoken else None,
        "finish_reason": spoken.finish_reason if spoken else None,
        "prompt_tokens": spoken.prompt_tokens if spoken else 0,
        "completion_tokens": spoken.completion_tokens if spoken else 0,
        "model_latency_ms": spoken.latency_ms if spoken else None,
        "attempts": spoken.attempts if spoken else 0,
        "lanes": spoken.lanes if spoken else {},
        "cited": spoken.cited if spoken else [],
        "tools": [_tool(use) for use in iteration.tools.values()],
        "judged": msgspec.to_builtins(judged) if judged else None,
        "learned": msgspec.to_builtins(done) if done else None,
    }


def _tool(use: ToolUse) -> dict[str, Any]:
    decided, finished = use.decided, use.finished
    return {
        "call_id": use.requested.call_id,
        "tool": use.requested.tool,
        "arguments": use.requested.arguments,
        "verdict": msgspec.to_builtins(decided) if decided else None,
        "result": msgspec.to_builtins(finished) if finished else None,
    }
