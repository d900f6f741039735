"""The road of forgetting: find and ask, then, after a yes, forget. Pure; the tool and its policy decide what may go."""

import re
from collections.abc import Collection

from soma.agent.language.consent import Consent, begins_a_no, begins_a_yes, consent_in, consent_to, numbered_lines
from soma.agent.language.requests_to_forget import find_what_to_erase, find_what_to_forget, means_all
from soma.agent.language.speech import is_question
from soma.agent.language.stems import content_stems
from soma.agent.llm.base import InstructionPart, MemoryPart, ModelRequest
from soma.agent.llm.offline.tool_choice import NAMED, Choice, choose

FORGET = "forget"
ANYTHING = "everything"
FEW_WORDS = 4  # of an answer that is no more than a no
HELD = 0.6  # share of the words of an order to erase, or of a part of it, that a memory must hold
PARTS = re.compile(r"[,;]|\b(?:and|und|et|y)\b")
CONFIRMED = Choice(name=FORGET, arguments={"confirmed": True}, score=NAMED)


def calls(message: str, before: str, request: ModelRequest, called: Collection[str]) -> tuple[Choice, ...]:
    """The call that the message asks for; "forget that" is about the message `before`."""
    if FORGET in called or not any(tool.name == FORGET for tool in request.tools):
        return ()
    if _consent(message, request) is not None:
        return (CONFIRMED,)
    what = find_what_to_forget(message)
    if what is None and is_pending(request) and begins_a_yes(message):
        return (CONFIRMED,)  # policy denies it, and the answer says that nothing was forgotten
    what = _remembered(message, request) if what is None else what
    if what is None:
        return ()
    meant = what or ("" if means_all(message) else before)
    return (Choice(name=FORGET, arguments={"what": meant or ANYTHING}, score=NAMED),)


def is_settled(message: str, request: ModelRequest, called: Collection[str]) -> bool:
    """Whether the message says no more than a no, or a yes and that is done: "2-3" is no sum, "keep it" no order."""
    if FORGET in called:
        return consent_in(message) is not None
    return begins_a_no(message) and is_declined(message, request)


def is_declined(message: str, request: ModelRequest) -> bool:
    """Whether the user was asked and says neither yes nor anything longer: "no, leave it"."""
    is_short = len(message.split()) <= FEW_WORDS and not is_question(message)
    return is_pending(request) and _consent(message, request) is None and is_short


def unlisted(message: str, request: ModelRequest) -> int | None:
    """The first number of a yes that the question did not list."""
    consent = _consent(message, request)
    most = len(_listed(request))
    return next((number for number in consent.numbers if number > most), None) if consent else None


def is_pending(request: ModelRequest) -> bool:
    """Whether the loop says that the user was asked what may be forgotten: the tool is named in its advice."""
    return bool(_instructions(request))


def _consent(message: str, request: ModelRequest) -> Consent | None:
    """The yes that the message says to the question that waits for one."""
    return consent_to(message, _listed(request)) if is_pending(request) else None


def _listed(request: ModelRequest) -> list[str]:
    return [line for text in _instructions(request) for line in numbered_lines(text)]


def _remembered(message: str, request: ModelRequest) -> str | None:
    """What the message orders to erase, if a memory speaks of it and no other tool is called by that verb."""
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
