"""Lists of values in SQL statements, in pieces that every database takes."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

T = TypeVar("T")
LONGEST_LIST = 500  # values in one statement


def split_values(values: Iterable[T]) -> Iterator[list[T]]:
    """Yield the distinct values in their order, at most LONGEST_LIST at a time."""
    distinct = list(dict.fromkeys(values))
    for start in range(0, len(distinct), LONGEST_LIST):
        yield distinct[start : start + LONGEST_LIST]


def placeholders(values: Sequence[Any]) -> str:
    return ", ".join("?" * len(values))
