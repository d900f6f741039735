"""Names of the authors of shared memories: the brain knows the user's id, the agent that user's name."""

from collections.abc import Sequence
from typing import TypeVar

from django.db import OperationalError
from msgspec.structs import replace

from soma.agent.models import User
from soma.brain.types import StoredMemory
from soma.events.errors import ReadFailed
from soma.events.facts.turn import RecalledMemory

UNKNOWN = "an unknown author"

M = TypeVar("M", RecalledMemory, StoredMemory)


async def name_authors(tenant_id: str, memories: Sequence[M]) -> list[M]:
    """Return the memories with their authors' names in place of their ids; former users of the tenant are named too.

    Raises ReadFailed where the database is away.
    """
    ids = {memory.author for memory in memories if memory.author}
    if not ids:
        return list(memories)
    ending = User.login(tenant_id, "")
    users = User.objects.filter(id__in=ids, username__endswith=ending)
    try:
        names = {user.id: user.name async for user in users}
    except OperationalError as error:
        raise ReadFailed(f"{ReadFailed.__doc__} ({error})") from error
    return [
        replace(memory, author=names.get(memory.author, UNKNOWN)) if memory.author else memory for memory in memories
    ]
