"""Step 4: share out the token budget, and record what the turn begins with."""

from hashlib import sha256

import msgspec

from soma.agent.prompt.build import size_of, size_of_tool
from soma.agent.prompt.lanes import budget
from soma.agent.record.turn import Turn, TurnRecord
from soma.agent.turn.steps.doors import Doors, principal_of
from soma.brain.errors import BrainUnavailable
from soma.brain.types import LearnerView
from soma.events.schema import TurnStarted

UNKNOWN = LearnerView(weights={}, neuromodulators={}, version=0, trust=0.0, state_hash="")


async def start(record: TurnRecord, doors: Doors) -> TurnStarted:
    """The capsule, the learner's weights, the shares of the context."""
    turn, degraded = record.turn, None
    try:
        learner = await doors.brain.state(principal_of(record))
    except BrainUnavailable as error:
        learner, degraded = UNKNOWN, f"{error.code}: {error}"
    message_tokens, tools = doors.count(turn.content), doors.tools.specs(doors.tool_k, turn.content)
    shares = budget(
        window=doors.model.context_tokens,
        context_tokens=doors.context_tokens,
        max_output_tokens=doors.max_output_tokens,
        message_tokens=message_tokens,
        needs={
            "system_policy": doors.count(doors.instructions),
            "history": size_of(doors.history, doors.count),
            "tools": sum(size_of_tool(tool, doors.count) for tool in tools),
        },
    )
    return TurnStarted(
        message_id=turn.question_id,
        content=turn.content,
        input_hash=sha256(turn.content.encode()).hexdigest(),
        capsule=turn.agent_id,
        capsule_version=doors.capsule_version,
        constitution_hash=None,
        model=doors.model.name,
        tools=list(doors.tools.names),
        limits=msgspec.to_builtins(doors.limits),
        lanes=shares.lanes,
        level="L0",
        weights=learner.weights,
        neuromodulators=learner.neuromodulators,
        usefulness=learner.usefulness,
        calibration=learner.calibration.get("points", []),
        brain_version=None if degraded else learner.version,
        message_tokens=message_tokens,
        tool_k=doors.tool_k,
        degraded=degraded,
        client_message_id=turn.client_message_id,
        timezone=doors.timezone,
    )


def unbegun(turn: Turn) -> TurnStarted:
    """The first fact of a turn that is cut before it began: only what was asked, for nothing was looked up for it."""
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
