"""Damaged facts of stored turns: every field of every fact missing, or with every JSON type.

Rules: start succeeds. Every turn ends, whether it was whole or interrupted; one that cannot be read is set aside and
reported. Every endpoint shows what can be read. The turns of other users continue, and their messages are remembered.
"""

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from random import Random
from typing import TYPE_CHECKING, Any

import msgspec

from soma.agent.llm.base import Delta, ModelRequest, ToolCall
from soma.agent.llm.scripted import ScriptedModel, calls, says
from soma.bench.fuzz.agents import Asker, open_asker
from soma.bench.fuzz.trials import RuleBroken, Trial
from soma.bench.fuzz.values import any_value, mutate
from soma.events.chain import Draft, Event
from soma.events.facts.turn import TurnComplete, TurnStarted
from soma.events.ids import new_id, now
from soma.events.log import Log
from soma.events.transaction import Transaction

if TYPE_CHECKING:
    from soma.agent.record.turn import TurnRecord

DAMAGED = 6  # turns of a trial
TURN = "tenant_id, user_id, content, created_at, worker, lease_expires_at, epoch, total_iterations"
MESSAGE = "tenant_id, role, parts, token_count, model, created_at"


class CalculatingModel:
    """A model that asks for one sum, then answers, whatever the question."""

    name = "calculating"
    context_tokens = 8_192

    async def stream(self, request: ModelRequest) -> AsyncGenerator[Delta, None]:
        answering = any(message.role == "tool" for message in request.messages) or not request.tools
        call = ToolCall(call_id="c", name="calculator", arguments={"expression": "6*7"})
        response = says("It is 42.", confidence=1.0) if answering else calls(call)
        async for delta in ScriptedModel([response]).stream(request):
            yield delta


@dataclass(frozen=True, slots=True)
class DamagedTurn:
    """A stored turn with the payloads of its events; `is_whole` if it had ended."""

    turn_id: str
    conversation_id: str
    payloads: tuple[str, ...]
    is_whole: bool


@asynccontextmanager
async def open_trial() -> AsyncIterator[Trial]:
    """Open a trial: store some damaged turns, restart all turns, and let another user ask something."""
    logging.getLogger("soma.agent").setLevel(logging.CRITICAL)  # it logs every turn that it sets aside
    async with open_asker(CalculatingModel()) as asker:
        neighbour = await _neighbour(asker)
        template = await asker.ask("What is 6 * 7?")

        async def trial(random: Random) -> str:
            damaged = [await _store(asker, template, random) for _ in range(DAMAGED)]
            tried = [one.payloads for one in damaged]
            try:
                await _restart(asker, neighbour)
                aside = [_check_turn(asker, one) for one in damaged]
            except RuleBroken:
                raise
            except Exception as error:
                raise RuleBroken(f"{type(error).__name__}: {error}", tried) from error
            return f"{sum(aside)} of {DAMAGED} set aside"

        yield trial


async def _restart(asker: Asker, neighbour: Asker) -> None:
    """Restart as the next process would; wait until every turn has ended and was remembered or skipped."""
    turns, database = asker.agent.turns, asker.agent.writer.database
    await turns.stop()
    await turns.start(is_alone=True)
    if (await neighbour.ask("My goose is called Plume.")).complete is None:
        raise RuleBroken("another tenant's turn did not end")
    behind = (
        "SELECT (SELECT COUNT(*) FROM agent_turn WHERE state <> 'complete'), "
        f"(SELECT MAX(position) FROM events WHERE event_type = '{TurnComplete.event_type}') - "
        "(SELECT MAX(position) FROM cursors WHERE consumer = 'remember')"
    )
    while database.query(behind) != [(0, 0)]:  # noqa: ASYNC110 - turns end by themselves
        await asyncio.sleep(0.01)


def _check_turn(asker: Asker, damaged: DamagedTurn) -> bool:
    """Check what is shown of the turn; return whether it was set aside."""
    from soma.agent.api.turn_views import trace_of  # noqa: PLC0415 - it needs Django

    record = asker.agent.store.load(damaged.turn_id)
    aside = dict(asker.agent.store.list_aside(limit=1_000_000))
    why = aside.get(damaged.turn_id)
    msgspec.json.encode(trace_of(record, messages=None, full=True, receipt=None))
    if record.unreadable and why is None:
        raise RuleBroken("a turn cannot be read, and is not reported", damaged.payloads)
    if not damaged.is_whole and record.complete is None and why is None:
        raise RuleBroken("an interrupted turn is over without an end", damaged.payloads)
    _check_frames(asker, damaged)
    return why is not None


