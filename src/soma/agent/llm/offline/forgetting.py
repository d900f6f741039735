"""The road of forgetting: find and ask, then, after a yes, forget. Pure; the tool and its policy decide what may go."""

import re
from collections.abc import Collection

from soma.agent.consent import consent_in, means_all, to_forget
from soma.agent.llm.base import InstructionPart, ModelRequest
from soma.agent.llm.offline.tool_choice import NAMED, Choice

FORGET = "forget"
ANYTHING = "everything"
FEW_WORDS = 4  # of an answer that is no more than a no
LISTED = re.compile(r"^([0-9]+)\. ", re.MULTILINE)


def calls(message: str, before: str, request: ModelRequest, called: Collection[str]) -> tuple[Choice, ...]:
    """The call that the message asks for; "forget that" is about the message `before`."""
    if FORGET in called or not any(tool.name == FORGET for tool in request.tools):
        return ()
    if is_pending(request) and consent_in(message) is not None:
        return (Choice(name=FORGET, arguments={"confirmed": True}, score=NAMED),)
    what = to_forget(message)
    if what is None:
        return ()
    meant = what or ("" if means_all(message) else before)
    return (Choice(name=FORGET, arguments={"what": meant or ANYTHING}, score=NAMED),)


def is_declined(message: str, request: ModelRequest) -> bool:
    """Whether the user was asked and says neither yes nor anything longer: "no, leave it"."""
    return is_pending(request) and consent_in(message) is None and len(message.split()) <= FEW_WORDS


def unlisted(message: str, request: ModelRequest) -> int | None:
    """The first number of a yes that the question did not list."""
    consent = consent_in(message) if is_pending(request) else None
    if consent is None:
        return None
    listed = {int(number) for text in _instructions(request) for number in LISTED.findall(text)}
    return next((number for number in consent.numbers if number not in listed), None)


def is_pending(request: ModelRequest) -> bool:
    """Whether the loop says that the user was asked what may be forgotten: the tool is named in its advice."""
    return bool(_instructions(request))


def _instructions(request: ModelRequest) -> list[str]:
    parts = request.messages[-1].parts if request.messages else ()
    return [part.text for part in parts if isinstance(part, InstructionPart) and f"`{FORGET}`" in part.text]
