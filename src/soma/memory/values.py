"""The learned value of memories: the brain decides it, memory keeps it and shows it as a view."""

from collections.abc import Mapping, Sequence

from soma.events.database import Reader
from soma.events.transaction import Transaction
from soma.memory import checks
from soma.memory.store import Store

Written = Sequence[tuple[str, str, str, float]]  # namespace, owner name, id, value


def read(reader: Reader, tenant_id: str, ids: Sequence[str]) -> dict[str, float]:
    """The values of those that are remembered."""
    learned: dict[str, float] = {}
    for memory_id in dict.fromkeys(ids):
        found = reader.query(
            "SELECT value FROM memories WHERE tenant_id = ? AND id = ? AND forgotten_at IS NULL", [tenant_id, memory_id]
        )
        if found:
            learned[memory_id] = float(found[0][0])
    return learned


def write(tx: Transaction, tenant_id: str, values: Mapping[str, float]) -> Written:
    """Set values within the caller's transaction; memories that are gone are left out. `apply` after the commit."""
    written = []
    for memory_id, value in values.items():
        checks.number(value, f"values[{memory_id}]", low=0, high=1)
        found = tx.query(
            "SELECT namespace, scope_owner FROM memories WHERE tenant_id = ? AND id = ? AND forgotten_at IS NULL",
            [tenant_id, memory_id],
        )
        for namespace, owner in found:
            tx.execute("UPDATE memories SET value = ? WHERE id = ?", [value, memory_id])
            written.append((namespace, owner, memory_id, value))
    return written


def apply(store: Store, tenant_id: str, written: Written) -> None:
    for namespace, owner, memory_id, value in written:
        with store.partitions.locked(tenant_id, namespace):
            if (partition := store.partitions.present((tenant_id, namespace, owner))) is not None:
                partition.set_value(memory_id, value)
