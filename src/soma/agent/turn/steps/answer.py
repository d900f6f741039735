"""Step 11: answer, with the best of the turn or with the reason why there is no answer."""

from hashlib import sha256

from soma.agent.llm.base import FILTERED
from soma.agent.record.citations import citations_of
from soma.agent.record.turn import IterationRecord, TurnRecord
from soma.agent.turn.steps.context import epoch_seconds
from soma.events.facts.turn import TurnComplete

SAID_WITHOUT_ANSWER = {
    "cancelled": "(stopped)",
    "timeout": "I ran out of time before I had an answer. Ask again, or ask for less at once.",
    "no_progress": "I found no answer: I used the same tool again and again, and learned nothing new. Ask another way.",
    "max_iterations": "I found no answer in the steps that a turn may take. Ask again, or ask for less at once.",
    "budget": "I found no answer within the tokens that a turn may use. Ask again, or ask for less at once.",
    "error": "I could not answer: something went wrong. The trace of this turn says what.",
}


def answer(
    record: TurnRecord, reason: str, *, now: float, error: dict[str, str] | None = None, partial: str = ""
) -> TurnComplete:
    """Return the end of the turn with its best answer, else with the text that says why there is none.

    `now` is in seconds since the epoch.
    """
    best = record.best
    content = best.spoken.text if best else partial or SAID_WITHOUT_ANSWER[reason]
    return TurnComplete(
        convergence_score=best.judged.convergence_score if best and best.judged else None,
        exit_reason=reason,
        final_weights=record.weights,
        final_neuromodulators=record.neuromodulators,
        total_iterations=len(record.completions),
        output_hash=sha256(content.encode()).hexdigest(),
        message_id=record.turn.answer_id,
        content=content,
        answer_iteration=best.number if best else None,
        citations=citations_of(best.spoken.text, record.shown_by(best.number)) if best else [],
        prompt_tokens=sum(response.prompt_tokens for response in record.responses),
        completion_tokens=sum(response.completion_tokens for response in record.responses),
        latency_ms=max(0.0, (now - epoch_seconds(record.turn.created_at)) * 1000),
        error=error,
        finish_reason=best.spoken.finish_reason if best else None,
        note=_note(best) if best else None,
    )


def _note(best: IterationRecord) -> str | None:
    """Return a note for the reader of an answer that was cut."""
    if not best.is_cut:
        return None
    if best.spoken.finish_reason == FILTERED:
        return "The answer is not whole: the provider's content filter cut it."
    tokens = best.spoken.completion_tokens
    return f"The answer is not whole: it was cut at {tokens:,} tokens. Ask for less at once, or for the rest."
