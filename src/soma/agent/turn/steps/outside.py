"""Texts from outside a turn and words of its user: what the arguments of a tool are compared with."""

from soma.agent.record.sources import sources_of
from soma.agent.record.turn import TurnRecord
from soma.agent.tools.taint import TaintChecker
from soma.agent.turn.steps.context import TurnContext


async def gather_outside(record: TurnRecord, context: TurnContext) -> TaintChecker:
    """Gather what this turn has seen, and what earlier turns saw whose answers the model still reads and may repeat."""
    earlier = await context.shown_before()
    written = [use.requested.arguments or {} for use in record.tool_uses if use.decided and not use.decided.taint]
    sources = [*sources_of(record, context.tools.computing), *earlier]
    return TaintChecker(sources, own_messages(record, context), written)


def own_messages(record: TurnRecord, context: TurnContext) -> tuple[str, ...]:
    """Return the user's own words: this turn's message, and earlier ones that the model still reads."""
    return (record.turn.content, *(exchange.user for exchange in context.history))
