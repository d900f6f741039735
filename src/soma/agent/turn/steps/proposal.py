"""The proposal to forget of the turn before, and the user's consent to it; read from facts of the log alone."""

from dataclasses import dataclass

from soma.agent.language.consent import consent_to, numbered_lines
from soma.agent.language.requests_to_forget import find_what_to_forget, orders_to_forget
from soma.agent.record.turn import TurnRecord
from soma.agent.tools.forget.wording import LISTED
from soma.agent.tools.own_words import stems_of
from soma.agent.turn.steps.context import TurnContext

FORGET = "forget"
PENDING = "You asked the user whether these memories shall be forgotten; they are not forgotten yet:"
ADVICE = "If the user's message says yes, call `forget` with `confirmed` true. If not, leave them."
NO_YES = (
    "The user's message is no plain yes, so nothing is forgotten; call `forget` only for a new request. If it may be "
    "meant as a yes, say that nothing was forgotten: the user must ask again, then answer yes, no or the numbers alone."
)


@dataclass(frozen=True, slots=True)
class ForgetProposal:
    """Groups of memories that say the same, found by `what` and listed in `text` by the turn `turn_id`."""

    turn_id: str
    groups: tuple[tuple[str, ...], ...]
    text: str
    what: str

    def instruction(self, message: str) -> str:
        return f"{PENDING}\n{self.text}\n{ADVICE if consent_to(message, numbered_lines(self.text)) else NO_YES}"


@dataclass(frozen=True, slots=True)
class Grant:
    """The `memories` that the user agrees to have erased, the turn that proposed it, and `what` it found them by."""

    memories: tuple[str, ...] = ()
    turns: tuple[str, ...] = ()
    what: str = ""


async def find_grant(record: TurnRecord, context: TurnContext) -> Grant:
    """Find the memories that this turn's message lets go, of those that the turn before proposed."""
    proposal = await find_proposal(context)
    memories = find_confirmed(record.turn.content, proposal, context.history[-1].user if context.history else "")
    return Grant(memories, (proposal.turn_id,), proposal.what) if proposal and memories else Grant()


async def find_proposal(context: TurnContext) -> ForgetProposal | None:
    """Read the proposal of the turn right before this one, where its user asked to forget something."""
    if not context.history or not orders_to_forget(context.history[-1].user):
        return None
    return _last_proposal(await context.turn_before(context.history[-1].turn_id))


def find_confirmed(message: str, proposal: ForgetProposal | None, asked: str) -> tuple[str, ...]:
    """Return the memories that `message` lets go; `asked` is the message that the proposal answered."""
    consent = consent_to(message, numbered_lines(proposal.text)) if proposal else None
    if proposal is None or consent is None:
        return ()
    if consent.about and stems_of(consent.about).isdisjoint(stems_of(find_what_to_forget(asked) or asked)):
        return ()
    if any(number > min(len(proposal.groups), LISTED) for number in consent.numbers):
        return ()
    chosen = [proposal.groups[number - 1] for number in consent.numbers] or proposal.groups
    return tuple(memory_id for group in chosen for memory_id in group)


def _last_proposal(record: TurnRecord) -> ForgetProposal | None:
    """Return the last proposal of a turn."""
    for use in reversed(record.tool_uses):
        finished = use.finished
        if finished and finished.tool == FORGET and finished.status == "ok" and finished.proposed:
            what = str((use.requested.arguments or {}).get("what", ""))
            return ForgetProposal(record.turn.id, tuple(map(tuple, finished.proposed)), finished.content, what)
    return None
