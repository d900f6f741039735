"""The right to change a memory: a shared one only its author or an owner of the tenant. Pure; callers act on it."""

from soma.memory.errors import NotTheAuthor
from soma.memory.types import MemoryRecord, Owner


def may_change(owner: Owner, memory: MemoryRecord) -> bool:
    """Return whether the owner may change or forget a memory that it sees.

    Nobody else sees a private memory. A shared one without an author is for owners of the tenant.
    """
    return memory.scope == "user" or owner.is_tenant_owner or memory.author == owner.user_id


def check(owner: Owner, memory: MemoryRecord, field: str) -> None:
    """Raise NotTheAuthor where the owner may not change the memory."""
    if not may_change(owner, memory):
        raise NotTheAuthor(field=field)
