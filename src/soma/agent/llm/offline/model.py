"""The offline model: reads a request, decides, and streams the words of its decision."""

import re
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

import msgspec

from soma.agent.language.chat_corrections import is_only_a_denial, points_back
from soma.agent.language.clock_questions import clock_question
from soma.agent.language.small_talk import small_talk
from soma.agent.language.speech import is_question, orders_to_remember_nothing
from soma.agent.language.words import sentences as sentences_of
from soma.agent.llm.base import (
    CORRECTION_KEPT,
    MEMORY_AWAY,
    Delta,
    Finished,
    InstructionPart,
    MemoryPart,
    ModelMessage,
    ModelRequest,
    TextDelta,
    TextPart,
    ToolCall,
    ToolCallDelta,
    ToolResultPart,
)
from soma.agent.llm.offline import forgetting, wording
from soma.agent.llm.offline.memories import documents, passages, quoting, sentences
from soma.agent.llm.offline.question.parse import (
    Question,
    asks_why,
    is_chat,
    is_follow_up,
    only_states,
    parse_in_context,
    split_question,
    tells_of_user,
)
from soma.agent.llm.offline.tool_choice import ToolChoice, choose

TOOL_CONFIDENCE = 0.95
CHAT_CONFIDENCE = 0.9
NO_ANSWER = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class OfflineReply:
    """Calls or a text. `confidence` comes from support and margin, never from length."""

    text: str = ""
    calls: tuple[ToolChoice, ...] = ()
    confidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Turn:
    """A request as the decision needs it: the user's last message, earlier ones, memories, and this turn's tool
    results.

    `is_away`: memory could not be reached. `corrects`: the message corrects an answer, and is kept.
    """

    message: str
    earlier: tuple[str, ...]
    memories: tuple[MemoryPart, ...]
    results: tuple[tuple[ToolCall | None, ToolResultPart], ...]
    is_away: bool
    corrects: bool


class OfflineModel:
    """Needs no key, no network and no randomness: equal requests give equal answers."""

    name = "offline-extractive"

    def __init__(self, *, context_tokens: int = 32_768) -> None:
        self.context_tokens = context_tokens

    async def stream(self, request: ModelRequest) -> AsyncGenerator[Delta, None]:
        reply = respond(request)
        for index, call in enumerate(reply.calls):
            call_id = f"call_{request.seed:08x}_{index}"
            arguments = msgspec.json.encode(call.arguments).decode()
            yield ToolCallDelta(index=index, call_id=call_id, name=call.name, arguments=arguments)
        for word in re.findall(r"\s*\S+", reply.text):
            yield TextDelta(word)
        reason = "tool_calls" if reply.calls else "stop"
        yield Finished(finish_reason=reason, confidence=reply.confidence, extractive=True)


def respond(request: ModelRequest) -> OfflineReply:
    turn = _read_turn(request.messages)
    question = parse_in_context(turn.message, turn.earlier)
    found = _answer_from_memories(question, turn.memories)
    if (number := forgetting.first_unlisted_number(turn.message, request)) is not None:
        return OfflineReply(text=wording.report_unknown_number(number), confidence=CHAT_CONFIDENCE)
    is_corrected = turn.corrects and not any(map(is_question, sentences_of(turn.message)))
    if calls := () if is_corrected else _calls(request, turn, known=found is not None):
        return OfflineReply(calls=calls, confidence=min(call.score for call in calls))
    if turn.results:
        return _answer_from_results(question, turn)
    if (said := wording.CORRECTED if is_corrected else _converse(request, turn)) is not None:
        return OfflineReply(text=said, confidence=CHAT_CONFIDENCE)
    if found is None and only_states(turn.message):
        return OfflineReply(text=wording.TELLING, confidence=CHAT_CONFIDENCE)
    unknown = wording.dont_know(turn.memories, is_away=turn.is_away)
    return found or OfflineReply(text=unknown, confidence=NO_ANSWER)


