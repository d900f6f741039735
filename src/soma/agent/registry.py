"""The tools that come with Soma: a capsule enables them by name."""

from pathlib import Path

from soma.agent.memory.forget import Forgetting
from soma.agent.tools.base import Tool, ToolContext
from soma.agent.tools.brain import AuthorSigner
from soma.agent.tools.calculator import CalculatorTool
from soma.agent.tools.clock import ClockTool
from soma.agent.tools.document import DocumentTool
from soma.agent.tools.forget.tool import ForgetTool
from soma.agent.tools.recall import RecallTool
from soma.agent.tools.remember import RememberTool
from soma.brain.client import BrainClient
from soma.brain.types import Principal


def native_tools(documents: Path, brain: BrainClient, forgetting: Forgetting, sign: AuthorSigner) -> list[Tool]:
    """Make the tools. `documents` is the folder that the agent may read, `sign` names the authors of memories."""
    return [
        ClockTool(),
        CalculatorTool(),
        RememberTool(brain, _principal_of),
        RecallTool(brain, _principal_of, sign),
        DocumentTool(documents),
        ForgetTool(brain, forgetting, _principal_of),
    ]


def _principal_of(context: ToolContext) -> Principal:
    return Principal(tenant_id=context.tenant_id, user_id=context.user_id, agent_id=context.agent_id, role=context.role)
