"""The document tool: reads a text file inside the tenant's folder, and nothing outside it.

Errors name the path as it was given: where the folder lies is not the model's business.
"""

import asyncio
import errno
import os
import stat
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from soma.agent.documents.decoding import NotText, read_text
from soma.agent.documents.folders import folder_of
from soma.agent.tools.base import ToolContext, ToolFailed, ToolResult

MAX_BYTES = 1_000_000
SUFFIXES = frozenset({".csv", ".json", ".log", ".markdown", ".md", ".rst", ".text", ".txt", ".yaml", ".yml"})

PARAMETERS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "path": {
            "type": "string",
            "format": "path",
            "minLength": 1,
            "maxLength": 1_024,
            "description": "Relative to the folder of documents, for example notes/plan.md",
        },
    },
    "required": ["path"],
    "additionalProperties": False,
}


class DocumentTool:
    name = "document"
    description = "Read a document: open a text or Markdown file by its path and show what it says."
    parameters = PARAMETERS
    category = "read"
    idempotent = True
    egress = False
    timeout_seconds = 10.0

    def __init__(self, root: Path, *, max_bytes: int = MAX_BYTES) -> None:
        self._root = root
        self._max_bytes = max_bytes

    async def run(self, arguments: dict[str, Any], context: ToolContext) -> ToolResult:
        given = arguments["path"]
        text = await asyncio.to_thread(self._read, given, context.tenant_id)
        return ToolResult(content=text, sources=(f"document:{given}",))

    def _read(self, given: str, tenant_id: str) -> str:
        folder = folder_of(self._root, tenant_id)
        known_as = (self._root.name, tenant_id)
        return read_document(folder, given, max_bytes=self._max_bytes, known_as=known_as)


def read_document(root: Path, given: str, *, max_bytes: int = MAX_BYTES, known_as: Sequence[str] = ()) -> str:
    """Return the text of a document. `known_as` are names of parent folders that a path may begin with."""
    content = _read(root, _parts(root, _within(root, given, known_as), given), given, max_bytes)
    try:
        read = read_text(content)
    except NotText as error:
        raise ToolFailed(f"{given!r} is not a text document that can be read") from error
    return f"[read as {read.encoding}, which is a guess]\n{read.text}" if read.is_guess else read.text


def _within(root: Path, given: str, known_as: Sequence[str]) -> str:
    """Return the path as it is spelt on disk: relative to the root, and in the Unicode form of the file names."""
    path = given
    for name in known_as:
        if path.startswith(f"{name}/") and not os.path.lexists(root / name):
            path = path.removeprefix(f"{name}/")
    try:
        return _as_spelt(root, path)
    except (OSError, ValueError):  # what cannot be looked into is refused where it is read
        return path


def _as_spelt(root: Path, path: str) -> str:
    """Replace parts of a path that differ from a file name only in how accents are encoded."""
    place, parts = root, Path(path).parts
    if Path(path).is_absolute() or ".." in parts:
        return path
    for part in parts:
        place /= part if os.path.lexists(place / part) else _spelling(place, part)
    return str(place.relative_to(root))


def _spelling(folder: Path, name: str) -> str:
    """Return the entry of a folder that equals a name in Unicode's composed form; else the name itself."""
    if folder.is_symlink() or not folder.is_dir():
        return name
    wanted = unicodedata.normalize("NFC", name)
    entries = sorted(entry.name for entry in folder.iterdir())
    return next((entry for entry in entries if unicodedata.normalize("NFC", entry) == wanted), name)


def _parts(root: Path, path: str, given: str) -> tuple[str, ...]:
    """Return the path from the root with links resolved; `given` is how errors call it."""
    try:
        folder = root.resolve(strict=True)
        place = (folder / path).resolve()
        is_folder = place.is_dir()
    except (OSError, RuntimeError, ValueError) as error:
        raise ToolFailed(f"no document at {given!r}") from error
    if not place.is_relative_to(folder):
        raise ToolFailed(f"{given!r} is outside the folder of documents")
    if is_folder:
        raise ToolFailed(f"{given!r} is a folder, not a document")
    if place.suffix.lower() not in SUFFIXES:
        raise ToolFailed(f"{given!r} is not a text or Markdown document")
    return place.relative_to(folder).parts


def _read(root: Path, parts: tuple[str, ...], given: str, max_bytes: int) -> bytes:
    try:
        handle = _open(root, parts)
    except OSError as error:
        raise ToolFailed(_why(error, given)) from error
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise ToolFailed(f"{given!r} is not a file")
        content = file.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise ToolFailed(f"{given!r} is larger than {max_bytes:,} bytes")
    return content


def _open(root: Path, parts: tuple[str, ...]) -> int:
    """Open a file step by step without following links, so that a link made after resolving leads nowhere."""
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for name in parts[:-1]:
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
            inner = os.open(name, flags, dir_fd=folder)
            os.close(folder)
            folder = inner
        # O_NONBLOCK: a pipe must not hang us
        return os.open(parts[-1], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    finally:
        os.close(folder)


def _why(error: OSError, given: str) -> str:
    match error.errno:
        case errno.EACCES | errno.EPERM:
            return f"{given!r} may not be read"
        case errno.ELOOP:
            return f"{given!r} is a link"
        case _:
            return f"no document at {given!r}"
