"""NUL characters in what was sent: PostgreSQL stores no text that has one."""

from typing import Any

REFUSAL = "text must not contain NUL characters"

Path = tuple[str | int, ...]  # names of fields and places in lists, from the outside in


def may_hold_nul(sent: bytes | str) -> bool:
    """Return whether JSON text has the escape of a NUL; a backslash before it may make it another text."""
    return b"\\u0000" in sent if isinstance(sent, bytes) else "\\u0000" in sent


def find_nul(value: Any) -> Path | None:
    """Return the path of the first text with a NUL in a JSON value; of a name with one, the path of its object."""
    match value:
        case str():
            return () if "\0" in value else None
        case dict():
            for name, inner in value.items():
                if "\0" in name:
                    return ()
                if (found := find_nul(inner)) is not None:
                    return name, *found
        case list():
            for place, inner in enumerate(value):
                if (found := find_nul(inner)) is not None:
                    return place, *found
    return None