def _check_frames(asker: Asker, damaged: DamagedTurn) -> None:
    """Check what a follower is sent: for each fact an object, or nothing."""
    from soma.agent.turn.feed import frame_of  # noqa: PLC0415 - it needs Django

    log = Log(asker.agent.writer.database)
    for event in log.read_conversation(asker.caller.tenant_id, damaged.conversation_id):
        if not isinstance(frame_of(event)["payload"], dict | None):
            raise RuleBroken("a frame's payload is no object", damaged.payloads)


async def _store(asker: Asker, template: "TurnRecord", random: Random) -> DamagedTurn:
    """Store a turn that was interrupted at any place or had ended, with one of its facts damaged."""
    events = Log(asker.agent.writer.database).read_stream(asker.caller.tenant_id, f"turn:{template.turn.id}")
    length = random.randint(1, len(events))
    payloads = [event.payload or "null" for event in events[:length]]
    number = random.randrange(length)
    payloads[number] = damage_payload(random, payloads[number])
    turn_id, conversation_id = new_id(), (await asker.converse()).conversation_id
    one = DamagedTurn(turn_id, conversation_id, tuple(payloads), is_whole=length == len(events))
    await asker.agent.writer.write(lambda transaction: _write(transaction, one, template.turn.id, events))
    return one


def damage_payload(random: Random, payload: str) -> str:
    """Return the payload with a field, or a part of it, of another type or missing; or no object at all."""
    fact: dict[str, Any] = json.loads(payload)
    match random.randrange(8):
        case 0:
            return random.choice(("", "{", "[]", "null", "5", '"text"', payload[:-1], payload * 2))
        case 1 | 2:
            return json.dumps(mutate(random, fact, random.choice((0.02, 0.1, 0.4))))
        case 3:
            del fact[random.choice(list(fact))]
        case 4 | 5:
            fact[random.choice(list(fact))] = any_value(random)
        case _:
            name = random.choice(list(fact))
            fact[name] = _value_of_same_type(random, fact[name])
    return json.dumps(fact)


def _value_of_same_type(random: Random, value: Any) -> Any:
    """Make another value of the same type, which can be read but makes no sense."""
    others = (any_value(random) for _ in range(50))
    return next((other for other in others if type(other) is type(value)), value)


def _write(transaction: Transaction, one: DamagedTurn, template_id: str, events: list[Event]) -> None:
    state = "complete" if one.is_whole else "running"
    transaction.execute(
        f"INSERT INTO agent_turn (id, conversation_id, state, number, {TURN}) "
        f"SELECT ?, ?, ?, 1, {TURN} FROM agent_turn WHERE id = ?",
        [one.turn_id, one.conversation_id, state, template_id],
    )
    roles = ("user", "assistant") if one.is_whole else ("user",)
    for role in roles if events[0].event_type == TurnStarted.event_type else ():
        transaction.execute(
            f"INSERT INTO agent_message (id, conversation_id, turn_id, turn_number, {MESSAGE}) "
            f"SELECT ?, ?, ?, 1, {MESSAGE} FROM agent_message WHERE turn_id = ? AND role = ?",
            [f"{one.turn_id}.{'q' if role == 'user' else 'a'}", one.conversation_id, one.turn_id, template_id, role],
        )
    for event, payload in zip(events, one.payloads, strict=False):
        transaction.append(_draft(event, one, payload))


def _draft(event: Event, one: DamagedTurn, payload: str) -> Draft:
    return Draft(
        event_id=new_id(),
        event_type=event.event_type,
        version=event.version,
        tenant_id=event.tenant_id,
        stream=f"turn:{one.turn_id}",
        timestamp=now(),
        payload=payload,
        user_id=event.user_id,
        agent_id=event.agent_id,
        conversation_id=one.conversation_id,
        turn_id=one.turn_id,
    )


async def _neighbour(asker: Asker) -> Asker:
    """Make the owner of another tenant."""
    from asgiref.sync import sync_to_async  # noqa: PLC0415 - as the others

    from soma.agent.access.accounts import ensure_capsule  # noqa: PLC0415
    from soma.agent.models import Membership, Role, Tenant, User  # noqa: PLC0415

    def make() -> tuple[str, str]:
        tenant = Tenant.objects.create(id="neighbour", name="neighbour")
        user = User.objects.create(username=User.login(tenant.id, "nell"))
        Membership.objects.create(tenant=tenant, user=user, role=Role.OWNER)
        return user.id, ensure_capsule(tenant).id

    user_id, capsule_id = await sync_to_async(make)()
    caller = replace(asker.caller, tenant_id="neighbour", user_id=user_id)
    return await Asker(asker.agent, caller, "", capsule_id).converse()
