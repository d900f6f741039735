"""The table `memory_links`: directed, with a relation and a weight in (0, 1]."""

from collections.abc import Iterable, Iterator, Sequence

from soma.events.database import Reader, Row
from soma.events.sql import placeholders, split_values
from soma.events.transaction import Transaction
from soma.memory.relations import CARRIES, NOT_FOLLOWED, PROVENANCE
from soma.memory.rows.consolidations import is_made_by_consolidation
from soma.memory.rows.memories import SELECT, to_record
from soma.memory.rows.statements import LIVING
from soma.memory.types import Address, Link, MemoryRecord

UPSERT = (
    "INSERT INTO memory_links (tenant_id, from_id, to_id, relation, weight) VALUES (?, ?, ?, ?, ?) "
    "ON CONFLICT (from_id, to_id, relation) DO UPDATE SET weight = excluded.weight"
)
ONE = "WHERE from_id = ? AND to_id = ? AND relation = ?"
DANGLING = (
    "FROM memory_links l LEFT JOIN memories a ON a.id = l.from_id LEFT JOIN memories b ON b.id = l.to_id "
    "WHERE (a.id IS NULL OR b.id IS NULL OR a.forgotten_at IS NOT NULL OR b.forgotten_at IS NOT NULL "
    "OR a.tenant_id <> l.tenant_id OR b.tenant_id <> l.tenant_id)"
)

LinkKey = tuple[str, str, str]  # from, to, relation


def to_link(row: Row) -> Link:
    from_id, to_id, relation, weight = row
    return Link(from_id=from_id, to_id=to_id, relation=relation, weight=weight)


def read_partition_links(reader: Reader, address: Address) -> Iterator[Link]:
    """Yield links that begin or end in the partition and that recall follows."""
    for end in ("from_id", "to_id"):
        found = reader.query(
            "SELECT l.from_id, l.to_id, l.relation, l.weight FROM memory_links l "
            f"CROSS JOIN memories m WHERE l.tenant_id = ? AND m.id = l.{end} AND {LIVING} AND m.scope_owner = ? "
            "AND l.relation NOT IN (?, ?, ?)",  # SQLite keeps the order of a cross join: the links are few
            [address[0], *address, *NOT_FOLLOWED],
        )
        yield from map(to_link, found)


def find_links_from(reader: Reader, ids: Iterable[str]) -> list[Link]:
    found: list[Link] = []
    for some in split_values(ids):
        where = f"WHERE from_id IN ({placeholders(some)}) ORDER BY from_id, to_id, relation"
        sql = f"SELECT from_id, to_id, relation, weight FROM memory_links {where}"
        found.extend(map(to_link, reader.query(sql, some)))
    return found


def find_links_between(reader: Reader, one: str, other: str) -> list[Link]:
    """Return the links between two memories, either way."""
    found = reader.query(
        "SELECT from_id, to_id, relation, weight FROM memory_links "
        "WHERE (from_id = ? AND to_id = ?) OR (from_id = ? AND to_id = ?)",
        [one, other, other, one],
    )
    return list(map(to_link, found))


def find_synthesised(reader: Reader, ids: Iterable[str]) -> list[MemoryRecord]:
    """Find living memories that a consolidation made of any of `ids`.

    A link alone proves nothing: anybody may have made it before its relation was reserved.
    """
    found: dict[str, MemoryRecord] = {}
    for some in split_values(ids):
        sql = (
            f"{SELECT} JOIN memory_links l ON l.from_id = m.id JOIN memories s ON s.id = l.to_id "
            "WHERE m.forgotten_at IS NULL AND m.tenant_id = s.tenant_id AND m.namespace = s.namespace "
            f"AND m.scope_owner = s.scope_owner AND s.id IN ({placeholders(some)}) AND l.relation IN (?, ?)"
        )
        found |= {memory.id: memory for memory in map(to_record, reader.query(sql, [*some, *PROVENANCE]))}
    return [memory for memory in found.values() if is_made_by_consolidation(reader, memory)]


def find_taken(reader: Reader, ids: Iterable[str]) -> list[MemoryRecord]:
    """Find living memories whose text was taken from any of `ids`, whosever they are."""
    found: dict[str, MemoryRecord] = {}
    for some in split_values(ids):
        sql = (
            f"{SELECT} JOIN memory_links l ON l.from_id = m.id AND l.tenant_id = m.tenant_id "
            f"WHERE m.forgotten_at IS NULL AND l.to_id IN ({placeholders(some)}) AND l.relation = ?"
        )
        found |= {memory.id: memory for memory in map(to_record, reader.query(sql, [*some, CARRIES]))}
    return list(found.values())


def count_links_by_owner(reader: Reader, tenant_id: str) -> list[tuple[str | None, int]]:
    """Count a tenant's links by the owner name of the memory that they begin in; None where it is gone."""
    found = reader.query(
        "SELECT a.scope_owner, COUNT(*) FROM memory_links l LEFT JOIN memories a ON a.id = l.from_id "
        "WHERE l.tenant_id = ? GROUP BY a.scope_owner",
        [tenant_id],
    )
    return [(owner, int(count)) for owner, count in found]


def find_dangling(reader: Reader, tenant_id: str) -> list[tuple[str | None, str, str, str]]:
    """Find links with an end that is gone or of another tenant: owner name of the beginning, from, to, relation."""
    sql = f"SELECT a.scope_owner, l.from_id, l.to_id, l.relation {DANGLING} AND l.tenant_id = ?"
    return [(owner, one, other, relation) for owner, one, other, relation in reader.query(sql, [tenant_id])]


def find_tenants_with_dangling(reader: Reader) -> set[str]:
    return {tenant_id for (tenant_id,) in reader.query(f"SELECT DISTINCT l.tenant_id {DANGLING}")}


def write_link(transaction: Transaction, tenant_id: str, link: Link) -> None:
    transaction.execute(UPSERT, [tenant_id, link.from_id, link.to_id, link.relation, link.weight])


def restore_link(transaction: Transaction, key: LinkKey, *, before: float | None, after: float) -> bool:
    """Give a link of weight `after` back its weight, or delete it for None; return False where it was changed since."""
    if transaction.query(f"SELECT weight FROM memory_links {ONE}", key) != [(after,)]:
        return False
    if before is None:
        transaction.execute(f"DELETE FROM memory_links {ONE}", key)
    else:
        transaction.execute(f"UPDATE memory_links SET weight = ? {ONE}", [before, *key])
    return True


def delete_links_of(transaction: Transaction, memory_id: str) -> None:
    """Delete all links from and to a memory."""
    transaction.execute("DELETE FROM memory_links WHERE from_id = ? OR to_id = ?", [memory_id, memory_id])


def delete_links_from(transaction: Transaction, memory_id: str, relation: str) -> None:
    transaction.execute("DELETE FROM memory_links WHERE from_id = ? AND relation = ?", [memory_id, relation])


def delete_links(transaction: Transaction, links: Sequence[LinkKey]) -> None:
    transaction.executemany(f"DELETE FROM memory_links {ONE}", links)
