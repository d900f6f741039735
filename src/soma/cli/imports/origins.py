"""Origins: the path of a file as digests, one for each folder and one for the file, without any name.

By them a server recognises a file from whichever folder it is imported, and this machine finds out whether the file
still exists. The digests of another machine differ.
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
    """Return the digests of an absolute path, joined."""
    return SEPARATOR.join(_digest(str(place)) for place in (*reversed(path.parents), path))


def collection_of(folder: Path) -> str:
    """Name the collection of an absolute folder: the folder's name and a digest that tells it from others."""
    name = "".join(char for char in folder.name if char.isprintable())[:LONGEST_LABEL]
    return f"{name or 'root'}-{_digest(str(folder))}"


def whereabouts(origin: str, near: Path) -> Whereabouts | None:
    """Look for the file of an origin, starting at the absolute path `near`; None if it was never on this machine.

    A folder that cannot be read counts as holding the file: `there`.
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
    """Return an id of this machine, so that the same path on another machine has other digests."""
    try:
        return MACHINE_ID.read_text("ascii").strip() or platform.node()
    except (OSError, UnicodeDecodeError):
        return platform.node()
