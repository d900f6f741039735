"""The files of an import: found in a folder, read as text. What cannot be read is named, and passed over.

A folder speaks for what lies in it: a link out of it is not followed, and what links within it lead to counts once. A
file that is named itself is taken wherever it leads.
"""

import errno
import os
import stat
import sys
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from soma.agent.documents.decoding import NotText, TextRead, read_text
from soma.events.reasons import reason_of

ENDINGS = {"text": frozenset({".txt", ".text"}), "markdown": frozenset({".md", ".markdown", ".mdown"})}
LARGEST_BYTES = 16_000_000  # of a file: what a request may hold
LARGEST_TEXT = 4_000_000  # of a document, in bytes of UTF-8: what memory takes
LONGEST_NAME = 300  # of a document, the folders in it included
STDIN = Path("-")
OUTSIDE = "links to a place outside of the folder"
CIRCLE = "is a link that leads round in a circle"


class NotImportable(Exception):
    """The file is not what its format says; the message names the place."""


@dataclass(frozen=True, slots=True)
class File:
    """A file that may be imported, by its name within the folder that is."""

    name: str
    path: Path


@dataclass(frozen=True, slots=True)
class PassedOver:
    """An entry that is not imported, and why. Nothing is wrong with one that is empty or comes under another name."""

    path: str
    reason: str
    is_wrong: bool = True


@dataclass(slots=True)
class Found:
    files: list[File] = field(default_factory=list)
    passed_over: list[PassedOver] = field(default_factory=list)
    others: list[PassedOver] = field(default_factory=list)  # texts of another format
    names: set[str] = field(default_factory=set)
    places: dict[Path, str] = field(default_factory=dict)  # where the files truly lie, and their names


def find_files(folder: Path, kind: str) -> Found:
    """Find all files below a folder that have an ending of the format, sorted by name. Hidden ones are left out."""
    found = Found()
    seen = sorted(_walk(folder, found))
    named = [path for path in seen if path.suffix.lower() in ENDINGS[kind]]
    for path in sorted(named, key=Path.is_symlink):  # links last: a file goes by its own name
        _take(folder, path, found)
    found.files.sort(key=lambda file: file.path)
    left = [
        path for path in seen if Path(os.path.realpath(path)) not in found.places
    ]  # others come under the name of a link
    found.others = [
        PassedOver(str(path), other, is_wrong=False) for path in left if (other := _other_format(path, kind))
    ]
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


def written_at(path: Path) -> str | None:
    """The time of a file's last change; None for standard input."""
    return None if path == STDIN else datetime.fromtimestamp(path.stat().st_mtime, UTC).isoformat()


def _walk(folder: Path, found: Found) -> Iterator[Path]:
    """Walk through the folder, naming links to folders: what they lead to in here is found where it lies."""

    def fail(error: OSError) -> None:
        found.passed_over.append(PassedOver(str(error.filename), reason_of(error)))

    for place, folders, names in os.walk(folder, onerror=fail):
        folders[:] = [name for name in folders if not name.startswith(".")]
        links = (path for name in folders if (path := Path(place, name)).is_symlink())
        found.passed_over += [_linked_folder(folder, link) for link in links]
        yield from (Path(place, name) for name in names if not name.startswith("."))


def _linked_folder(folder: Path, link: Path) -> PassedOver:
    place = link.resolve()
    if not place.is_relative_to(folder):
        return PassedOver(str(link), OUTSIDE)
    if link.is_relative_to(place):
        return PassedOver(str(link), CIRCLE, is_wrong=False)
    return PassedOver(str(link), f"links to the folder {place.relative_to(folder)}", is_wrong=False)


def _take(folder: Path, path: Path, found: Found) -> None:
    try:
        status = path.stat()
        place = path.resolve()
    except OSError as error:
        found.passed_over.append(PassedOver(str(path), _unseen(path, error)))
        return
    written = path.relative_to(folder).as_posix()
    name = unicodedata.normalize("NFC", written)
    if name in found.names:  # two spellings of one name are two files
        name = written
    if not place.is_relative_to(folder):
        found.passed_over.append(PassedOver(str(path), OUTSIDE))
    elif place in found.places:
        found.passed_over.append(PassedOver(str(path), f"links to {found.places[place]}", is_wrong=False))
    elif not stat.S_ISREG(status.st_mode):
        found.passed_over.append(PassedOver(str(path), "is not a file"))
    elif wrong := _wrong_name(name):
        found.passed_over.append(PassedOver(str(path), wrong))
    elif not status.st_size:
        found.passed_over.append(PassedOver(str(path), "is empty", is_wrong=False))
    else:
        found.names.add(name)
        found.places[place] = name
        found.files.append(File(name, path))


def _other_format(path: Path, kind: str) -> str:
    """How a file that this import leaves out could be imported; nothing where it cannot, or is not left out."""
    formats = (other for other, endings in ENDINGS.items() if other != kind and path.suffix.lower() in endings)
    return next((f"is for an import with --format {other}" for other in formats), "")


def _unseen(path: Path, error: OSError) -> str:
    """Why nothing can be learned of an entry."""
    if not path.is_symlink():
        return reason_of(error)
    return CIRCLE if error.errno == errno.ELOOP else "is a link that leads nowhere"


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
