"""Agents for fuzzers: a whole agent in a folder of its own; one a process, because Django is set up once."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from soma.agent.llm.base import Model

if TYPE_CHECKING:  # they need Django, which reads its settings when it is imported
    from soma.agent.access.auth import Caller
    from soma.agent.record.turn import TurnRecord
    from soma.agent.running import Agent


@dataclass(slots=True)
class Asker:
    """The owner of an agent, in a conversation."""

    agent: "Agent"
    caller: "Caller"
    conversation_id: str
    capsule_id: str

    async def converse(self) -> "Asker":
        """Return the same caller in a new conversation."""
        from soma.agent.models import Conversation  # noqa: PLC0415 - see above

        made = await Conversation.objects.acreate(
            tenant_id=self.caller.tenant_id, user_id=self.caller.user_id, capsule_id=self.capsule_id
        )
        return Asker(self.agent, self.caller, str(made.id), self.capsule_id)

    async def ask(self, content: str) -> "TurnRecord":
        """Send a message and return its whole turn, as it is stored."""
        from soma.agent.api.send_message import send  # noqa: PLC0415 - see above

        turn_id, after = await send(self.agent, self.caller, self.conversation_id, content=content)
        follow = self.agent.turns.follow(self.caller.tenant_id, self.conversation_id, turn_id, after=after)
        async for _ in follow:
            pass
        return self.agent.store.load(turn_id)


@asynccontextmanager
async def open_asker(model: Model) -> AsyncIterator[Asker]:
    """Open an agent whose only model is `model`, without retries."""
    with TemporaryDirectory(prefix="soma-fuzz-") as folder:
        os.environ |= {"SOMA_DATA_DIR": folder, "DJANGO_SETTINGS_MODULE": "soma.agent.django_settings"}
        import django  # noqa: PLC0415

        django.setup()
        from soma.agent.access.auth import authenticate  # noqa: PLC0415
        from soma.agent.models import Capsule  # noqa: PLC0415
        from soma.agent.root import TOKEN_FILE, open_agent  # noqa: PLC0415
        from soma.agent.settings import Settings  # noqa: PLC0415

        settings = Settings(data_dir=Path(folder), model_retries=0, max_iterations=3)
        async with open_agent(settings, find_model=lambda _: model) as agent:
            caller = await authenticate(f"Bearer {(Path(folder) / TOKEN_FILE).read_text().strip()}")
            capsule = await Capsule.objects.aget(tenant_id=caller.tenant_id)
            yield await Asker(agent, caller, "", capsule.id).converse()
