"""Step 7: use tools under policy. Intent before verdict, verdict before run, each recorded."""

import asyncio
from collections.abc import AsyncGenerator

from soma.agent.llm.base import ToolCall
from soma.agent.policy import Verdict
from soma.agent.record.turn import IterationRecord, TurnFact, TurnRecord
from soma.agent.tools.base import ToolContext
from soma.agent.tools.taint import TaintChecker
from soma.agent.tools.toolset import ToolOutcome
from soma.agent.turn.steps.context import TurnContext
from soma.agent.turn.steps.outside import gather_outside, own_messages
from soma.agent.turn.steps.proposal import Grant, find_grant
from soma.events.facts.turn import ToolDecided, ToolFinished, ToolRequested

LOST = ToolOutcome(
    status="unknown",
    content="The outcome is unknown: the server stopped while the tool was running. It was not run again.",
    is_error=True,
)
CUT = "not run: your answer was cut off, so this call may not be whole. Ask again, and shorter."


async def use_tools(record: TurnRecord, iteration: IterationRecord, context: TurnContext) -> AsyncGenerator[TurnFact]:
    """Run the tools that the model asked for. Results come as they finish; one that a crash has lost is `unknown`."""
    calls = _calls(iteration)
    for call in calls:
        if call.call_id not in iteration.tools:
            yield ToolRequested(
                iteration_number=iteration.number, call_id=call.call_id, tool=call.name, arguments=call.arguments
            )
    if not calls:
        return
    grant = await find_grant(record, context)
    outside, own = await gather_outside(record, context), own_messages(record, context)
    for call in calls:
        use = iteration.tools[call.call_id]
        if use.finished is None and use.decided is None:
            tool_context = _context(record, iteration, call, grant, own)
            yield await _decide(record, call, tool_context, context, outside)
        if use.finished is None and call.call_id in record.interrupted and not context.tools.is_idempotent(call.name):
            yield _finish(iteration, call, LOST)
    running = [
        asyncio.ensure_future(_run(iteration, call, _context(record, iteration, call, grant, own), decided, context))
        for call in calls
        if iteration.tools[call.call_id].finished is None and (decided := iteration.tools[call.call_id].decided)
    ]
    try:
        for result in asyncio.as_completed(running):
            yield await result
    finally:
        for task in running:
            task.cancel()


async def _decide(
    record: TurnRecord, call: ToolCall, tool_context: ToolContext, context: TurnContext, outside: TaintChecker
) -> ToolDecided | ToolFinished:
    """Ask the policy about a call, with its taint; a malformed call, or one that was cut, ends before that.

    The other calls of the turn are read with it, so that a text that is split over two calls is recognised too.
    """
    iteration = record.iterations[tool_context.iteration_number]
    if (problem := CUT if iteration.is_cut else context.tools.check(call)) is not None:
        return _finish(iteration, call, ToolOutcome(status="invalid", content=problem, is_error=True))
    beside = [use.requested.arguments or {} for use in record.tool_uses if use.requested.call_id != call.call_id]
    taint = await asyncio.to_thread(outside.taint_of, call.arguments or {}, beside)
    verdict = await context.tools.decide(call, tool_context, taint)
    return ToolDecided(
        iteration_number=tool_context.iteration_number,
        call_id=call.call_id,
        tool=call.name,
        allow=verdict.allow,
        rule=verdict.rule,
        reason=verdict.reason,
        policy_version=verdict.policy_version,
        taint=list(taint.arguments),
        taint_sources=list(taint.sources),
    )


async def _run(
    iteration: IterationRecord, call: ToolCall, tool_context: ToolContext, decided: ToolDecided, context: TurnContext
) -> ToolFinished:
    outcome = await context.tools.run(call, tool_context, _verdict(decided))
    return _finish(iteration, call, outcome)


def _finish(iteration: IterationRecord, call: ToolCall, outcome: ToolOutcome) -> ToolFinished:
    return ToolFinished(
        iteration_number=iteration.number,
        call_id=call.call_id,
        tool=call.name,
        status=outcome.status,
        content=outcome.content,
        is_error=outcome.is_error,
        sources=list(outcome.sources),
        duration_ms=outcome.duration_ms,
        proposed=[list(group) for group in outcome.proposed],
    )


def _calls(iteration: IterationRecord) -> list[ToolCall]:
    return [
        ToolCall(call_id=call.call_id, name=call.name, arguments=call.arguments, raw=call.raw)
        for call in iteration.spoken.tool_calls
    ]


def _verdict(decided: ToolDecided) -> Verdict:
    return Verdict(allow=decided.allow, rule=decided.rule, reason=decided.reason, policy_version=decided.policy_version)


def _context(
    record: TurnRecord, iteration: IterationRecord, call: ToolCall, grant: Grant, own: tuple[str, ...]
) -> ToolContext:
    turn, decided = record.turn, iteration.tools[call.call_id].decided
    return ToolContext(
        tenant_id=turn.tenant_id,
        user_id=turn.user_id,
        agent_id=turn.agent_id,
        conversation_id=turn.conversation_id,
        turn_id=turn.id,
        iteration_number=iteration.number,
        call_id=call.call_id,
        role=turn.role,
        said=own,
        sources=tuple(decided.taint_sources) if decided else (),
        confirmed=grant.memories,
        earlier_turns=grant.turns,
        proposed_for=grant.what,
    )
