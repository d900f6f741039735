"""Partitions kept on the disk, so that a start need not derive them from texts again.

A folder for each partition holds its large arrays, each a file that is mapped into memory, and one file `index` with
all the rest. The index stands for the rows in one state, given by their number and revisions, and is not read in any
other; nor when it is damaged, or when other code than this one would derive it. Before anything that it holds is
changed, it is removed: what is forgotten leaves nothing in it. It is written again once there is time.
"""

import os
import shutil
import threading
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from hashlib import blake2b
from importlib import metadata, resources
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import msgspec

from soma.memory.index.partition import Partition, State
from soma.memory.index.pieces import Piece
from soma.memory.types import Address

LEAST = 2_000  # memories of a partition that is kept: fewer are loaded from their rows in no time
INDEX = "index"
MARK = b"soma-index-1\n"
DIGEST_BYTES = 16
DERIVING = ("rendering.py", "text", "index")  # sources, below this package, of the code that derives


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """The first part of an index: what it was made of, and where its pieces and those of the large arrays end."""

    address: Address
    model: str
    derivation: str
    state: State
    pieces: dict[str, int]  # bytes of each, in order
    rows: dict[str, tuple[int, int]]  # of each large array: rows that are used, bytes of each
    digest: bytes  # of all pieces


@cache
def derivation() -> str:
    """Return a digest of the code that derives an index from texts, and of what that depends on."""
    digest = blake2b(f"{unicodedata.unidata_version} {metadata.version('snowballstemmer')}".encode(), digest_size=16)
    package = resources.files("soma.memory")
    for name in DERIVING:
        place = package / name
        files = sorted(place.iterdir(), key=lambda file: file.name) if place.is_dir() else [place]
        for file in files:
            if file.name.endswith(".py"):
                digest.update(file.read_bytes())
    return digest.hexdigest()


class KeptPartition:
    """The files of one partition in memory. `remove` may be called while `write` runs: it waits for its end."""

    def __init__(self, folder: Path, address: Address) -> None:
        self.folder = folder
        self.is_written = False
        self.count = 0  # memories in the index that was written
        self._address = address
        self._writing = threading.Lock()

    def map(self, partition: Partition, rows: Mapping[str, tuple[int, int]]) -> None:
        """Map the large arrays, of which so many rows are kept. Raises OSError."""
        for name, (array, _) in partition.files().items():
            if array.width:
                array.map(self.folder / name, rows[name][0] if name in rows else 0)

    def move(self, partition: Partition) -> None:
        """Move the large arrays into files. Raises OSError."""
        for name, (array, used) in partition.files().items():
            if array.width:
                array.move(self.folder / name, used)

    def write(self, partition: Partition, pieces: Mapping[str, bytes], state: State, edits: int) -> None:
        """Write the index, unless the partition was changed in the middle since its `edits` were so many."""
        sizes = {name: len(piece) for name, piece in pieces.items()}
        digest = blake2b(digest_size=DIGEST_BYTES)
        for piece in pieces.values():
            digest.update(piece)
        rows = {name: (used, array.row_bytes) for name, (array, used) in partition.files().items()}
        header = Header(
            address=self._address, model=partition.model, derivation=derivation(), state=state, pieces=sizes, rows=rows,
            digest=digest.digest(),
        )  # fmt: skip
        with self._writing:
            if partition.edits != edits:
                return
            for array, _ in partition.files().values():
                array.write_out()
            draft = self.folder / f"{INDEX}.draft"
            with _open_private(draft) as file:
                file.write(_frame(msgspec.msgpack.encode(header)))
                file.writelines(pieces.values())
                file.flush()
                os.fsync(file.fileno())
            draft.rename(self.folder / INDEX)
            _sync_folder(self.folder)
            self.is_written, self.count = True, state[0]

    def remove(self) -> None:
        """Remove the index: something that it holds is about to change."""
        with self._writing:
            if self.is_written:
                (self.folder / INDEX).unlink(missing_ok=True)
                _sync_folder(self.folder)
                self.is_written = False


