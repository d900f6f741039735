"""The road of forgetting: find and ask, then, after a yes, forget. Pure; the tool and its policy decide what may go."""

from collections.abc import Collection

from soma.agent.consent import consent_in, means_all, to_forget
from soma.agent.llm.base import InstructionPart, ModelRequest
from soma.agent.llm.offline.tool_choice import NAMED, Choice

FORGET = "forget"
ANYTHING = "everything"
FEW_WORDS = 4  # of an answer that is no more than a no


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


def is_pending(request: ModelRequest) -> bool:
    """Whether the loop says that the user was asked what may be forgotten: the tool is named in its advice."""
    parts = request.messages[-1].parts if request.messages else ()
    return any(isinstance(part, InstructionPart) and f"`{FORGET}`" in part.text for part in parts)