def _answer_from_memories(question: Question, memories: Sequence[MemoryPart]) -> OfflineReply | None:
    """Answer from documents, unless what people said answers at least as well."""
    if reply := _answer_from_corrections(question, [memory for memory in memories if memory.taught]):
        return reply
    told = [memory for memory in memories if passages.place_of(memory) is None]
    chunks = [memory for memory in memories if passages.place_of(memory) is not None]
    ranked = sentences.weigh(question, told)
    quoted = [found for part in split_question(question) for found in documents.find_supported(part, chunks)]
    support = ranked[0].support if ranked else 0.0
    if quoted and support < max(sentences.SUPPORTED, quoted[0].support):
        return OfflineReply(text=wording.quote_passages(quoted), confidence=min(1.0, quoted[0].support))
    if support < sentences.SUPPORTED:
        return None
    return OfflineReply(text=wording.quote_sentences(question, ranked), confidence=sentences.confidence(ranked))


def _answer_from_corrections(question: Question, memories: Sequence[MemoryPart]) -> OfflineReply | None:
    """Quote whole what a person named as the answer; of a table only the row that answers.

    Nobody said which of its sentences was meant.
    """
    rows = [found for found in documents.find_supported(question, memories) if found.is_of_table]
    read = rows or [quoting.quote_whole(passage) for passage in passages.read_documents(memories)]
    told = [memory for memory in memories if passages.place_of(memory) is None]
    texts = [wording.quote_passages(read)] if read else []
    texts += [wording.quote_sentences(question, ranked)] if (ranked := sentences.weigh(question, told)) else []
    return OfflineReply(text="\n".join(texts), confidence=1.0) if texts else None


def _calls(request: ModelRequest, turn: _Turn, *, known: bool) -> tuple[ToolChoice, ...]:
    called = {result.name for _, result in turn.results}
    if forgetting.is_settled(turn.message, request, called):
        return ()
    others = [tool for tool in request.tools if tool.name != forgetting.FORGET]
    return forgetting.choose_calls(turn.message, turn.earlier[-1] if turn.earlier else "", request, called) or choose(
        clock_question(turn.message, turn.earlier) or turn.message, others, known=known, called=called
    )


def _converse(request: ModelRequest, turn: _Turn) -> str | None:
    """Answer a message that needs neither memory nor tools."""
    if forgetting.is_declined(turn.message, request):
        return wording.LEFT
    if (kind := small_talk(turn.message)) is not None:
        return wording.CHAT if kind == "greeting" and not turn.earlier else wording.SMALL_TALK[kind]
    if (asked := _ask_back(turn)) is not None:
        return asked
    if asks_why(turn.message):
        return wording.WHY
    if is_chat(turn.message) and not (turn.earlier and is_follow_up(turn.message)):
        return wording.AGAIN if turn.earlier else wording.CHAT
    return wording.TELLING if tells_of_user(turn.message) else None


def _ask_back(turn: _Turn) -> str | None:
    """Ask what is meant by an order to remember, or by a correction, that does not say of what."""
    if orders_to_remember_nothing(turn.message):
        return wording.REMEMBER_WHAT
    said = sentences_of(turn.message)
    return wording.NOTHING_TO_CORRECT if said and not turn.earlier and all(map(_corrects_nothing, said)) else None


def _corrects_nothing(sentence: str) -> bool:
    return is_only_a_denial(sentence) or points_back(sentence)


def _answer_from_results(question: Question, turn: _Turn) -> OfflineReply:
    text = wording.report_results(question, turn.results, turn.memories)
    failed = all(result.is_error for _, result in turn.results) or sentences.HONEST.match(text)
    return OfflineReply(text=text, confidence=NO_ANSWER if failed else TOOL_CONFIDENCE)


def _read_turn(messages: Sequence[ModelMessage]) -> _Turn:
    start = max((at for at, message in enumerate(messages) if _user_text(message)), default=0)
    parts = [part for message in messages[start:] for part in message.parts]
    calls = {part.call_id: part for part in parts if isinstance(part, ToolCall)}
    results = [part for part in parts if isinstance(part, ToolResultPart)]
    memories = {part.number: part for message in messages for part in message.parts if isinstance(part, MemoryPart)}
    return _Turn(
        message=_user_text(messages[start]) if messages else "",
        earlier=tuple(said for message in messages[:start] if (said := _user_text(message))),
        memories=tuple(memories.values()),
        results=tuple((calls.get(result.call_id), result) for result in results),
        is_away=InstructionPart(MEMORY_AWAY) in parts,
        corrects=InstructionPart(CORRECTION_KEPT) in parts,
    )


def _user_text(message: ModelMessage) -> str:
    if message.role != "user":
        return ""
    return "\n".join(part.text for part in message.parts if isinstance(part, TextPart)).strip()
