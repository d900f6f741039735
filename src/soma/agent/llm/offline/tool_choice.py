"""Choice of tools and their arguments for a message, by words and schema only. Pure."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from soma.agent.language.arithmetic import expression_in, spell_as_signs
from soma.agent.language.clock_questions import timezone_in
from soma.agent.language.speech import is_question
from soma.agent.language.stems import content_stems, stem
from soma.agent.language.vocabulary.lead_ins import ADDRESS, CAN_YOU, WISH, lead_in
from soma.agent.language.words import words
from soma.agent.llm.base import ToolSpec

THRESHOLD = 0.5
MAX_CALLS = 3

NAMED = 1.0  # the message begins with a verb that is the tool's name
SUITED = 0.6  # the message holds the kind of text that the tool needs
COVERED = 0.9  # every word of the message is one of the tool's
LEAD_IN = re.compile(lead_in(ADDRESS, CAN_YOU, WISH), re.IGNORECASE)
PARTICLE = re.compile(r"^(?:up|down|in mind|a note)\b\s*", re.IGNORECASE)
THAT = re.compile(r"^(?:that\b|this\b(?=\s*:)|:|,|-)\s*", re.IGNORECASE)
ABOUT = re.compile(
    r"^(?:(?:your|my|the)\s+memor(?:y|ies)\s*)?(?:(?:for|about|of|on|that|whether|if)\b|:|,)?\s*", re.IGNORECASE
)
POLITE = re.compile(rf"\b{CAN_YOU}\b", re.IGNORECASE)
PATH = re.compile(r"(?<![\w@./~-])(?:~|\.{0,2}/)?[\w.-]+(?:/[\w.-]+)*(?![\w@/])")
TEXT_SUFFIX = re.compile(r"\.(?:md|markdown|txt|text|rst|csv|json|ya?ml|log)$", re.IGNORECASE)
MARKUP = re.compile(r"</?[A-Za-z][^<>]*/?>")
ROOTED = re.compile(r"^(?:~|\.{1,2}/|/)")


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolChoice:
    name: str
    arguments: dict[str, Any]
    score: float


@dataclass(frozen=True, slots=True)
class _Command:
    """A message read as an order: its verb and what follows."""

    verb: str
    rest: str
    is_question: bool


def choose(message: str, tools: Sequence[ToolSpec], *, known: bool, called: Collection[str]) -> tuple[ToolChoice, ...]:
    """Return the calls that a message asks for.

    `known`: memory answers it already. Tools in `called` have a result in this turn.
    """
    chosen = sorted(
        (choice for tool in tools if (choice := _consider(message, tool)) and choice.score > THRESHOLD),
        key=lambda choice: -choice.score,
    )
    if chosen and chosen[0].score >= NAMED:
        chosen = chosen[:1]
    wanted = [choice for choice in chosen if choice.score >= NAMED or not (known and _looks_up(choice))]
    return tuple(choice for choice in wanted if choice.name not in called)[:MAX_CALLS]


def _looks_up(choice: ToolChoice) -> bool:
    """Return whether a call would look for what memory answers already: it has a query, or little speaks for it."""
    return "query" in choice.arguments or (not choice.arguments and choice.score < COVERED)


def relevance(message: str, tool: ToolSpec) -> float:
    """Return how well a tool suits a message, in [0, 1], whether or not it can be called."""
    choice = _consider(message, tool)
    return max(choice.score if choice else 0.0, 0.5 * _coverage(message, tool))


def _consider(message: str, tool: ToolSpec) -> ToolChoice | None:
    command = _parse_command(message)
    arguments: dict[str, Any] = {}
    for name, schema in tool.parameters.get("properties", {}).items():
        value = _fill(schema.get("format"), message, _command_for(command, tool))
        if value is not None:
            arguments[name] = value
    if any(name not in arguments for name in tool.parameters.get("required", ())):
        return None
    return ToolChoice(
        name=tool.name, arguments=arguments, score=_score(message, tool, command, is_filled=bool(arguments))
    )


def _score(message: str, tool: ToolSpec, command: _Command, *, is_filled: bool) -> float:
    if is_filled and command.verb in _name_stems(tool):
        return NAMED
    coverage = _coverage(message, tool)
    return SUITED + (NAMED - SUITED) * coverage * COVERED if is_filled else coverage * COVERED


def _fill(kind: str | None, message: str, command: _Command | None) -> str | None:
    match kind:
        case "expression":
            return expression_in(message)
        case "path":
            return path_in(message)
        case "timezone":
            return timezone_in(message)
        case "statement" if command and not command.is_question:
            return THAT.sub("", PARTICLE.sub("", command.rest)).strip() or None
        case "query" if command:
            return ABOUT.sub("", PARTICLE.sub("", command.rest)).rstrip("?.! ") or None
    return None


def path_in(message: str) -> str | None:
    """Return the first token with a root or the suffix of a text document.

    It is never a mail or web address, nor part of markup.
    """
    message = MARKUP.sub(" ", message)
    found = [
        match.group().rstrip(".") for match in PATH.finditer(message) if not message.startswith("://", match.end())
    ]
    return next((token for token in found if ROOTED.match(token) or TEXT_SUFFIX.search(token)), None)


def _parse_command(message: str) -> _Command:
    lead, text = _part_lead_in(message.strip())
    if POLITE.search(lead):
        text = text.rstrip("? ")
    found = re.match(r"[^\W\d_]+", text)
    if not found:
        return _Command("", text, is_question(text))
    return _Command(stem(found.group().lower()), text[found.end() :].strip(), is_question(text))


def _part_lead_in(message: str) -> tuple[str, str]:
    """Split the words before an order from the order."""
    found = LEAD_IN.match(message)
    at = found.end() if found else 0
    return message[:at], message[at:]


def _command_for(command: _Command, tool: ToolSpec) -> _Command | None:
    return command if command.verb in _name_stems(tool) | set(content_stems(tool.description)) else None


def _coverage(message: str, tool: ToolSpec) -> float:
    asked = {word for word in content_stems(spell_as_signs(message)) if not word.isdigit()}
    return len(asked & (_name_stems(tool) | set(content_stems(tool.description)))) / len(asked) if asked else 0.0


def _name_stems(tool: ToolSpec) -> set[str]:
    return {stem(word) for word in words(re.sub(r"[_.\-]+", " ", tool.name))}
