"""Credit that nobody has to give: the agent tells the brain what happened, and the brain decides what it teaches.

A turn never fails because of it. What came of a report is part of the record of the turn that made it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from soma.agent.language.chat_corrections import answered_question, is_only_a_denial, right_value_in
from soma.agent.language.consent import begins_a_no, begins_a_yes
from soma.agent.language.hidden import without_hidden
from soma.agent.language.not_knowing import tells_nothing
from soma.agent.language.requests_to_forget import asks_to_forget, orders_to_forget
from soma.agent.language.small_talk import small_talk
from soma.agent.language.speech import is_bare_name, is_question, is_request
from soma.agent.language.statements import statement_key
from soma.agent.language.words import sentences
from soma.agent.prompt.history import Exchange
from soma.agent.record.turn import IterationRecord, TurnRecord
from soma.agent.turn.steps.context import TurnContext, principal_of
from soma.agent.turn.steps.outside import own_messages
from soma.brain.errors import BrainError
from soma.brain.types import LONGEST_CORRECTION
from soma.brain.wire.requests import Correction, Credit, CreditSource, SecondAnswer

OF_MEMORY = frozenset({"remember", "recall", "forget"})  # tools whose arguments are about memories, and prove none
LONGEST_WORDS = 16_000  # characters of the arguments of tools, or of a question
LONGEST_SAID = 65_536  # characters of one message of the person, as the brain takes them
MOST_SAID = 200  # messages of the person
LOOKED_BACK = 3  # exchanges before the question that was asked again

Outcome = dict[str, Any]


async def credit_correction(record: TurnRecord, context: TurnContext) -> list[Outcome]:
    """Report that the message corrects the answer before it, if it says what is right."""
    before = find_answer_before(context.history)
    if before is None:
        return []
    earlier, is_unanswered = await _read_answer(before, "corrected_in_chat", context)
    is_unanswered = is_unanswered or _is_denied(context.history[-1])
    said = without_hidden(record.turn.content)
    stated = right_value_in(said, before.user, before.assistant, is_unanswered=is_unanswered)
    if earlier is None or stated is None:
        return []
    text = answered_question(before.user, stated)[:LONGEST_CORRECTION]
    correction = Correction(text=text, key=statement_key(text, record.turn.created_at))
    return await _report(record, context, replace(earlier, words=stated, correction=correction))


def find_answer_before(history: Sequence[Exchange]) -> Exchange | None:
    """Return the exchange whose answer a message may correct: between the two may stand other corrections only."""
    for exchange in reversed(history[-LOOKED_BACK:]):
        if _was_answered(exchange):
            return exchange
        if not (_is_denied(exchange) or begins_a_no(exchange.user)):
            return None
    return None


def _is_denied(exchange: Exchange) -> bool:
    """Return whether the person only denied an answer, so that what is right may follow plainly."""
    return is_only_a_denial(exchange.user)


async def credit_iteration(
    record: TurnRecord, iteration: IterationRecord, context: TurnContext, *, is_last: bool
) -> list[Outcome]:
    """Report the tools of an iteration that worked; at the end of a turn, that its question was asked before."""
    found = await _credit_tools(record, iteration, context)
    return [*found, *(await _credit_asked_again(record, context) if is_last else [])]


async def _credit_tools(record: TurnRecord, iteration: IterationRecord, context: TurnContext) -> list[Outcome]:
    bundle = iteration.bundle
    worked = [
        use.requested.arguments
        for use in iteration.tools.values()
        if use.finished and use.finished.status == "ok" and use.requested.tool not in OF_MEMORY
    ]
    given = words_of(worked)[:LONGEST_WORDS]
    if bundle is None or bundle.bundle_id is None or not bundle.memories or not given.strip():
        return []
    return await _report(
        record,
        context,
        Credit(
            conversation_id=record.turn.conversation_id,
            source="used_by_tool",
            bundle_id=bundle.bundle_id,
            turn_id=record.turn.id,
            words=given,
            said=tuple(text[:LONGEST_SAID] for text in own_messages(record, context)[:MOST_SAID] if text),
        ),
    )


async def _credit_asked_again(record: TurnRecord, context: TurnContext) -> list[Outcome]:
    second, best = _first_bundle(record), record.best
    before = find_question_before(record.turn.content, context.history)
    if before is None or second is None or best is None or not best.spoken.cited:
        return []
    earlier, _ = await _read_answer(before, "asked_again", context)
    if earlier is None:
        return []
    again = SecondAnswer(bundle_id=second, used=tuple(best.spoken.cited))
    return await _report(record, context, replace(earlier, again=again))


def find_question_before(message: str, history: Sequence[Exchange]) -> Exchange | None:
    """Return the exchange whose question `message` may ask again; None where nothing was asked, or all was well.

    Between the two may stand denials only: after a yes or thanks, a question is a new one.
    """
    if not _asks(message) or begins_a_yes(message) or asks_to_forget(message):
        return None
    for exchange in reversed(history[-LOOKED_BACK:]):
        if _asks(exchange.user):
            return None if orders_to_forget(exchange.user) else exchange
        if not begins_a_no(exchange.user):
            return None
    return None


def words_of(arguments: Any) -> str:
    """Return all texts and numbers in the arguments of calls, one a line; the names of arguments are none."""
    if isinstance(arguments, str):
        return arguments
    if isinstance(arguments, Mapping):
        return "\n".join(filter(None, map(words_of, arguments.values())))
    if isinstance(arguments, Sequence):
        return "\n".join(filter(None, map(words_of, arguments)))
    return "" if arguments is None or isinstance(arguments, bool) else str(arguments)


def _asks(message: str) -> bool:
    if small_talk(message) is not None:
        return False
    return any(is_question(one) or is_request(one) or is_bare_name(one) for one in sentences(message))


def _was_answered(exchange: Exchange) -> bool:
    """Return whether an exchange is a question and its answer, and not one in which the agent asked back."""
    return _asks(exchange.user) and not orders_to_forget(exchange.user) and not is_question(exchange.assistant)


async def _read_answer(exchange: Exchange, source: CreditSource, context: TurnContext) -> tuple[Credit | None, bool]:
    """Return what happened to the answer of an earlier exchange, as a report that its caller completes; and whether it
    told nothing.

    None where nothing was recalled for it, or where it has no answer.
    """
    record = await context.turn_before(exchange.turn_id)
    bundle_id, best = _first_bundle(record), record.best
    if bundle_id is None or best is None:
        return None, True
    happened = Credit(
        conversation_id=record.turn.conversation_id,
        source=source,
        bundle_id=bundle_id,
        turn_id=record.turn.id,
        question=exchange.user[:LONGEST_WORDS],
        used=tuple(best.spoken.cited),
    )
    return happened, best.has_no_answer or tells_nothing(exchange.assistant)


def _first_bundle(record: TurnRecord) -> str | None:
    """Return the bundle of the question as it was put; a later one may be of a draft too."""
    first = record.iterations.get(0)
    return first.bundle.bundle_id if first and first.bundle else None


async def _report(record: TurnRecord, context: TurnContext, happened: Credit) -> list[Outcome]:
    """Tell the brain, and return what came of it. A brain that is away learns nothing of it."""
    about = {"source": happened.source, "turn_id": happened.turn_id, "bundle_id": happened.bundle_id}
    try:
        answer = await context.brain.credit(principal_of(record), happened)
    except BrainError as error:
        return [about | {"learned": False, "reason": error.code, "version": None, "memory_id": None}]
    learned = answer.adaptation_applied
    return [
        about | {"learned": learned, "reason": answer.reason, "version": answer.version, "memory_id": answer.memory_id}
    ]
