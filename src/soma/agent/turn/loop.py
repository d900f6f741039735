"""The loop, steps 4 to 11: one message in, typed facts and deltas out.

Its driver commits each fact and applies it to the record before it asks for the next, so a fact that was yielded is
durable when the loop goes on. What the record already holds is not done again: a turn resumes where its log ends.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from soma.agent.llm.base import TextDelta
from soma.agent.record.turn import TurnFact, TurnRecord
from soma.agent.turn.steps.answer import answer
from soma.agent.turn.steps.ask import ask_model
from soma.agent.turn.steps.context import TurnContext
from soma.agent.turn.steps.judge import judge
from soma.agent.turn.steps.learn import learn
from soma.agent.turn.steps.recall import recall, recall_again
from soma.agent.turn.steps.start import start
from soma.agent.turn.steps.use_tools import use_tools

Step = TurnFact | TextDelta


async def run_turn(record: TurnRecord, context: TurnContext) -> AsyncGenerator[Step]:
    """Answer one message: iterate, learning after each iteration, until there is a reason to stop."""
    if record.started is None:
        yield await start(record, context)
    while (reason := record.exit_reason) is None:
        iteration = record.current
        if (bundle := iteration.bundle) is None:
            bundle = await recall(record, iteration.number, record.turn.content, context)
            yield bundle
        if iteration.response is None:
            async with aclosing(ask_model(record, iteration, context)) as speech:
                async for piece in speech:
                    yield piece
        async with aclosing(use_tools(record, iteration, context)) as facts:
            async for fact in facts:
                yield fact
        if (judged := iteration.judged) is None:
            if (evidence := await recall_again(record, iteration, context)) is not None:
                yield evidence
            judged = judge(record, iteration, context)
            yield judged
        yield await learn(record, iteration, bundle, judged, context)
    yield answer(record, reason, now=context.clock())
