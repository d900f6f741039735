"""The context of a call in the tests of tools."""

from soma.agent.tools.base import ToolContext

CONTEXT = ToolContext(
    tenant_id="t1",
    user_id="u1",
    agent_id="a1",
    conversation_id="c1",
    turn_id="turn1",
    iteration_number=0,
    call_id="call1",
)
