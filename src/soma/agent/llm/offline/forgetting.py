"""Calls of the `forget` tool: find and ask, then, after a yes, forget. Pure; the tool and its policy decide what may
go.
"""

import re
from collections.abc import Collection

from soma.agent.language.consent import Consent, begins_a_no, begins_a_yes, consent_in, consent_to, numbered_lines
from soma.agent.language.requests_to_forget import find_what_to_erase, find_what_to_forget, means_all
from soma.agent.language.speech import is_question
from soma.agent.language.stems import content_stems
from soma.agent.llm.base import InstructionPart, MemoryPart, ModelRequest
from soma.agent.llm.offline.tool_choice import NAMED, ToolChoice, choose

FORGET = "forget"
ANYTHING = "everything"
FEW_WORDS = 4  # the longest answer that is just a no
HELD = 0.6  # share of the words of an order to erase, or of a part of it, that a memory must hold
PARTS = re.compile(r"[,;]|\b(?:and|und|et|y)\b")
CONFIRMED = ToolChoice(name=FORGET, arguments={"confirmed": True}, score=NAMED)


def choose_calls(message: str, before: str, request: ModelRequest, called: Collection[str]) -> tuple[ToolChoice, ...]:
    """Return the call that a message asks for; "forget that" refers to the message `before`."""
    if FORGET in called or not any(tool.name == FORGET for tool in request.tools):
        return ()
    if _consent(message, request) is not None:
        return (CONFIRMED,)
    what = find_what_to_forget(message)
    if what is None and is_pending(request) and begins_a_yes(message):
        return (CONFIRMED,)  # policy denies it, and the answer says that nothing was forgotten
    what = _find_remembered(message, request) if what is None else what
    if what is None:
        return ()
    meant = what or ("" if means_all(message) else before)
    return (ToolChoice(name=FORGET, arguments={"what": meant or ANYTHING}, score=NAMED),)


def is_settled(message: str, request: ModelRequest, called: Collection[str]) -> bool:
    """Return whether a message is no more than a no, or a yes that was acted on: then "2-3" is no sum, and "keep it" no
    order.
    """
    if FORGET in called:
        return consent_in(message) is not None
    return begins_a_no(message) and is_declined(message, request)


def is_declined(message: str, request: ModelRequest) -> bool:
    """Return whether the user was asked to confirm and answers neither yes nor at length: "no, leave it"."""
    is_short = len(message.split()) <= FEW_WORDS and not is_question(message)
    return is_pending(request) and _consent(message, request) is None and is_short


def first_unlisted_number(message: str, request: ModelRequest) -> int | None:
    """Return the first number in a yes that the question did not list."""
    consent = _consent(message, request)
    most = len(_list_lines(request))
    return next((number for number in consent.numbers if number > most), None) if consent else None


def is_pending(request: ModelRequest) -> bool:
    """Return whether the user was asked what may be forgotten: the loop's instruction then names the tool."""
    return bool(_instructions(request))


def _consent(message: str, request: ModelRequest) -> Consent | None:
    """Return the yes that a message says to the pending question."""
    return consent_to(message, _list_lines(request)) if is_pending(request) else None


def _list_lines(request: ModelRequest) -> list[str]:
    return [line for text in _instructions(request) for line in numbered_lines(text)]


def _find_remembered(message: str, request: ModelRequest) -> str | None:
    """Return what a message orders to erase, if a memory holds it and no other tool is called by that verb."""
    what = find_what_to_erase(message)
    if what is None or any(one.score >= NAMED for one in choose(message, request.tools, known=True, called=(FORGET,))):
        return None
    parts = [part for one in request.messages for part in one.parts if isinstance(part, MemoryPart)]
    known = [set(content_stems(part.text)) for part in parts]
    sought = [stems for part in (what, *PARTS.split(what)) if (stems := set(content_stems(part)))]
    return what if any(len(stems & held) >= HELD * len(stems) for stems in sought for held in known) else None


def _instructions(request: ModelRequest) -> list[str]:
    parts = request.messages[-1].parts if request.messages else ()
    return [part.text for part in parts if isinstance(part, InstructionPart) and f"`{FORGET}`" in part.text]
