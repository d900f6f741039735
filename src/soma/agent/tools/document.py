"""Read a text or Markdown document inside one allowed folder, and nothing outside it.

Errors name the path as it was given: where the folder lies is not the model's business.
"""

import asyncio
import errno
import os
import stat
from pathlib import Path
from typing import Any

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


class Document:
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

    async def run(self, arguments: dict[str, Any], context: ToolContext) -> ToolResult:  # noqa: ARG002
        given = arguments["path"]
        text = await asyncio.to_thread(read_document, self._root, given, max_bytes=self._max_bytes)
        return ToolResult(content=text, sources=(f"document:{given}",))


def read_document(root: Path, given: str, *, max_bytes: int = MAX_BYTES) -> str:
    content = _read(root, _parts(root, given), given, max_bytes)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ToolFailed(f"{given!r} is not a text document in UTF-8") from error


def _parts(root: Path, given: str) -> tuple[str, ...]:
    """The way from the root, links resolved."""
    try:
        folder = root.resolve(strict=True)
        place = (folder / given).resolve()
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
    """Step by step without following links, so that a link made after resolving leads nowhere."""
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
