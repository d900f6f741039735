"""Parts of SQL that several tables share."""

from collections.abc import Iterable, Iterator, Sequence

LIVING = "m.forgotten_at IS NULL AND m.tenant_id = ? AND m.namespace = ?"
VISIBLE = f"{LIVING} AND m.scope_owner IN (?, ?, ?)"
CHUNK = 500  # values in one IN list


def marks(values: Sequence[object]) -> str:
    """Placeholders of an IN list."""
    return ", ".join("?" * len(values))


def split_chunks(values: Iterable[str]) -> Iterator[list[str]]:
    distinct = list(dict.fromkeys(values))
    for start in range(0, len(distinct), CHUNK):
        yield distinct[start : start + CHUNK]
