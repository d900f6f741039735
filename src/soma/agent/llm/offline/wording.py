"""Wording of answers: quotations with speaker, day and citation, tool results, and what is said without any. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from soma.agent.language.clock_questions import translate_to_english
from soma.agent.language.dates import date_of, find_date, format_day
from soma.agent.language.small_talk import SmallTalk
from soma.agent.language.stems import content_stems
from soma.agent.language.times import find_time
from soma.agent.language.vocabulary.calendar_words import DAYS, MONTHS
from soma.agent.language.words import sentences
from soma.agent.llm.base import MemoryPart, ToolCall, ToolResultPart
from soma.agent.llm.offline.memories import recall_results
from soma.agent.llm.offline.memories.passages import place_of
from soma.agent.llm.offline.memories.quoting import Quotation
from soma.agent.llm.offline.memories.sentences import ASSISTANT, SUPPORTED, USER, SupportingSentence, weigh
from soma.agent.llm.offline.question.parse import Question, parse_question

MAX_QUOTES = 3
NEAR_BEST = 0.85
SHORT_RESULT = 300
RECALL, FORGET, CLOCK = "recall", "forget", "clock"
DAY = re.compile(r"\b(\d{1,2}) ([A-Z][a-z]+) (\d{4})\b")

CHAT = (
    "Hello. I am Soma's offline extractive model: I quote what I remember, with its source, and use my tools, "
    "but I cannot make conversation. Ask me about something, or tell me to remember it."
)
AGAIN = "I am here: ask me about something, or tell me to remember it."
SMALL_TALK: dict[SmallTalk, str] = {
    "thanks": "You are welcome.",
    "goodbye": "Goodbye.",
    "greeting": "Hello again: ask me about something, or tell me to remember it.",
    "assent": "All right.",
}
WHY = (
    "I cannot say why: as the offline extractive model I quote what I remember, and give no reasons of my own. "
    "Ask me about something."
)
LEFT = "All right: nothing was forgotten."
TELLING = (
    "Thank you for telling me: I remember what you say here, and quote it when you ask. As the offline extractive "
    "model I have nothing to add."
)
CORRECTED = "Thank you for the correction: I keep it with its question, and answer with it when you ask again."
NOTHING_TO_CORRECT = (
    "There is no answer of mine before this that it could correct, so I keep nothing of it. Say what it is about: "
    '"the code of the alarm is 4321".'
)
REMEMBER_WHAT = 'Say what I shall remember: "remember that my dentist is Dr Lund".'
ADVICE = re.compile("`(?:what|confirmed)`")  # names an argument, so it is meant for models
UNCONFIRMED = (
    "Nothing was forgotten: I could not read your message as a yes to what I asked just before. Ask me again to forget "
    "it, and answer with yes, no or the numbers."
)
DENIED = re.compile(r"denied by policy \((\w+)\): ")
DENIALS = {
    "default_deny": "I did not use the tool {tool}: the rules of this server do not allow it.",
    "tool_not_in_capsule": "I did not use the tool {tool}: it is not enabled for this agent.",
    "viewer_read_only": "I did not use the tool {tool}: as a viewer you may read, and change nothing.",
    "tainted_write": (
        "I did not use the tool {tool}: it would have written text of a memory, a document or another tool, and only "
        "what you say yourself may be written."
    ),
    "policy_timeout": (
        "I did not use the tool {tool}: the policy was too slow to decide, so nothing was done. Please try again."
    ),
    "policy_stuck": (
        "I did not use the tool {tool}: the policy is busy with earlier decisions, so nothing was done. Try later."
    ),
    "policy_error": (
        "I did not use the tool {tool}: the policy of this server is broken, and denies everything until it is mended."
    ),
    "tainted_egress": (
        "I did not use the tool {tool}: it would have sent text of a memory, a document or another tool out of Soma."
    ),
}


def report_unknown_number(number: int) -> str:
    return f"There is no number {number}; nothing was forgotten."


def quote_sentences(question: Question, ranked: Sequence[SupportingSentence]) -> str:
    """Quote the best sentence and those nearly as good, each with its citation."""
    best = ranked[0]
    near = [
        other
        for other in ranked[1:]
        if question.kind == "other" and other.score >= NEAR_BEST * best.score and other.support >= SUPPORTED
    ]
    quotes = [_quote(evidence) for evidence in (best, *near)[:MAX_QUOTES]]
    return " ".join([*_headline(question, best), *dict.fromkeys(quotes)])


def quote_passages(found: Sequence[Quotation]) -> str:
    """Quote each passage word for word, with its document and heading."""
    return "\n".join(dict.fromkeys(_passage(one) for one in found))


def _passage(one: Quotation) -> str:
    where = f'{one.name}, "{one.title}"' if one.title else one.name
    cited = "".join(f"[{number}]" for number in dict.fromkeys(unit.memory.number for unit in one.units) if number > 0)
    kinds = {unit.kind for unit in one.units}
    between = "\n" if "code" in kinds or (kinds & {"list", "table"} and len(one.units) > 1) else " "
    return f'From {where}:{between}"{between.join(unit.text for unit in one.units)}" {cited}'.rstrip()


def dont_know(looked_at: Sequence[MemoryPart], *, is_away: bool = False) -> str:
    """Say that no sentence answers, and which memory came nearest: without a citation, for the answer rests on none."""
    if is_away:
        return "I don't know: my memory cannot be reached at the moment, so I looked at nothing. Ask again in a while."
    looked = "nothing was recalled from memory"
    if looked_at:
        which = "the one memory" if len(looked_at) == 1 else f"the {len(looked_at)} memories"
        nearest = _name(max(looked_at, key=lambda memory: (memory.score, -memory.number)))
        looked = f"I found no sentence that answers this in {which} I looked at. Nearest: {nearest}"
    return (
        f"I don't know: {looked}. As the offline extractive model I only quote what I find. You can tell me "
        'with "remember that ...", or ask with other words.'
    )


def _name(memory: MemoryPart) -> str:
    """Name a memory by its place or its speaker and day, without what it says."""
    if place := place_of(memory):
        return f'{place.name}, "{place.headings}"' if place.headings else place.name
    head = _head(memory)
    return f"what {head}" if " said" in head or head.startswith("I remember") else head


def report_results(
    question: Question, results: Sequence[tuple[ToolCall | None, ToolResultPart]], shown: Sequence[MemoryPart]
) -> str:
    return "\n".join(_result(question, call, result, shown) for call, result in results)


def _headline(question: Question, best: SupportingSentence) -> list[str]:
    """Answer a `when` by the date itself, except from a summary or a correction, which tell of several days."""
    if question.kind != "when" or best.memory.made_from or best.memory.taught:
        return []
    said = date_of(best.memory.occurred_at)
    when = find_date(best.text, said)
    if (phrase := when.text if when else find_time(best.text)) is not None:
        return [f"{phrase[0].upper()}{phrase[1:]}."]
    return [f"It was said on {format_day(said)}."] if said else []


def _quote(evidence: SupportingSentence) -> str:
    memory = evidence.memory
    cited = f" [{memory.number}]" if memory.number > 0 else ""  # a memory that only a tool found has no number
    says = " says" if memory.made_from or memory.written_by else ""
    head = _head(memory)
    return f'{head[0].upper()}{head[1:]}{says}: "{evidence.text}"{cited}'


def _head(memory: MemoryPart) -> str:
    """Say of whom and when a memory is."""
    if memory.made_from:
        return f"a summary made from {memory.made_from} memories"
    said = date_of(memory.occurred_at)
    day = f" on {format_day(said)}" if said else ""
    if memory.written_by:  # shared: its metadata may name anybody as the speaker
        return f"a memory {memory.written_by}{day}"
    author = memory.author or ""
    match author.lower():
        case "":
            return f"I remember{' from' + day[3:] if day else ''}"
        case name if name in USER:
            return f"you said{day}"
        case name if name in ASSISTANT:
            return f"I said{day}"
        case _:
            return f"{author} said{day}"


def _failure(result: ToolResultPart) -> str:
    """Say why a tool gave no result. Advice that is meant for models is left out."""
    content = result.content.strip()
    if result.name == FORGET and ADVICE.search(content):
        return UNCONFIRMED
    if denied := DENIED.match(content):
        return DENIALS.get(denied[1], DENIALS["default_deny"]).format(tool=result.name)
    return f"The tool {result.name} gave no answer: {_end_sentence(content)}"


def _result(question: Question, call: ToolCall | None, result: ToolResultPart, shown: Sequence[MemoryPart]) -> str:
    content = result.content.strip()
    given = (call.arguments or {}) if call else {}
    if result.is_error:
        return _failure(result)
    if result.name == FORGET:
        return content
    if result.name == CLOCK:
        return _end_sentence(_clock(question, content))
    if result.name == RECALL:
        return _answer_recall(question, content, given, shown)
    if len(content) > SHORT_RESULT or "\n" in content:
        return f"{result.name} says: {_excerpt(question, content, given)}"
    expression = given.get("expression")
    return _end_sentence(f"{expression} = {content}" if expression else content)


def _clock(question: Question, content: str) -> str:
    """Say what the clock says, and the day that the question counts from it."""
    today = _date_in(content)
    when = find_date(translate_to_english(question.text), today) if today else None
    if today is None or when is None or not when.is_relative or when.text == format_day(today):
        return content
    day = _date_in(when.text) if DAY.fullmatch(when.text) else None
    named = f"{DAYS[day.weekday()].capitalize()}, {when.text}" if day else when.text
    return f"{when.phrase[0].upper()}{when.phrase[1:]} is {named}: now it is {content}"


def _date_in(text: str) -> date | None:
    found = DAY.search(text)
    return date(int(found[3]), MONTHS.index(found[2].lower()) + 1, int(found[1])) if found else None


def _answer_recall(question: Question, content: str, given: Mapping[str, Any], shown: Sequence[MemoryPart]) -> str:
    """Answer by what `recall` found for its query; the message around the query only says to look it up."""
    found = recall_results.read_recall_results(content, shown)
    wanted = replace(parse_question(str(given.get("query", question.text))), kind=question.kind)
    ranked = weigh(wanted, found)
    known = bool(ranked) and ranked[0].support >= SUPPORTED
    return quote_sentences(wanted, ranked) if known else dont_know(found)


def _excerpt(question: Question, content: str, given: Mapping[str, Any]) -> str:
    """Quote the sentences that share most with the question, in their order; the beginning if none does."""
    lines = [line for line in sentences(content) if not line.startswith("#")]
    wanted = set(question.stems) - set(content_stems(str(given.get("path", ""))))
    shared = [len(wanted & set(content_stems(line))) for line in lines]
    best = max(shared, default=0)
    chosen = [line for line, count in zip(lines, shared, strict=True) if count == best > 0][:MAX_QUOTES]
    if chosen:
        return " ".join(f'"{line}"' for line in chosen)
    beginning = content[:SHORT_RESULT]
    return f'"{beginning}"' if len(content) <= SHORT_RESULT else f'"{beginning}..." (its beginning)'


def _end_sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."
