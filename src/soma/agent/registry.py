"""The tools that Soma brings: what a capsule may enable by name."""

from pathlib import Path

from soma.agent.memory.forget import Forgetting
from soma.agent.tools.base import Tool
from soma.agent.tools.brain import Signing
from soma.agent.tools.calculator import Calculator
from soma.agent.tools.clock import Clock
from soma.agent.tools.document import Document
from soma.agent.tools.forget import Forget
from soma.agent.tools.recall import Recall
from soma.agent.tools.remember import Remember
from soma.agent.turn.steps.doors import principal_of_context
from soma.brain.client import BrainClient


def native_tools(documents: Path, brain: BrainClient, forgetting: Forgetting, sign: Signing) -> list[Tool]:
    """`documents` is the folder that the agent may read, `sign` names the authors of memories."""
    return [
        Clock(),
        Calculator(),
        Remember(brain, principal_of_context),
        Recall(brain, principal_of_context, sign),
        Document(documents),
        Forget(brain, forgetting, principal_of_context),
    ]
