"""Steps 9 and 10: learn before the next iteration, and record the iteration whole."""

from msgspec.structs import replace

from soma.agent.record.convergence import progress
from soma.agent.record.turn import IterationRecord, TurnRecord
from soma.agent.turn.steps.context import TurnContext, principal_of
from soma.agent.turn.steps.credit import credit_iteration
from soma.brain.errors import BrainUnavailable
from soma.brain.types import IterationAnswer
from soma.brain.wire.requests import TurnMetrics
from soma.events.facts.base import Neuromodulators, Weights
from soma.events.facts.turn import BundleBuilt, IterationCompleted, IterationJudged


async def learn(
    record: TurnRecord, iteration: IterationRecord, bundle: BundleBuilt, judged: IterationJudged, context: TurnContext
) -> IterationCompleted:
    """Let the brain learn from the observation, and complete the iteration; without a brain learning is skipped."""
    spoken = iteration.spoken
    try:
        learned = await context.brain.publish_turn_metrics(
            principal_of(record),
            TurnMetrics(
                turn_id=record.turn.id,
                iteration_number=iteration.number,
                tools_used=judged.tools_used,
                tool_outcomes=dict(judged.tool_outcomes),
                confidence=judged.confidence,
                raw_confidence=judged.confidence_raw,
                latency_ms=judged.latency_ms,
                weights=bundle.weights,
                neuromodulators=bundle.neuromodulators,
                conversation_id=record.turn.conversation_id,
                bundle_id=bundle.bundle_id,
                cited=tuple(spoken.cited),
                progress=progress(record, iteration),
                cost=spoken.cost,
                tokens=iteration.tokens,
                model=spoken.model,
                extractive=spoken.extractive,
            ),
        )
    except BrainUnavailable:
        learned = _skip_learning(bundle.weights or record.weights, bundle.neuromodulators or record.neuromodulators)
        return _complete(judged, model=spoken.model, learned=learned)
    credit = await credit_iteration(record, iteration, context, is_last=judged.exit_reason is not None)
    return replace(_complete(judged, model=spoken.model, learned=learned), credit=credit)


def _skip_learning(weights: Weights, neuromodulators: Neuromodulators) -> IterationAnswer:
    return IterationAnswer(
        status="skipped",
        weights=weights,
        neuromodulators=neuromodulators,
        weights_before=weights,
        neuromodulators_before=neuromodulators,
        weight_deltas=dict.fromkeys(weights, 0.0),
    )


def _complete(judged: IterationJudged, *, model: str, learned: IterationAnswer) -> IterationCompleted:
    return IterationCompleted(
        iteration_number=judged.iteration_number,
        model=model,
        confidence=judged.confidence,
        convergence_score=judged.convergence_score,
        exit_reason=judged.exit_reason,
        weights_before=learned.weights_before,
        weights_after=learned.weights,
        weight_deltas=learned.weight_deltas,
        neuromodulators_before=learned.neuromodulators_before,
        neuromodulators_after=learned.neuromodulators,
        tools_used=judged.tools_used,
        latency_ms=judged.latency_ms,
        gated=learned.gated,
        learning=learned.status,
        salience=learned.salience,
        learning_rate=learned.learning_rate,
        reward=learned.reward,
        reward_terms=learned.reward_terms,
        brain_version=learned.version,
    )
