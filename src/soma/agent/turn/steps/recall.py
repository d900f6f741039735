"""Step 5: recall the memories that the model is shown."""

from msgspec.structs import replace

from soma.agent.language.nothing_to_recall import nothing_to_recall
from soma.agent.language.small_talk import small_talk
from soma.agent.record.citations import brings_support, is_supported
from soma.agent.record.convergence import evidence_of, forced_answer, may_refine, score_of
from soma.agent.record.turn import IterationRecord, TurnRecord
from soma.agent.turn.steps.doors import Doors, principal_of
from soma.brain.errors import BrainUnavailable
from soma.brain.types import ContextBundle
from soma.events.schema import BundleBuilt, ShownMemory

LONGEST_QUERY = 16_000  # characters: more adds nothing to what is found, and the brain refuses very long ones


async def recall(record: TurnRecord, number: int, query: str, doors: Doors) -> BundleBuilt:
    """The memories for iteration `number`, chosen by the weights as they are now; none while the brain is away.

    Of a message that asks for nothing that memory could know, none either: they would only go out to a provider.
    """
    began = doors.clock()
    if nothing_to_recall(query):
        return _empty(number, query, duration_ms=doors.elapsed_ms(began))
    try:
        bundle = await doors.brain.evaluate(
            principal_of(record),
            conversation_id=record.turn.conversation_id,
            query=query[:LONGEST_QUERY],
            token_budget=record.lanes["memory"],
            at=record.turn.created_at,
            half_life_days=doors.half_life_days,
        )
    except BrainUnavailable as error:
        return _empty(number, query, duration_ms=doors.elapsed_ms(began), degraded=f"{error.code}: {error}")
    memories = await doors.sign(record.turn.tenant_id, bundle.memories)
    return _built(number, query, replace(bundle, memories=memories), duration_ms=doors.elapsed_ms(began))


async def look_again(record: TurnRecord, iteration: IterationRecord, doors: Doors) -> BundleBuilt | None:
    """Recall with the draft: the bundle for one more iteration if it finds other evidence, else None."""
    always = doors.limits.refine == "always"
    known = iteration.bundle.memories if iteration.bundle else []
    if small_talk(record.turn.content) is not None and not always:
        return None  # a draft of "Goodbye." finds memories, and none tells of anything that was asked
    if not iteration.is_answer or not (known or always) or record.has_evidence_for(iteration.number + 1):
        return None
    drafts = sum(1 for other in record.iterations.values() if other.is_answer and other.number < iteration.number)
    reason = forced_answer(record, iteration.number, doors.limits)
    if not may_refine(
        refinements=drafts,
        score=score_of(record, iteration).convergence_score,
        has_no_answer=iteration.has_no_answer,
        must_answer=reason,
        limits=doors.limits,
    ):
        return None
    again = await recall(record, iteration.number + 1, f"{record.turn.content}\n{iteration.spoken.text}", doors)
    return again if not again.degraded and (always or _helps(record, iteration, again)) else None


def _helps(record: TurnRecord, iteration: IterationRecord, again: BundleBuilt) -> bool:
    """Whether it is worth asking for a whole answer anew: the draft is unproven, and new memories tell of what it says.

    Other memories alone are no reason: a longer query finds some for every draft, a greeting and a sum among them.
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


def _built(number: int, query: str, bundle: ContextBundle, *, duration_ms: float) -> BundleBuilt:
    return BundleBuilt(
        iteration_number=number,
        query=query,
        bundle_id=bundle.bundle_id,
        memories=[
            ShownMemory(
                id=memory.id,
                key=memory.key,
                text=memory.text,
                score=memory.score,
                attention=memory.attention,
                parts=memory.parts,
                views=memory.views,
                occurred_at=memory.occurred_at,
                source=memory.source,
                metadata=memory.metadata,
                author=memory.author,
                taught=memory.taught,
                similarity=memory.similarity,
            )
            for memory in bundle.memories
        ],
        weights=bundle.weights,
        neuromodulators=bundle.neuromodulators,
        brain_version=bundle.version,
        token_count=bundle.token_count,
        dropped=bundle.dropped,
        duration_ms=duration_ms,
    )


def _empty(number: int, query: str, *, duration_ms: float, degraded: str | None = None) -> BundleBuilt:
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
