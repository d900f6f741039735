"""Walking through all memories in small steps, whatever is written meanwhile."""

from collections.abc import Iterator, Sequence

from soma.events.database import Reader
from soma.memory import rows
from soma.memory.index.cache import Address
from soma.memory.rows import Embedding
from soma.memory.types import MemoryRecord, Owner

PAGE = 250  # memories a step

Page = list[tuple[MemoryRecord, Embedding | None]]


def tenants(reader: Reader) -> Iterator[str]:
    """One look into the index a tenant, however many memories there are."""
    last = ""
    while found := reader.query(
        "SELECT tenant_id FROM memories WHERE forgotten_at IS NULL AND tenant_id > ? ORDER BY tenant_id LIMIT 1", [last]
    ):
        last = str(found[0][0])
        yield last


def addresses(reader: Reader, tenant_id: str) -> list[Address]:
    found = reader.query(
        "SELECT DISTINCT namespace, scope_owner FROM memories "
        "WHERE forgotten_at IS NULL AND tenant_id = ? ORDER BY namespace, scope_owner",
        [tenant_id],
    )
    return [(tenant_id, namespace, owner) for namespace, owner in found]


def pages(reader: Reader, tenant_id: str, model: str, *, size: int = PAGE) -> Iterator[Page]:
    """All living memories of a tenant with what `model` made of them, partition by partition."""
    for address in addresses(reader, tenant_id):
        position = -1
        while page := _page(reader, address, model, position, size):
            yield page
            position = page[-1][0].position


def _page(reader: Reader, address: Address, model: str, after: int, size: int) -> Page:
    where = f"{rows.LIVING} AND m.scope_owner = ? AND m.position > ? ORDER BY m.position LIMIT ?"
    return list(rows.embedded(reader, model, where, [*address, after, size]))


def count(reader: Reader, tenant_id: str) -> int:
    found = reader.query("SELECT COUNT(*) FROM memories WHERE forgotten_at IS NULL AND tenant_id = ?", [tenant_id])
    return int(found[0][0])


def lacking(reader: Reader, tenant_id: str, model: str) -> int:
    """How many living memories have no vector of `model` that was made of their present text."""
    return _lacking(reader, model, "m.tenant_id = ?", [tenant_id])


def seen(reader: Reader, owner: Owner, model: str) -> tuple[int, int]:
    """How many living memories an owner sees in all namespaces, and how many of these lack a vector of `model`."""
    where = "m.tenant_id = ? AND m.scope_owner IN (?, ?, ?)"
    parameters = [owner.tenant_id, *owner.visible()]
    found = reader.query(f"SELECT COUNT(*) FROM memories m WHERE m.forgotten_at IS NULL AND {where}", parameters)
    return int(found[0][0]), _lacking(reader, model, where, parameters)


def _lacking(reader: Reader, model: str, where: str, parameters: Sequence[str]) -> int:
    found = reader.query(
        "SELECT COUNT(*) FROM memories m LEFT JOIN memory_embeddings e ON e.memory_id = m.id AND e.model = ? "
        f"WHERE m.forgotten_at IS NULL AND {where} AND (e.source IS NULL OR e.source <> m.checksum)",
        [model, *parameters],
    )
    return int(found[0][0])
