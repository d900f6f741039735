"""The files of an import: found in a folder, read as text. What cannot be read is named, and passed over."""

import os
import stat
import sys
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from soma.agent.reading import NotText, TextRead, read_text

ENDINGS = {"text": frozenset({".txt", ".text"}), "markdown": frozenset({".md", ".markdown", ".mdown"})}
LARGEST_BYTES = 16_000_000  # of a file: what a request may hold
LARGEST_TEXT = 4_000_000  # of a document, in bytes of UTF-8: what memory takes
LONGEST_NAME = 300  # of a document, the folders in it included
STDIN = Path("-")


class NotImportable(Exception):
    """The file is not what its format says; the message names the place."""


@dataclass(frozen=True, slots=True)
class File:
    """A file that may be imported, by its name within the folder that is."""

    name: str
    path: Path


@dataclass(frozen=True, slots=True)
class PassedOver:
    """An entry that is not imported, and why. One that is only empty is nothing wrong."""

    path: str
    reason: str
    is_wrong: bool = True


@dataclass(slots=True)
class Found:
    files: list[File] = field(default_factory=list)
    passed_over: list[PassedOver] = field(default_factory=list)
    names: set[str] = field(default_factory=set)


def find_files(folder: Path, kind: str) -> Found:
    """Find all files below a folder that have an ending of the format, sorted by name. Hidden ones are left out."""
    found = Found()
    for path in sorted(_walk(folder, found)):
        if path.suffix.lower() in ENDINGS[kind]:
            _take(folder, path, found)
    return found


def read_file(path: Path, *, may_wait: bool = False) -> TextRead:
    """The text of a file, or of standard input; `may_wait`: of a pipe too. Raises NotImportable, OSError."""
    if path == STDIN:
        content = sys.stdin.buffer.read(LARGEST_BYTES + 1)
    else:
        with open(path, "rb", opener=None if may_wait else _without_waiting) as file:
            if not may_wait and not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise NotImportable("is not a file")
            content = file.read(LARGEST_BYTES + 1)
    if len(content) > LARGEST_BYTES:
        raise NotImportable(f"is larger than {LARGEST_BYTES:,} bytes")
    try:
        return read_text(content)
    except NotText as error:
        raise NotImportable(f"is {error}") from error


def reason_of(error: Exception) -> str:
    """Why a file cannot be imported, in the words behind its path."""
    return (error.strerror or str(error)).lower() if isinstance(error, OSError) else str(error)


def written_at(path: Path) -> str | None:
    """The time of a file's last change; None for standard input."""
    return None if path == STDIN else datetime.fromtimestamp(path.stat().st_mtime, UTC).isoformat()


def _walk(folder: Path, found: Found) -> Iterator[Path]:
    """Links to folders are not followed: they may lead round in a circle."""

    def fail(error: OSError) -> None:
        found.passed_over.append(PassedOver(str(error.filename), reason_of(error)))

    for place, folders, names in os.walk(folder, onerror=fail):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(place, name) for name in names if not name.startswith("."))


def _take(folder: Path, path: Path, found: Found) -> None:
    try:
        status = path.stat()
    except OSError as error:
        reason = "is a link that leads nowhere" if path.is_symlink() else reason_of(error)
        found.passed_over.append(PassedOver(str(path), reason))
        return
    written = path.relative_to(folder).as_posix()
    name = unicodedata.normalize("NFC", written)
    if name in found.names:  # two spellings of one name are two files
        name = written
    if not stat.S_ISREG(status.st_mode):
        found.passed_over.append(PassedOver(str(path), "is not a file"))
    elif wrong := _wrong_name(name):
        found.passed_over.append(PassedOver(str(path), wrong))
    elif not status.st_size:
        found.passed_over.append(PassedOver(str(path), "is empty", is_wrong=False))
    else:
        found.names.add(name)
        found.files.append(File(name, path))


def _wrong_name(name: str) -> str:
    """Why a document cannot be called so; nothing where it can."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return "its name is not text in UTF-8"
    if not name.isprintable():
        return "its name holds characters that cannot be printed"
    return "" if len(name) <= LONGEST_NAME else f"its name has more than {LONGEST_NAME} characters"


def _without_waiting(path: str, flags: int) -> int:
    """A pipe that nobody writes to must not hang us."""
    return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)
