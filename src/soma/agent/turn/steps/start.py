"""Step 4: share out the token budget, and record what the turn begins with."""

from hashlib import sha256

import msgspec

from soma.agent.prompt.build import size_of_tool
from soma.agent.prompt.history import size_of_history
from soma.agent.prompt.lanes import budget
from soma.agent.record.turn import TurnHeader, TurnRecord
from soma.agent.turn.steps.context import TurnContext, principal_of
from soma.agent.turn.steps.credit import credit_correction
from soma.brain.errors import BrainUnavailable
from soma.brain.types import LearnerView
from soma.events.facts.turn import TurnStarted

UNKNOWN = LearnerView(weights={}, neuromodulators={}, version=0, trust=0.0, state_hash="")


async def start(record: TurnRecord, context: TurnContext) -> TurnStarted:
    """Record the capsule, the learner's weights, the shares of the token budget, and what the message corrects."""
    turn, degraded = record.turn, None
    try:
        learner = await context.brain.state(principal_of(record))
    except BrainUnavailable as error:
        learner, degraded = UNKNOWN, f"{error.code}: {error}"
    credit = [] if degraded else await credit_correction(record, context)
    message_tokens, tools = context.count(turn.content), context.tools.specs(context.tool_k, turn.content)
    shares = budget(
        window=context.model.context_tokens,
        context_tokens=context.context_tokens,
        max_output_tokens=context.max_output_tokens,
        message_tokens=message_tokens,
        needs={
            "system_policy": context.count(context.instructions),
            "history": size_of_history(context.history, context.count),
            "tools": sum(size_of_tool(tool, context.count) for tool in tools),
        },
    )
    return TurnStarted(
        message_id=turn.question_id,
        content=turn.content,
        input_hash=sha256(turn.content.encode()).hexdigest(),
        capsule=turn.agent_id,
        capsule_version=context.capsule_version,
        constitution_hash=None,
        model=context.model.name,
        tools=list(context.tools.names),
        limits=msgspec.to_builtins(context.limits),
        lanes=shares.lanes,
        level="L0",
        weights=learner.weights,
        neuromodulators=learner.neuromodulators,
        usefulness=learner.usefulness,
        calibration=learner.calibration.get("points", []),
        brain_version=None if degraded else learner.version,
        message_tokens=message_tokens,
        tool_k=context.tool_k,
        degraded=degraded,
        client_message_id=turn.client_message_id,
        timezone=context.timezone,
        credit=credit,
    )


def minimal_start(turn: TurnHeader) -> TurnStarted:
    """Return the first fact of a turn that ends before it began: the question alone, nothing was looked up for it."""
    return TurnStarted(
        message_id=turn.question_id,
        content=turn.content,
        input_hash=sha256(turn.content.encode()).hexdigest(),
        capsule=turn.agent_id,
        capsule_version=0,
        constitution_hash=None,
        model="",
        tools=[],
        limits={"iterates": False},
        lanes={},
        level="L0",
        weights={},
        neuromodulators={},
        brain_version=None,
        client_message_id=turn.client_message_id,
    )
