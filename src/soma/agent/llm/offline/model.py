"""The port's offline adapter: reads the request, decides, and streams the words of the decision."""

import re
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

import msgspec

from soma.agent.language.clock_questions import clock_question
from soma.agent.language.small_talk import small_talk
from soma.agent.llm.base import (
    MEMORY_AWAY,
    Delta,
    Finished,
    InstructionPart,
    MemoryPart,
    Message,
    ModelRequest,
    TextDelta,
    TextPart,
    ToolCall,
    ToolCallDelta,
    ToolResultPart,
)
from soma.agent.llm.offline import forgetting, wording
from soma.agent.llm.offline.memories import documents, passages, quoting, sentences
from soma.agent.llm.offline.question import parse
from soma.agent.llm.offline.tool_choice import Choice, choose

TOOL_CONFIDENCE = 0.95
CHAT_CONFIDENCE = 0.9
NO_ANSWER = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """Either calls or a text; `confidence` is support and margin, never length."""

    text: str = ""
    calls: tuple[Choice, ...] = ()
    confidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Turn:
    """What the messages say: the user's last words and those before, the memories, this turn's calls and results.

    `is_away`: memory could not be asked.
    """

    message: str
    earlier: tuple[str, ...]
    memories: tuple[MemoryPart, ...]
    results: tuple[tuple[ToolCall | None, ToolResultPart], ...]
    is_away: bool


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


def respond(request: ModelRequest) -> Reply:
    turn = _read(request.messages)
    asked = parse.follow(turn.message, turn.earlier)
    found = _found(asked, turn.memories)
    if (number := forgetting.unlisted(turn.message, request)) is not None:
        return Reply(text=wording.no_number(number), confidence=CHAT_CONFIDENCE)
    calls = _calls(request, turn, known=found is not None)
    if calls:
        return Reply(calls=calls, confidence=min(call.score for call in calls))
    if turn.results:
        return _from_results(asked, turn)
    if (said := _in_conversation(request, turn)) is not None:
        return Reply(text=said, confidence=CHAT_CONFIDENCE)
    if found is None and parse.is_stated(turn.message):
        return Reply(text=wording.TELLING, confidence=CHAT_CONFIDENCE)
    unknown = wording.dont_know(len(turn.memories), is_away=turn.is_away)
    return found or Reply(text=unknown, confidence=NO_ANSWER)


def _found(asked: parse.Question, memories: Sequence[MemoryPart]) -> Reply | None:
    """What the memories answer: documents by their passages, unless what somebody said answers as well."""
    if reply := _taught(asked, [memory for memory in memories if memory.taught]):
        return reply
    told = [memory for memory in memories if passages.place_of(memory) is None]
    chunks = [memory for memory in memories if passages.place_of(memory) is not None]
    ranked = sentences.weigh(asked, told)
    written = [found for part in parse.parts(asked) for found in documents.known(part, documents.answers(part, chunks))]
    support = ranked[0].support if ranked else 0.0
    if written and support < max(sentences.SUPPORTED, written[0].support):
        return Reply(text=wording.from_notes(written), confidence=min(1.0, written[0].support))
    if support < sentences.SUPPORTED:
        return None
    return Reply(text=wording.from_evidence(asked, ranked), confidence=sentences.confidence(ranked))


def _taught(asked: parse.Question, memories: Sequence[MemoryPart]) -> Reply | None:
    """What a person said that answers, all of it: which of its sentences was meant, nobody said. Of a table the row."""
    rows = [found for found in documents.known(asked, documents.answers(asked, memories)) if found.is_of_table]
    read = rows or [quoting.whole(passage) for passage in passages.read_documents(memories)]
    told = [memory for memory in memories if passages.place_of(memory) is None]
    texts = [wording.from_notes(read)] if read else []
    texts += [wording.from_evidence(asked, ranked)] if (ranked := sentences.weigh(asked, told)) else []
    return Reply(text="\n".join(texts), confidence=1.0) if texts else None


def _calls(request: ModelRequest, turn: _Turn, *, known: bool) -> tuple[Choice, ...]:
    called = {result.name for _, result in turn.results}
    if forgetting.is_settled(turn.message, request, called):
        return ()
    others = [tool for tool in request.tools if tool.name != forgetting.FORGET]
    return forgetting.calls(turn.message, turn.earlier[-1] if turn.earlier else "", request, called) or choose(
        clock_question(turn.message, turn.earlier) or turn.message, others, known=known, called=called
    )


def _in_conversation(request: ModelRequest, turn: _Turn) -> str | None:
    """Answer a message that asks nothing of memory or tools."""
    if forgetting.is_declined(turn.message, request):
        return wording.LEFT
    if (kind := small_talk(turn.message)) is not None:
        return wording.CHAT if kind == "greeting" and not turn.earlier else wording.SMALL_TALK[kind]
    if parse.asks_why(turn.message):
        return wording.WHY
    if parse.is_chat(turn.message) and not (turn.earlier and parse.is_follow_up(turn.message)):
        return wording.AGAIN if turn.earlier else wording.CHAT
    return wording.TELLING if parse.is_telling(turn.message) else None


def _from_results(asked: parse.Question, turn: _Turn) -> Reply:
    text = wording.from_results(asked, turn.results, turn.memories)
    failed = all(result.is_error for _, result in turn.results) or sentences.HONEST.match(text)
    return Reply(text=text, confidence=NO_ANSWER if failed else TOOL_CONFIDENCE)


def _read(messages: Sequence[Message]) -> _Turn:
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
    )


def _user_text(message: Message) -> str:
    if message.role != "user":
        return ""
    return "\n".join(part.text for part in message.parts if isinstance(part, TextPart)).strip()
