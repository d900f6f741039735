"""The table `memory_consolidations`: what each one made, of what, and which links it reinforced."""

import json
from collections.abc import Sequence

from soma.events.database import Reader
from soma.events.facts.memory import MemoryConsolidated
from soma.events.ids import now
from soma.events.transaction import Transaction
from soma.memory.rows.memories import text_of
from soma.memory.types import Address, ConsolidationRow, MemoryRecord, Owner

VISIBLE = "tenant_id = ? AND namespace = ? AND scope_owner IN (?, ?, ?)"


SELECT = f"SELECT {', '.join(ConsolidationRow.__slots__)} FROM memory_consolidations"


def list_consolidations(reader: Reader, owner: Owner, namespace: str, *, limit: int) -> list[ConsolidationRow]:
    """Return the newest ones that the owner may see."""
    where = f"WHERE {VISIBLE} ORDER BY created_at DESC LIMIT ?"
    return _read(reader, where, [owner.tenant_id, namespace, *owner.visible(), limit])


def find_consolidation(reader: Reader, owner: Owner, namespace: str, consolidation_id: str) -> ConsolidationRow | None:
    found = _read(
        reader, f"WHERE id = ? AND {VISIBLE}", [consolidation_id, owner.tenant_id, namespace, *owner.visible()]
    )
    return found[0] if found else None


def read_past_sources(reader: Reader, address: Address, phase: str) -> list[list[str]]:
    """Return the sources of all earlier consolidations, undone ones too: nobody wants those back the next night."""
    found = reader.query(
        "SELECT sources FROM memory_consolidations "
        "WHERE tenant_id = ? AND namespace = ? AND scope_owner = ? AND phase = ? ORDER BY created_at",
        [*address, phase],
    )
    return [json.loads(sources) for (sources,) in found]


def is_made_by_consolidation(reader: Reader, memory: MemoryRecord) -> bool:
    """Return whether the consolidation that its metadata names says so too."""
    found = reader.query(
        "SELECT made FROM memory_consolidations WHERE id = ? AND tenant_id = ? AND scope_owner = ?",
        [text_of(memory.metadata, "consolidation"), memory.tenant_id, memory.scope_owner],
    )
    return any(memory.id in json.loads(made) for (made,) in found)


def write_consolidation(transaction: Transaction, address: Address, fact: MemoryConsolidated) -> None:
    lists = [json.dumps(value) for value in (fact.made, fact.sources, fact.links)]
    transaction.execute(
        "INSERT INTO memory_consolidations "
        "(id, tenant_id, namespace, scope_owner, phase, made, sources, links, method, created_at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [fact.consolidation_id, *address, fact.phase, *lists, fact.method, now()],
    )


def mark_undone(transaction: Transaction, consolidation_id: str) -> None:
    transaction.execute("UPDATE memory_consolidations SET undone_at = ? WHERE id = ?", [now(), consolidation_id])


def _read(reader: Reader, where: str, parameters: Sequence[object]) -> list[ConsolidationRow]:
    rows = []
    for found in reader.query(f"{SELECT} {where}", parameters):
        values = dict(zip(ConsolidationRow.__slots__, found, strict=True))
        lists = {name: json.loads(values[name]) for name in ("made", "sources", "links")}
        rows.append(ConsolidationRow(**values | lists))
    return rows
