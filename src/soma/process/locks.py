"""Locks on files: one process at a time works in a folder, and others can see that one does."""

import contextlib
import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self


class FileInUse(Exception):
    """Another process holds the lock; `holder` is its id, empty where it has not written it yet."""

    def __init__(self, path: Path, holder: str) -> None:
        super().__init__(f"{path} is locked by process {holder or 'unknown'}")
        self.holder = holder


class FileLock:
    """An exclusive lock on the file at `path`, which holds the owner's process id.

    The system releases it when the process ends, however it ends. Raises FileInUse, unless told to `wait`.
    """

    def __init__(self, path: Path, *, wait: bool = False) -> None:
        self._file = path.open("a+b", buffering=0)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            self._file.seek(0)
            holder = self._file.read().decode("ascii", "replace").strip()
            self._file.close()
            raise FileInUse(path, holder) from None
        with contextlib.suppress(OSError):  # the id is for people only: a full disk must not undo the lock
            self._file.truncate(0)
            self._file.write(str(os.getpid()).encode())

    def release(self) -> None:
        if not self._file.closed:
            fcntl.flock(self._file, fcntl.LOCK_UN)  # to close the file would not do: a forked child shares it
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()


def is_locked(path: Path) -> bool:
    """Return whether somebody holds the lock on the file at `path`."""
    try:
        with path.open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        pass
    return False
