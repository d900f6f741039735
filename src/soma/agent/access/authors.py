"""Names of the authors of shared memories: the brain knows the verified user, the agent that user's name."""

from collections.abc import Sequence
from typing import TypeVar

from django.db import OperationalError
from msgspec.structs import replace

from soma.agent.models import User
from soma.brain.types import RecalledMemory, StoredMemory
from soma.events.errors import ReadFailed

UNKNOWN = "an unknown author"

M = TypeVar("M", RecalledMemory, StoredMemory)


async def signed(tenant_id: str, memories: Sequence[M]) -> list[M]:
    """The memories with names of users of the tenant, also of former ones, in the place of their ids.

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
