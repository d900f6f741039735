"""Files: found in a folder, read as text; each unreadable one is named and skipped.

Links out of the folder are not followed, and a file that several links within it lead to counts once. A file that is
given by its own name is read wherever its links lead.
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

from soma.agent.documents.decoding import DecodedText, NotText, read_text
from soma.process.reasons import reason_of

ENDINGS = {
    "text": frozenset({".txt", ".text", ".csv", ".tsv", ".log", ".rst", ".org"}),
    "markdown": frozenset({".md", ".markdown", ".mdown"}),
}
LARGEST_BYTES = 16_000_000  # of a file: the limit of a request
LARGEST_TEXT = 4_000_000  # of a document, in bytes of UTF-8: the limit of memory
LONGEST_NAME = 300  # of a document, the folders in it included
STDIN = Path("-")
OUTSIDE = "links to a place outside the folder"
CIRCLE = "is a link that leads back to itself"


class NotImportable(Exception):
    """The file is not what its format says; the message names the place."""


@dataclass(frozen=True, slots=True)
class File:
    """A file to import, with its name within the imported folder."""

    name: str
    path: Path


@dataclass(frozen=True, slots=True)
class SkippedEntry:
    """An entry that is not imported, and why. An empty one, or one that comes under another name, is not wrong."""

    path: str
    reason: str
    is_wrong: bool = True


@dataclass(slots=True)
class FoundFiles:
    files: list[File] = field(default_factory=list)
    passed_over: list[SkippedEntry] = field(default_factory=list)
    others: list[SkippedEntry] = field(default_factory=list)  # texts of another format
    names: set[str] = field(default_factory=set)
    places: dict[Path, str] = field(default_factory=dict)  # resolved paths of the files, with their names


def find_files(folder: Path, kind: str) -> FoundFiles:
    """Find all files below a folder that have an ending of the format, sorted by name; hidden ones are left out."""
    found = FoundFiles()
    seen = sorted(_walk(folder, found))
    named = [path for path in seen if path.suffix.lower() in ENDINGS[kind]]
    for path in sorted(named, key=Path.is_symlink):  # links last, so that a file keeps its own name
        _add(folder, path, found)
    found.files.sort(key=lambda file: file.path)
    # A file that a link leads to comes under the name of the link.
    left_out = [path for path in seen if Path(os.path.realpath(path)) not in found.places]
    found.others = [
        SkippedEntry(str(path), other, is_wrong=False) for path in left_out if (other := _other_format(path, kind))
    ]
    return found


def read_file(path: Path, *, may_wait: bool = False) -> DecodedText:
    """Read a file or standard input as text; with `may_wait`, also a pipe. Raises NotImportable, OSError."""
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


def _walk(folder: Path, found: FoundFiles) -> Iterator[Path]:
    """Yield the files below the folder. Links to folders are skipped: their targets in it are found where they are."""

    def fail(error: OSError) -> None:
        found.passed_over.append(SkippedEntry(str(error.filename), reason_of(error)))

    for place, folders, names in os.walk(folder, onerror=fail):
        folders[:] = [name for name in folders if not name.startswith(".")]
        links = (path for name in folders if (path := Path(place, name)).is_symlink())
        found.passed_over += [_linked_folder(folder, link) for link in links]
        yield from (Path(place, name) for name in names if not name.startswith("."))


def _linked_folder(folder: Path, link: Path) -> SkippedEntry:
    place = link.resolve()
    if not place.is_relative_to(folder):
        return SkippedEntry(str(link), OUTSIDE)
    if link.is_relative_to(place):
        return SkippedEntry(str(link), CIRCLE, is_wrong=False)
    return SkippedEntry(str(link), f"links to the folder {place.relative_to(folder)}", is_wrong=False)


def _add(folder: Path, path: Path, found: FoundFiles) -> None:
    try:
        status = path.stat()
        place = path.resolve()
    except OSError as error:
        found.passed_over.append(SkippedEntry(str(path), _failure_of(path, error)))
        return
    written = path.relative_to(folder).as_posix()
    name = unicodedata.normalize("NFC", written)
    if name in found.names:  # two spellings of one name are two files
        name = written
    if not place.is_relative_to(folder):
        found.passed_over.append(SkippedEntry(str(path), OUTSIDE))
    elif place in found.places:
        found.passed_over.append(SkippedEntry(str(path), f"links to {found.places[place]}", is_wrong=False))
    elif not stat.S_ISREG(status.st_mode):
        found.passed_over.append(SkippedEntry(str(path), "is not a file"))
    elif wrong := _wrong_name(name):
        found.passed_over.append(SkippedEntry(str(path), wrong))
    elif not status.st_size:
        found.passed_over.append(SkippedEntry(str(path), "is empty", is_wrong=False))
    else:
        found.names.add(name)
        found.places[place] = name
        found.files.append(File(name, path))


def _other_format(path: Path, kind: str) -> str:
    """Tell what to do with a file that this import leaves out: empty for one that comes under another name."""
    if path.suffix.lower() in ENDINGS[kind]:
        return ""
    formats = (other for other, endings in ENDINGS.items() if other != kind and path.suffix.lower() in endings)
    alone = f"has another ending than {', '.join(sorted(ENDINGS[kind]))}; import it by its own name if it is text"
    return next((f"needs an import with --format {other}" for other in formats), alone)


def _failure_of(path: Path, error: OSError) -> str:
    """The reason why an entry cannot be looked at."""
    if not path.is_symlink():
        return reason_of(error)
    return CIRCLE if error.errno == errno.ELOOP else "is a link that leads nowhere"


def _wrong_name(name: str) -> str:
    """The fault of a document's name; empty if it has none."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return "its name is not UTF-8 text"
    if not name.isprintable():
        return "its name holds characters that cannot be printed"
    return "" if len(name) <= LONGEST_NAME else f"its name has more than {LONGEST_NAME} characters"


def _without_waiting(path: str, flags: int) -> int:
    """Open without blocking: a pipe without a writer would block for ever."""
    return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)
