"""Room on the disk for what comes next: a database may answer reads long after it is full."""

import tempfile
from pathlib import Path

ROOM = 1 << 20  # bytes: a few commits, and what SQLite lays beside them


def check_room(folder: Path) -> None:
    """Raise OSError where `folder` takes no more data: full, over a quota, read-only. Leaves nothing behind."""
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        left = ROOM
        while left:
            left -= file.write(bytes(left)) or 0
