"""Step 6: ask the model once, and stream its answer."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import msgspec

from soma.agent.language.requests_to_forget import orders_to_forget
from soma.agent.llm.base import (
    CUT,
    CUT_AT_LENGTH,
    FILTERED,
    Delta,
    ModelError,
    ModelResponse,
    ModelUnavailable,
    TextDelta,
    ThoughtEnded,
    gather,
)
from soma.agent.metrics import model_failures_total
from soma.agent.prompt.build import Material, Prompt, build_prompt, fence_of, seed_of
from soma.agent.record.citations import cited_in
from soma.agent.record.convergence import forced_answer
from soma.agent.record.turn import IterationRecord, TurnFact, TurnRecord
from soma.agent.turn.steps.context import TurnContext
from soma.agent.turn.steps.proposal import FORGET, ForgetProposal, find_proposal
from soma.events.facts.turn import DraftReplaced, ModelResponded, RecalledMemory, RequestedTool

BACKOFF_SECONDS = 0.5  # before a model is tried again, doubled each time


async def ask_model(
    record: TurnRecord, iteration: IterationRecord, context: TurnContext
) -> AsyncGenerator[TurnFact | TextDelta]:
    """Stream the model's answer; it counts only when it is whole."""
    prompt = await _build_prompt(record, iteration, context)
    if (reason := _replace_reason(record, iteration)) is not None:
        yield DraftReplaced(iteration_number=iteration.number, reason=reason)
    for attempt in range(1, context.model_retries + 2):
        began, deltas = context.clock(), list[Delta]()
        try:
            async with aclosing(context.model.stream(prompt.request)) as stream:
                async for delta in stream:
                    deltas.append(delta)
                    if isinstance(delta, TextDelta):
                        yield delta
                    elif isinstance(delta, ThoughtEnded):
                        yield DraftReplaced(iteration_number=iteration.number, reason="thought")
            response = _check_whole(gather(deltas), prompt, context)
        except ModelError as error:
            model_failures_total.labels(error.code).inc()
            wait = _seconds_to_wait(error, attempt, context)
            if any(isinstance(delta, TextDelta) for delta in deltas):
                yield DraftReplaced(iteration_number=iteration.number, reason=error.code)
            await asyncio.sleep(wait)
        else:
            memories = record.shown_by(iteration.number)
            took = context.elapsed_ms(began)
            yield _responded_fact(iteration, context, response, prompt, memories, attempts=attempt, latency_ms=took)
            return


def _seconds_to_wait(error: ModelError, attempt: int, context: TurnContext) -> float:
    """Seconds before the model is tried again. Raises the error where a try is of no use or the turn ends before it."""
    if not isinstance(error, ModelUnavailable) or attempt > context.model_retries:
        raise error
    wait = error.retry_after or BACKOFF_SECONDS * 2 ** (attempt - 1)
    if wait < context.until - context.clock():
        return wait
    if error.retry_after is None:
        raise error
    raise ModelUnavailable(f"{error}; it asks to wait {wait:,.0f} s, longer than a turn may take") from error


async def _build_prompt(record: TurnRecord, iteration: IterationRecord, context: TurnContext) -> Prompt:
    forced = forced_answer(record, iteration.number, context.limits)
    tool_k = context.tool_k if record.tool_k is None else record.tool_k
    withheld, proposal = await context.withheld(record), await _open_proposal(record, context)
    first = FORGET if proposal or orders_to_forget(record.turn.content) else None
    material = Material(
        instructions=context.instructions,
        message=record.turn.content,
        asked_at=record.turn.created_at,
        timezone=record.timezone,
        fence=fence_of(record.turn.id),
        history=[exchange for exchange in context.history if exchange.turn_id not in withheld.turns],
        withheld=withheld.memories,
        corrects=record.corrects,
        pending=proposal.instruction(record.turn.content) if proposal else "",
        iterations=[record.iterations[number] for number in range(iteration.number + 1)],
        tools=() if forced else context.tools.specs(tool_k, record.turn.content, first=first),
        lanes=record.lanes,
        seed=seed_of(record.turn.id, iteration.number),
        max_output_tokens=context.max_output_tokens,
    )
    return build_prompt(material, context.count)


async def _open_proposal(record: TurnRecord, context: TurnContext) -> ForgetProposal | None:
    """Return the proposal to forget that waits for the user's yes, until it is settled in this turn."""
    is_settled = any(use.requested.tool == FORGET for use in record.tool_uses)
    return None if is_settled else await find_proposal(context)


def _replace_reason(record: TurnRecord, iteration: IterationRecord) -> str | None:
    """Return why text that a client may be showing no longer stands; None where it stands."""
    before = record.iterations.get(iteration.number - 1)
    if before is not None and before.spoken.text:
        return "refined" if before.is_answer else "continued"
    return "restarted" if record.restarted == iteration.number else None


def _check_whole(response: ModelResponse, prompt: Prompt, context: TurnContext) -> ModelResponse:
    """Return the response without calls where no tool was offered. Raises ModelError where nothing is left of it.

    A model that only calls tools in the last iteration of a loop has not failed: the turn ends with the reason for
    which the iteration was the last.
    """
    if response.finish_reason == CUT:
        raise ModelUnavailable("the model broke off in the middle of its answer")
    asked = bool(response.tool_calls)
    if not prompt.request.tools:
        response = msgspec.structs.replace(response, tool_calls=())
    is_silent = not response.text.strip() and not response.tool_calls
    if is_silent and not (asked and context.limits.iterates):
        raise ModelError(_describe_silence(response))
    return response


def _describe_silence(response: ModelResponse) -> str:
    if response.finish_reason == FILTERED:
        return "the provider's content filter kept the answer back"
    did = "the model only reasoned and gave no answer" if response.has_thought else "the model ended without an answer"
    cut = response.finish_reason == CUT_AT_LENGTH
    return f"{did}: it used up the tokens it may use for one (SOMA_MAX_OUTPUT_TOKENS)" if cut else did


def _responded_fact(
    iteration: IterationRecord,
    context: TurnContext,
    response: ModelResponse,
    prompt: Prompt,
    memories: Sequence[RecalledMemory],
    *,
    attempts: int,
    latency_ms: float,
) -> ModelResponded:
    usage = response.usage
    return ModelResponded(
        iteration_number=iteration.number,
        model=context.model.name,
        text=response.text,
        tool_calls=[
            RequestedTool(
                call_id=f"{iteration.number}.{index}", name=call.name, arguments=call.arguments, raw=call.raw
            )  # our own ids: providers repeat theirs or leave them out
            for index, call in enumerate(response.tool_calls)
        ],
        finish_reason=response.finish_reason,
        prompt_tokens=usage.input_tokens if usage else prompt.tokens,
        completion_tokens=usage.output_tokens if usage else _count_tokens(response, context),
        confidence=response.confidence,
        logprobs=list(response.logprobs),
        cited=cited_in(response.text, memories),
        attempts=attempts,
        latency_ms=latency_ms,
        lanes=prompt.lanes,
        prompt_hash=prompt.hash,
        cost=usage.cost if usage else None,
        extractive=response.extractive,
    )


def _count_tokens(response: ModelResponse, context: TurnContext) -> int:
    """Count the tokens of an answer whose provider does not count them."""
    return sum(context.count(text) for text in (response.text, *(call.raw for call in response.tool_calls)) if text)
