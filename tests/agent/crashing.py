"""Processes that die where they are told to. One process imports everything once; each play is a fork of it.

`python -m tests.agent.crashing` reads plays as JSON lines, and answers each with its pid and then with its exit status.
"""

import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import AsyncGenerator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    os.environ["SOMA_DATA_DIR"] = tempfile.mkdtemp(prefix="soma-crashing-")
    os.environ["DJANGO_SETTINGS_MODULE"] = "soma.agent.django_settings"
    import django

    django.setup()

from tests.agent.stage import Append, Person, Stage, call, opened

from soma.agent.access.auth import Caller
from soma.agent.llm.base import Delta, ModelRequest
from soma.agent.llm.scripted import Response, ScriptedModel, calls, says
from soma.agent.memory.remember import memory_consumer
from soma.agent.models import Message, Turn
from soma.agent.settings import Settings
from soma.agent.tools.base import ToolContext, ToolResult
from soma.events.chain import verify
from soma.events.database import Database
from soma.events.log import Log

DIED = 9
ANSWER = "A line was written."


@dataclass(frozen=True, kw_only=True)
class Play:
    """One process: it ends what earlier ones have left, then `person` sends a message and something happens.

    `crash_at` is the number of the commit of that turn after which the process ends; `hang_in` is where it waits to be
    killed. Person 0 only looks at what all the others have, number -1 makes them.
    """

    folder: str
    database: str
    person: int
    crash_at: int = 0
    hang_in: str = ""  # speech, tool or learning
    queued: bool = False
    patient: bool = True  # waits until the earlier turns have ended before it sends


def hang(folder: Path) -> None:
    (folder / "hanging").touch()
    time.sleep(60)


@dataclass
class Acting:
    """Asks for a line to be appended, then answers; what it says depends on nothing but the request."""

    play: Play
    name: str = "acting"
    context_tokens: int = 8_192

    async def stream(self, request: ModelRequest) -> AsyncGenerator[Delta, None]:
        answering = any(message.role == "tool" for message in request.messages)
        response: Response = says(ANSWER, confidence=1.0) if answering else calls(call("append", text="a line"))
        async for delta in ScriptedModel([response]).stream(request):
            yield delta
            if answering and self.play.hang_in == "speech":
                hang(Path(self.play.folder))


@dataclass
class Hanging(Append):
    """Dies between what it did and its saying so."""

    async def run(self, arguments: dict[str, Any], context: ToolContext) -> ToolResult:
        await super().run(arguments, context)
        hang(self.path.parent)
        raise AssertionError("killed before")


@dataclass
class Fuse:
    """Ends the process after so many commits from when it was lit."""

    commits: int
    lit: bool = False

    def __call__(self, _: str) -> None:
        self.commits -= self.lit
        if self.lit and self.commits == 0:
            os._exit(DIED)


async def act(play: Play) -> None:
    folder = Path(play.folder)
    fuse = Fuse(play.crash_at)
    async with opened(
        Settings(data_dir=folder, database_url=play.database), crash=fuse, models={"acting": Acting(play)}
    ) as stage:
        if play.person < 0:
            await prepare(stage, folder)
            return
        fuse.lit = not play.patient
        await all_ended(stage)
        if play.person == 0:
            people = [await describe(person) for person in people_of(stage, folder)]
            (folder / "found.json").write_text(json.dumps(people))
            return
        ann = people_of(stage, folder)[play.person]
        prepare_to_hang(play, stage, folder)
        fuse.lit = True
        await ann.sends("append a line")
        if play.queued:
            await ann.sends("and another", on_busy="enqueue")
        await all_ended(stage)


def prepare_to_hang(play: Play, stage: Stage, folder: Path) -> None:
    if play.hang_in == "tool":
        stage.tools["append"].__class__ = Hanging
    if play.hang_in == "learning":
        hang_after_learning(stage, folder)


