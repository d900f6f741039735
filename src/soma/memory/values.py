"""Learned values of memories: the brain decides them, memory stores them and shows them as a view."""

from collections.abc import Mapping, Sequence
from functools import partial

from soma.events.database import Reader
from soma.events.transaction import Transaction
from soma.memory import checks
from soma.memory.index.partition import Partition
from soma.memory.rows.memories import read_value, write_value
from soma.memory.store import Store

WrittenValues = Sequence[tuple[str, str, str, float]]  # namespace, owner name, id, value


def read(reader: Reader, tenant_id: str, ids: Sequence[str]) -> dict[str, float]:
    """Return the values of those that are remembered."""
    learned: dict[str, float] = {}
    for memory_id in dict.fromkeys(ids):
        if (value := read_value(reader, tenant_id, memory_id)) is not None:
            learned[memory_id] = value
    return learned


def write(transaction: Transaction, tenant_id: str, values: Mapping[str, float]) -> WrittenValues:
    """Set values within the caller's transaction; memories that are gone are left out.

    Call `apply` after the commit.
    """
    written = []
    for memory_id, value in values.items():
        checks.number(value, f"values[{memory_id}]", low=0, high=1)
        if (address := write_value(transaction, tenant_id, memory_id, value)) is not None:
            written.append((*address[1:], memory_id, value))
    return written


def apply(store: Store, tenant_id: str, written: WrittenValues) -> None:
    for namespace, owner, memory_id, value in written:
        store.partitions.change((tenant_id, namespace, owner), partial(_set, memory_id=memory_id, value=value))


def _set(partition: Partition, *, memory_id: str, value: float) -> None:
    partition.set_value(memory_id, value)
