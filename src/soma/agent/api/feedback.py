"""Feedback of a person on a turn: a thumb, a rating, which of the shown memories helped, or what is right.

A passage of the answer that was copied comes the same way, though nobody judged anything.
"""

import asyncio
from typing import Any, Literal

import msgspec
from django.http import HttpRequest
from ninja import Router
from pydantic import Field, field_validator

from soma.agent.access.auth import Caller
from soma.agent.access.relations import own_turn, require_agent
from soma.agent.api.request.body import AgentBody
from soma.agent.api.request.caller import caller_of, principal_of
from soma.agent.errors import Invalid, NotFound
from soma.agent.language.statements import statement_key
from soma.agent.models import Role
from soma.agent.record.citations import drop_citations
from soma.agent.record.turn import IterationRecord, TurnRecord
from soma.agent.running import agent
from soma.brain.types import LONGEST_CORRECTION, FeedbackAnswer
from soma.brain.wire.requests import Correction, Credit, Feedback, Metadata
from soma.events.ids import now

router = Router()

NOTHING_SHOWN = FeedbackAnswer.skip("not_shown")
MIDDLE_RATING = 3  # of 1 to 5: (rating - 3) / 2 is the reward


class NewFeedback(AgentBody):
    turn_id: str
    thumb: Literal[-1, 1] | None = None
    rating: int | None = Field(None, ge=1, le=5)
    reward: float | None = Field(None, ge=-1, le=1)
    helpful: list[str] = Field(default_factory=list, max_length=200)
    unhelpful: list[str] = Field(default_factory=list, max_length=200)
    correction: str | None = Field(
        None, min_length=1, max_length=LONGEST_CORRECTION, description="What is right, in your words; it means -1."
    )
    copied: str | None = Field(
        None, min_length=1, max_length=16_000, description="A passage of the answer that was copied; given alone."
    )
    idempotency_key: str | None = Field(None, min_length=1, max_length=200)

    @field_validator("thumb", mode="before")
    @classmethod
    def _refuse_boolean(cls, thumb: Any) -> Any:
        """Refuse true and false, which Python takes for 1 and 0."""
        if isinstance(thumb, bool):
            raise ValueError(f"must be -1 or 1, not {str(thumb).lower()}")  # noqa: TRY004 - pydantic reports a ValueError
        return thumb

    @property
    def has_feedback(self) -> bool:
        """True if a person judges or corrects something."""
        given = (self.thumb, self.rating, self.reward, self.correction)
        return any(value is not None for value in given) or bool(self.helpful or self.unhelpful)

    def check_copied(self) -> None:
        """Raise Invalid where a copied passage is blank, or comes with feedback, which would count for more."""
        if self.copied is not None and (self.has_feedback or not self.copied.strip()):
            raise Invalid("must not be blank, and cannot be sent together with feedback", field="copied")

    def find_reward(self) -> float | None:
        """Return the reward of the answer. Raises Invalid where several are given, or no feedback at all."""
        given = [
            None if self.thumb is None else float(self.thumb),
            None if self.rating is None else (self.rating - MIDDLE_RATING) / 2,
            self.reward,
        ]
        rewards = [reward for reward in given if reward is not None]
        if len(rewards) > 1:
            raise Invalid("give one of thumb, rating and reward", field="reward")
        if not rewards and not self.helpful and not self.unhelpful and self.correction is None:
            raise Invalid("give one of thumb, rating, reward, helpful, unhelpful, correction or copied", field="thumb")
        return rewards[0] if rewards else None

    def find_correction(self) -> Correction | None:
        """Return the correction as it is remembered. Raises Invalid where it is blank."""
        if self.correction is None:
            return None
        text = " ".join(self.correction.split())
        if not text:
            raise Invalid("must not be blank", field="correction")
        return Correction(text=text, key=statement_key(text, now()))


@router.post("")
async def give_feedback(request: HttpRequest, payload: NewFeedback) -> Any:
    return await give(caller_of(request), payload)


async def give(caller: Caller, given: NewFeedback) -> Any:
    """Let the brain learn from a person's feedback on an answer and on the memories that it was shown.

    A passage that was copied is no feedback: the brain finds the memory that holds it.
    """
    caller.require(Role.OWNER, Role.MEMBER)
    given.check_copied()
    reward = None if given.copied else given.find_reward()
    correction = given.find_correction()
    turn = await own_turn(caller, given.turn_id)
    record = await asyncio.to_thread(agent().store.load, turn.id)
    await require_agent(caller, record.turn.agent_id, given.agent)
    best = record.best
    if best is None or best.bundle is None:
        raise NotFound("the turn has no answer to give feedback on", code="no_answer", field="turn_id")
    _check_shown(given, {memory.id for memory in best.bundle.memories})
    principal = principal_of(caller, record.turn.agent_id)
    if given.copied is not None:
        happened = _copied_passage(record, best, given.copied)
        return msgspec.to_builtins(await agent().brain.credit(principal, happened) if happened else NOTHING_SHOWN)
    answer = await agent().brain.feedback(
        principal,
        Feedback(
            conversation_id=record.turn.conversation_id,
            bundle_id=best.bundle.bundle_id,
            turn_id=turn.id,
            query=record.turn.content,
            response_text=best.spoken.text,
            helpful=tuple(given.helpful),
            unhelpful=tuple(given.unhelpful),
            metadata=_price(best),
            reward=reward,
            correction=correction,
            idempotency_key=given.idempotency_key,
        ),
    )
    return msgspec.to_builtins(answer)


def _copied_passage(record: TurnRecord, best: IterationRecord, passage: str) -> Credit | None:
    """Return what the brain is told; None where the answer was shown no memories."""
    bundle_id = best.bundle.bundle_id if best.bundle else None
    if bundle_id is None:
        return None
    return Credit(
        conversation_id=record.turn.conversation_id,
        source="copied",
        bundle_id=bundle_id,
        turn_id=record.turn.id,
        words=drop_citations(passage),
    )


def _price(best: IterationRecord) -> Metadata:
    spoken = best.spoken
    return Metadata(tokens=best.tokens, model=spoken.model, latency_ms=spoken.latency_ms, cost=spoken.cost)


def _check_shown(given: NewFeedback, shown: set[str]) -> None:
    """Raise Invalid for memories that the answer was not shown, or that are said to have both helped and not helped."""
    for field, ids in (("helpful", given.helpful), ("unhelpful", given.unhelpful)):
        for id_ in ids:
            if id_ not in shown:
                raise Invalid(f"the answer was not shown a memory {id_!r}", code="unknown_memory", field=field)
    for id_ in given.helpful:
        if id_ in given.unhelpful:
            raise Invalid(f"memory {id_!r} cannot be both helpful and unhelpful", field="helpful")
