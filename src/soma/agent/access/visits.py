"""Visits: open streams and sockets, and turns under way, which end with the right of their member to be here.

Each process checks its own, at once after a change that it made itself, else every few seconds: so it also notices a
change made in another process on the same database, and a token that runs out.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from weakref import WeakSet

from django.db import OperationalError
from django.db.models import Exists, OuterRef

from soma.agent.access.auth import Caller, live_tokens
from soma.agent.errors import AgentError, Unauthorized
from soma.agent.models import Membership, Role, Turn

AT_ONCE = 500  # tokens a query
ENDED = "the token was revoked or has run out, or its member was removed"

logger = logging.getLogger(__name__)

Leave = Callable[[AgentError], None]
Cancel = Callable[[str], Awaitable[None]]  # by the turn's id, whichever process runs it


class Visit:
    """One open stream or socket. It counts as open as long as an object refers to it."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller
        self.refusal: AgentError | None = None
        self._leaving: set[Leave] = set()

    @contextmanager
    def call_on_end(self, leave: Leave) -> Iterator[None]:
        """Call `leave`, within the context, once the caller may no longer be here."""
        self._leaving.add(leave)
        try:
            if self.refusal is not None:
                leave(self.refusal)
            yield
        finally:
            self._leaving.discard(leave)

    def end(self, refusal: AgentError) -> None:
        self.refusal = refusal
        for leave in list(self._leaving):
            leave(refusal)


class Visits:
    """The open streams and sockets of this process."""

    def __init__(self, cancel: Cancel, *, seconds: float) -> None:
        self._cancel = cancel
        self._seconds = seconds
        self._open: WeakSet[Visit] = WeakSet()

    def open(self, caller: Caller) -> Visit:
        visit = Visit(caller)
        self._open.add(visit)
        return visit

    async def check(self) -> None:
        """End visits whose tokens are no longer valid, and turns of users who may no longer chat."""
        await self._end_visits()
        await self._cancel_turns()

    async def run(self) -> None:
        while True:
            await asyncio.sleep(self._seconds)
            try:
                await self.check()
            except OperationalError as error:
                logger.warning("access cannot be checked now: %s", error)
            except Exception:
                logger.exception("access was not checked")

    async def _end_visits(self) -> None:
        visits = [visit for visit in self._open if visit.refusal is None]
        tokens = list({visit.caller.token_id for visit in visits})
        live: set[str] = set()
        for start in range(0, len(tokens), AT_ONCE):
            asked = live_tokens().filter(id__in=tokens[start : start + AT_ONCE])
            live.update([token_id async for token_id in asked.values_list("id", flat=True)])
        for visit in visits:
            if visit.caller.token_id not in live:
                visit.end(Unauthorized(ENDED, code="token_invalid"))

    async def _cancel_turns(self) -> None:
        may_chat = Membership.objects.filter(
            tenant=OuterRef("tenant"),
            user=OuterRef("user"),
            role__in=[Role.OWNER, Role.MEMBER],
            user__is_active=True,
        )
        forsaken = Turn.objects.filter(~Exists(may_chat), state__in=[Turn.State.QUEUED, Turn.State.RUNNING])
        for turn_id in [turn_id async for turn_id in forsaken.order_by("-id").values_list("id", flat=True)]:
            await self._cancel(turn_id)
