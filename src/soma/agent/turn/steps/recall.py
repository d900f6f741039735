"""Step 5: recall the memories that the model is shown."""

from msgspec.structs import replace

from soma.agent.language.nothing_to_recall import nothing_to_recall
from soma.agent.language.small_talk import small_talk
from soma.agent.record.citations import brings_support, is_supported
from soma.agent.record.convergence import evidence_of, forced_answer, may_refine, score_of
from soma.agent.record.turn import IterationRecord, TurnRecord
from soma.agent.turn.steps.context import TurnContext, principal_of
from soma.brain.errors import BrainUnavailable
from soma.brain.types import ContextBundle
from soma.brain.wire.requests import Evaluate
from soma.events.facts.turn import BundleBuilt

LONGEST_QUERY = 16_000  # characters: more adds nothing to what is found, and the brain refuses very long ones


async def recall(record: TurnRecord, number: int, query: str, context: TurnContext) -> BundleBuilt:
    """Recall the memories for iteration `number`, by the weights as they are now; none while the brain is away.

    A message that asks for nothing that memory could know gets none either: they would only go out to a provider.
    """
    began = context.clock()
    if nothing_to_recall(query):
        return _empty_bundle(number, query, duration_ms=context.elapsed_ms(began))
    try:
        bundle = await context.brain.evaluate(
            principal_of(record),
            Evaluate(
                conversation_id=record.turn.conversation_id,
                query=query[:LONGEST_QUERY],
                token_budget=record.lanes["memory"],
                at=record.turn.created_at,
                half_life_days=context.half_life_days,
            ),
        )
    except BrainUnavailable as error:
        return _empty_bundle(number, query, duration_ms=context.elapsed_ms(began), degraded=f"{error.code}: {error}")
    memories = await context.sign(record.turn.tenant_id, bundle.memories)
    return _bundle_fact(number, query, replace(bundle, memories=memories), duration_ms=context.elapsed_ms(began))


async def recall_again(record: TurnRecord, iteration: IterationRecord, context: TurnContext) -> BundleBuilt | None:
    """Recall with the draft. Returns the bundle for one more iteration if it holds other evidence, else None."""
    always = context.limits.refine == "always"
    known = iteration.bundle.memories if iteration.bundle else []
    if small_talk(record.turn.content) is not None and not always:
        return None  # a draft of "Goodbye." finds memories, and none tells of anything that was asked
    if not iteration.is_answer or not (known or always) or record.has_evidence_for(iteration.number + 1):
        return None
    drafts = sum(1 for other in record.iterations.values() if other.is_answer and other.number < iteration.number)
    reason = forced_answer(record, iteration.number, context.limits)
    if not may_refine(
        refinements=drafts,
        score=score_of(record, iteration).convergence_score,
        has_no_answer=iteration.has_no_answer,
        must_answer=reason,
        limits=context.limits,
    ):
        return None
    again = await recall(record, iteration.number + 1, f"{record.turn.content}\n{iteration.spoken.text}", context)
    return again if not again.degraded and (always or _is_worth_revising(record, iteration, again)) else None


def _is_worth_revising(record: TurnRecord, iteration: IterationRecord, again: BundleBuilt) -> bool:
    """Return whether to ask for a new answer: the draft is unproven, and new memories speak of what it says.

    Other memories alone are no reason: a longer query finds some for every draft, even for a greeting or a sum.
    """
    draft = iteration.spoken.text
    if is_supported(draft, evidence_of(record, iteration)):
        return False
    shown = record.shown_by(iteration.number)
    known = {memory.id for memory in shown}
    return brings_support(
        [memory.text for memory in again.memories if memory.id not in known],
        draft,
        asked=record.turn.content,
        shown=[memory.text for memory in shown],
    )


def _bundle_fact(number: int, query: str, bundle: ContextBundle, *, duration_ms: float) -> BundleBuilt:
    return BundleBuilt(
        iteration_number=number,
        query=query,
        bundle_id=bundle.bundle_id,
        memories=bundle.memories,
        weights=bundle.weights,
        neuromodulators=bundle.neuromodulators,
        brain_version=bundle.version,
        token_count=bundle.token_count,
        dropped=bundle.dropped,
        duration_ms=duration_ms,
    )


def _empty_bundle(number: int, query: str, *, duration_ms: float, degraded: str | None = None) -> BundleBuilt:
    return BundleBuilt(
        iteration_number=number,
        query=query,
        bundle_id=None,
        memories=[],
        weights={},
        neuromodulators={},
        brain_version=None,
        token_count=0,
        dropped=0,
        duration_ms=duration_ms,
        degraded=degraded,
    )
