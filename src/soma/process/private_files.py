"""Files that only their user can read: secrets made at first use, tokens written in place of what is there."""

import contextlib
import os
import secrets
import stat
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO


def read_or_make_secret(path: Path) -> str:
    """Return the secret in the file at `path`, made at first use."""
    return read_or_make(path, lambda: secrets.token_urlsafe(32))


def read_or_make(path: Path, make: Callable[[], str]) -> str:
    """Return the text in the file at `path`, made at first use; of two makers at once the first wins."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        write_private(draft, make())
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text("ascii").strip()


def read_private(path: Path) -> str:
    """Return the text in the file at `path`; empty where it is missing, not ours to read, or no text that we write."""
    try:
        return path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def make_private(path: Path) -> None:
    """Create an empty file at `path` that only the user can read, where there is none."""
    with contextlib.suppress(FileExistsError):  # never opened then: to close it would drop SQLite's locks on it
        os.close(_private(str(path), os.O_CREAT | os.O_EXCL | os.O_WRONLY))


def write_private(path: Path, text: str) -> None:
    """Put `text` in a file that only the user can read, in place of what is there."""
    path.unlink(missing_ok=True)
    with open(path, "x", encoding="ascii", opener=_private) as file:
        file.write(text)


def open_private(path: Path) -> BinaryIO:
    """Open a file at `path` to write what only the user may read, in place of what is there."""
    file = open(path, "wb", opener=_private)  # noqa: SIM115 - the caller's to close
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):  # it may have been there with another mode; or be a pipe
        os.fchmod(file.fileno(), 0o600)
    return file


def _private(path: str, flags: int) -> int:
    """Open a file that only the user can read, from the first byte on."""
    return os.open(path, flags, 0o600)
