"""Rows on their way into tables: they wait for the end of a commit, to go many to a statement."""

import operator
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache, partial
from itertools import chain
from typing import NamedTuple

from soma.events.database import Connection, Row
from soma.events.sql import placeholders

ROWS = 256  # a statement at most: one long step lets other threads run, a thousand short ones make each other wait
FEW = 32  # rows that go into one statement whatever their number; more in 2^n, so that there are few to prepare

Amounts = tuple[float, ...]


class Sums(NamedTuple):
    """A table of running sums: one row a key."""

    table: str
    key: tuple[str, ...]
    amounts: tuple[str, ...]


class Pending:
    def __init__(self) -> None:
        self._rows: dict[tuple[str, tuple[str, ...]], list[Row]] = {}  # by table and columns
        self._added: dict[tuple[Sums, Row], Amounts] = {}

    def insert(self, table: str, columns: tuple[str, ...], rows: Iterable[Row]) -> None:
        self._rows.setdefault((table, columns), []).extend(rows)

    def add(self, sums: Sums, key: Row, amounts: Amounts) -> None:
        known = self._added.get((sums, key))
        self._added[sums, key] = amounts if known is None else tuple(map(operator.add, known, amounts))

    def move_to(self, earlier: "Pending") -> None:
        for (table, columns), rows in self._rows.items():
            earlier.insert(table, columns, rows)
        for (sums, key), amounts in self._added.items():
            earlier.add(sums, key, amounts)

    @property
    def holds_rows(self) -> bool:
        return bool(self._rows)

    def write_rows(self, connection: Connection) -> None:
        for (table, columns), rows in self._rows.items():
            _write(connection, rows, partial(_insertion, table, columns))
        self._rows.clear()

    def write_sums(self, connection: Connection) -> None:
        by_table: dict[Sums, list[Row]] = {}
        for (sums, key), amounts in self._added.items():
            by_table.setdefault(sums, []).append((*key, *amounts))
        for sums, rows in by_table.items():
            _write(connection, rows, partial(_addition, sums))
        self._added.clear()


def _write(connection: Connection, rows: Sequence[Row], statement: Callable[[int], str]) -> None:
    start = 0
    while left := len(rows) - start:
        count = left if left <= FEW else min(1 << left.bit_length() - 1, ROWS)
        connection.execute(statement(count), list(chain.from_iterable(rows[start : start + count])))
        start += count


@lru_cache(64)
def _addition(sums: Sums, count: int) -> str:
    names = (*sums.key, *sums.amounts)
    grown = ", ".join(f"{name} = {sums.table}.{name} + excluded.{name}" for name in sums.amounts)
    return f"{_insertion(sums.table, names, count)} ON CONFLICT ({', '.join(sums.key)}) DO UPDATE SET {grown}"


@lru_cache(256)
def _insertion(table: str, columns: tuple[str, ...], count: int) -> str:
    row = f"({placeholders(columns)})"
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES {', '.join([row] * count)}"