class KeptPartitions:
    """The kept partitions below `folder`. `read_state` returns the state of the rows up to a revision."""

    def __init__(self, folder: Path, read_state: Callable[[Address, int], State]) -> None:
        self._folder = folder
        self._read_state = read_state

    def open(self, address: Address, partition: Partition) -> KeptPartition | None:
        """Fill an empty partition from what is kept of it, up to its `revision`; None where nothing good is."""
        for folder in self._folders(address):
            header, content = _read_header(folder / INDEX)
            if header is None or header.address != address or header.model != partition.model:
                continue
            if not _is_whole(folder, header) or self._read_state(address, header.state[2]) != header.state:
                continue
            if (pieces := _read_pieces(folder / INDEX, header, content)) is None:
                continue
            kept = KeptPartition(folder, address)
            kept.map(partition, header.rows)
            partition.restore(pieces)
            kept.is_written, kept.count = True, header.state[0]
            return kept
        return None

    def create(self, address: Address, partition: Partition) -> KeptPartition:
        """Begin to keep a partition, in place of what was kept of it. Raises OSError."""
        self.clear(address)
        place = self._place(address)
        for folder in (self._folder, place):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        kept = KeptPartition(Path(mkdtemp(dir=place)), address)
        kept.move(partition)
        return kept

    def clear(self, address: Address) -> None:
        """Leave nothing of a partition. One that is in memory goes on with files that have no name any more."""
        place = self._place(address)
        if place.exists():
            shutil.rmtree(place, ignore_errors=True)
            _sync_folder(self._folder)

    def sweep(self) -> None:
        """Remove what is of no use: the rows have changed beside it, or other code would derive it otherwise.

        So nothing outlives a kill between the commit that forgets a memory and its removal here.
        """
        for place in self._folder.iterdir() if self._folder.exists() else ():
            if not any(self._is_current(folder) for folder in place.iterdir() if place.is_dir()):
                shutil.rmtree(place, ignore_errors=True)

    def _is_current(self, folder: Path) -> bool:
        header, _ = _read_header(folder / INDEX)
        return header is not None and self._read_state(header.address, header.state[2]) == header.state

    def addresses(self, tenant_id: str) -> list[Address]:
        """Return the addresses of the tenant's partitions that are kept."""
        headers = (_read_header(file)[0] for file in self._folder.glob(f"*/*/{INDEX}"))
        return [header.address for header in headers if header is not None and header.address[0] == tenant_id]

    def _place(self, address: Address) -> Path:
        return self._folder / blake2b("\0".join(address).encode(), digest_size=DIGEST_BYTES).hexdigest()

    def _folders(self, address: Address) -> Iterator[Path]:
        place = self._place(address)
        yield from sorted(place.iterdir()) if place.exists() else ()


def _read_header(file: Path) -> tuple[Header | None, int]:
    """Return the header and where the pieces begin; no header where the file is absent, damaged or of other code."""
    try:
        with file.open("rb") as opened:
            begin = opened.read(len(MARK) + 4 + DIGEST_BYTES)
            size = int.from_bytes(begin[len(MARK) : len(MARK) + 4], "little")
            content = opened.read(size)
            if begin != _frame(content)[: len(begin)]:
                return None, 0
            header = msgspec.msgpack.decode(content, type=Header)
    except (OSError, msgspec.MsgspecError):
        return None, 0
    return (header if header.derivation == derivation() else None), len(begin) + size


def _frame(content: bytes) -> bytes:
    return MARK + len(content).to_bytes(4, "little") + blake2b(content, digest_size=DIGEST_BYTES).digest() + content


def _is_whole(folder: Path, header: Header) -> bool:
    """Return whether the large arrays have all the rows that are used."""
    for name, (used, row_bytes) in header.rows.items():
        file = folder / name
        if row_bytes and (not file.exists() or file.stat().st_size < used * row_bytes):
            return False
    return True


def _read_pieces(file: Path, header: Header, begin: int) -> dict[str, Piece] | None:
    """Return the pieces; None where they are not what was written."""
    content = memoryview(file.read_bytes())[begin:]
    if blake2b(content, digest_size=DIGEST_BYTES).digest() != header.digest:
        return None
    pieces: dict[str, Piece] = {}
    for name, size in header.pieces.items():
        pieces[name], content = content[:size], content[size:]
    return pieces


def _open_private(file: Path) -> Any:
    return os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