def hang_after_learning(stage: Stage, folder: Path) -> None:
    """The brain has committed what it learned, the agent has not recorded it."""
    learn = stage.agent.brain.publish_turn_metrics

    async def learn_and_hang(*given: Any, **named: Any) -> Any:
        await learn(*given, **named)
        hang(folder)

    stage.agent.brain.publish_turn_metrics = learn_and_hang  # type: ignore[method-assign]


PEOPLE = 24


async def prepare(stage: Stage, folder: Path) -> None:
    people = [await stage.newcomer(model="acting") for _ in range(PEOPLE)]
    fields = [
        {"caller": asdict(one.caller), "capsule_id": one.capsule_id, "conversation_id": one.conversation_id}
        for one in people
    ]
    (folder / "people.json").write_text(json.dumps(fields))


def people_of(stage: Stage, folder: Path) -> list[Person]:
    people = json.loads((folder / "people.json").read_text())
    return [Person(stage=stage, **{**fields, "caller": Caller(**fields["caller"])}) for fields in people]


async def all_ended(stage: Stage) -> None:
    """All turns are over and remembered."""
    memory = memory_consumer(stage.agent.writer, stage.agent.store, stage.agent.brain)
    log = stage.agent.writer.database
    async with asyncio.timeout(20):
        while await Turn.objects.exclude(state="complete").aexists():  # noqa: ASYNC110 - they run by themselves
            await asyncio.sleep(0.01)
        [(last,)] = log.query("SELECT COALESCE(MAX(position), 0) FROM events WHERE event_type = 'chat.turn_complete'")
        while memory.position() < last:  # noqa: ASYNC110 - it runs by itself
            await asyncio.sleep(0.01)


async def describe(ann: Person) -> dict[str, Any]:
    """Describe a person's conversation."""
    turns = [turn.id async for turn in Turn.objects.filter(conversation_id=ann.conversation_id).order_by("id")]
    records = [ann.agent.store.load(turn_id) for turn_id in turns]
    for turn_id in turns:
        verify(ann.events(turn_id))
    verify_what_was_learned(ann)
    learner = await ann.agent.brain.state(ann.principal)
    memories = await ann.agent.brain.memories(ann.principal)
    appended = (ann.agent.settings.data_dir / "appended").read_text()
    return {
        "kinds": [ann.kinds(turn_id) for turn_id in turns],
        "answers": [record.complete.content if record.complete else None for record in records],
        "tools": [use.finished.status if use.finished else None for record in records for use in record.tool_uses],
        "appended": sum(appended.count(turn_id) for turn_id in turns),
        "messages": await Message.objects.filter(conversation_id=ann.conversation_id).acount(),
        "iterations": [len(await ann.rows(turn_id)) for turn_id in turns],
        "learner_version": learner.version,
        "memories": sorted(memory.text for memory in memories.memories),
    }


def verify_what_was_learned(ann: Person) -> None:
    brain = Database(f"sqlite:///{ann.agent.settings.data_dir / 'brain.sqlite3'}")
    tenant_id = ann.caller.tenant_id
    for (stream,) in brain.query("SELECT DISTINCT stream FROM events WHERE tenant_id = ?", [tenant_id]):
        verify(Log(brain).read_stream(tenant_id, stream))


def perform(play: Play) -> None:
    """In a fork: act, and end without returning to the loop that forks."""
    from django.db import connections

    from soma.agent.django_settings import database

    connections["default"].settings_dict.update(database(play.database))
    try:
        asyncio.run(act(play))
    except BaseException:  # noqa: BLE001 - a fork must not come back
        import traceback

        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def main() -> None:
    for line in sys.stdin:
        play = Play(**json.loads(line))
        if (pid := os.fork()) == 0:
            perform(play)
        print(json.dumps({"pid": pid}), flush=True)  # noqa: T201 - the protocol
        _, status = os.waitpid(pid, 0)
        print(json.dumps({"status": os.waitstatus_to_exitcode(status)}), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
