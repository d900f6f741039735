"""Places of files without their names: a digest for each folder on the way, and for the file itself.

A server knows the same file again from whichever folder it comes, and this machine can tell whether a file of which
only the digests are known is still there. Digests of another machine are other digests.
"""

import os
import platform
from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Literal

Whereabouts = Literal["gone", "there"]

SEPARATOR = "/"
DIGITS = 12
LONGEST_LABEL = 60
MACHINE_ID = Path("/etc/machine-id")


def origin_of(path: Path) -> str:
    """The digests of an absolute path."""
    return SEPARATOR.join(_digest(str(place)) for place in (*reversed(path.parents), path))


def collection_of(folder: Path) -> str:
    """The collection of what is imported from an absolute folder: its name, and a digest that tells it from others."""
    name = "".join(char for char in folder.name if char.isprintable())[:LONGEST_LABEL]
    return f"{name or 'root'}-{_digest(str(folder))}"


def whereabouts(origin: str, near: Path) -> Whereabouts | None:
    """Whether the file of an origin is still there, looked for from the absolute path `near`; None where it never was
    on this machine. What cannot be looked into is left alone: `there`.
    """
    digests = origin.split(SEPARATOR)
    way = [*reversed(near.parents), near]
    known = [place for place, digest in zip(way, digests, strict=False) if _digest(str(place)) == digest]
    if not known:
        return None
    place = known[-1]
    for digest in digests[len(known) :]:
        try:
            names = _listing(place)
        except (FileNotFoundError, NotADirectoryError):
            return "gone"
        except OSError:
            return "there"
        if digest not in names:
            return "gone"
        place /= names[digest]
    return "there" if os.path.lexists(place) else "gone"


@lru_cache(maxsize=1_000)
def _listing(folder: Path) -> Mapping[str, str]:
    return {_digest(str(entry)): entry.name for entry in folder.iterdir()}


@lru_cache(maxsize=100_000)
def _digest(path: str) -> str:
    return sha256(os.fsencode(f"{_machine()}\0{path}")).hexdigest()[:DIGITS]


@lru_cache
def _machine() -> str:
    """An id of this machine, so that the same path on another machine has other digests."""
    try:
        return MACHINE_ID.read_text("ascii").strip() or platform.node()
    except (OSError, UnicodeDecodeError):
        return platform.node()
