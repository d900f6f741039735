"""The store that all verbs share: the rows with their one writer, partitions, embedders and two threads."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from pathlib import Path
from threading import Barrier
from typing import Any, ParamSpec, TypeVar
from weakref import WeakKeyDictionary, WeakValueDictionary

import numpy as np

from soma.events.database import Database
from soma.events.transaction import Transaction
from soma.events.writer import Writer
from soma.memory.adapters.pgvector import Directions
from soma.memory.embedders.base import Embedder, Reading
from soma.memory.index.cache import BOUND_BYTES, Partitions
from soma.memory.index.entries import Entries, Entry
from soma.memory.index.kept import LEAST, KeptPartition, KeptPartitions
from soma.memory.index.partition import Partition, State
from soma.memory.index.sketch import SKETCH_FROM, SketchedVectors
from soma.memory.index.vectors import VectorIndex
from soma.memory.relations import NOT_FOLLOWED
from soma.memory.rendering import render, to_embedding, to_entry, to_indexed
from soma.memory.rows.embeddings import Embedding, read_partition
from soma.memory.rows.links import read_partition_links
from soma.memory.rows.memories import count_partition, read_living, read_state, read_values
from soma.memory.spaces import Space, Spaces
from soma.memory.types import Address, Link, MemoryRecord, Owner
from soma.process.threads import run_in_thread

P = ParamSpec("P")
T = TypeVar("T")

THREADS = 2
LOADERS = 8  # threads that load partitions: a large one keeps no small one waiting
SLICE = 16  # texts that a thread embeds before others get their turn: some 40 ms with the bundled model,
SLICE_CHARACTERS = 2_400  # or as many of longer ones
TAIL = 500  # memories beyond those in the index of a kept partition: then it is written again
STREAM = "memory"

logger = logging.getLogger(__name__)

OnErased = Callable[[Transaction, str, Sequence[str]], None]  # (transaction, tenant, ids of memories)


class Store:
    def __init__(
        self,
        writer: Writer,
        embedder: Embedder,
        *,
        former: Iterable[Embedder] = (),
        bound_bytes: int = BOUND_BYTES,
        sketch_from: int = SKETCH_FROM,
        pgvector_from: int | None = None,
        kept_in: Path | None = None,
        on_erased: OnErased | None = None,
    ) -> None:
        self.writer = writer
        self.on_erased = on_erased or _nothing
        self._sketch_from = sketch_from
        self._pgvector_from = pgvector_from
        self.spaces = Spaces(writer, embedder, former)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="memory")
        self._loaders = ThreadPoolExecutor(LOADERS, thread_name_prefix="memory-load")
        self._kept = KeptPartitions(kept_in, self._read_state) if kept_in is not None else None
        self._files: WeakKeyDictionary[Partition, KeptPartition] = WeakKeyDictionary()
        self.entries = Entries(self._read_entries)
        self.partitions = Partitions(self._load, self._load_from_rows, bound_bytes=bound_bytes, later=self._load_later)
        self._arriving: dict[Address, asyncio.Task[None]] = {}
        self._committing: set[asyncio.Task[Any]] = set()
        self._locks: WeakValueDictionary[Address, asyncio.Lock] = WeakValueDictionary()

    @property
    def database(self) -> Database:
        return self.writer.database

    def lock(self, address: Address) -> asyncio.Lock:
        """Return the lock for what must not be decided twice at once in a partition."""
        return self._locks.setdefault(address, asyncio.Lock())

    async def work(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `function` in a worker thread: nothing here computes on the event loop."""
        return await run_in_thread(self._threads, function, *args, **kwargs)

    async def ask(
        self,
        tenant_id: str,
        namespace: str,
        owners: Sequence[str],
        function: Callable[P, T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Run `function`, which opens these partitions, in a worker thread once they are loaded by other threads."""
        await self.ensure_loaded([(tenant_id, namespace, owner) for owner in owners])
        return await self.work(function, *args, **kwargs)

    async def ensure_loaded(self, addresses: Iterable[Address]) -> None:
        """Wait until these partitions are loaded: one load each, however many wait for it."""
        for address in addresses:
            if not self.partitions.is_loaded(address):
                await asyncio.shield(self._arrival(address))

    def _arrival(self, address: Address) -> "asyncio.Task[None]":
        if (arriving := self._arriving.get(address)) is None:
            arriving = self._arriving[address] = asyncio.create_task(self._load_apart(address))
            arriving.add_done_callback(lambda _: self._arriving.pop(address))
        return arriving

    async def _load_apart(self, address: Address) -> None:
        await run_in_thread(self._loaders, self._load_and_leave, partial(self.partitions.ensure_loaded, address))

    def _load_later(self, load: Callable[[], None]) -> None:
        self._loaders.submit(self._load_and_leave, load)

    def _load_and_leave(self, load: Callable[[], None]) -> None:
        try:
            load()
        finally:
            self.database.forget_reader()  # its cache of pages is of no use to the next load

    async def work_apart(self, function: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
        """Run in a thread that loads what takes a while, and nobody waits for."""
        await run_in_thread(self._loaders, self._load_and_leave, partial(function, *args, **kwargs))

    async def embed(self, space: Space, memories: Sequence[MemoryRecord], *, threads: int = THREADS) -> list[Embedding]:
        """Let the model of `space` read each memory, a long one with its passages. Raises EmbedderUnavailable."""
        if len(memories) <= SLICE and sum(len(memory.text) for memory in memories) <= SLICE_CHARACTERS:
            return await self.work(_embed_few, space, memories) if memories else []
        texts = await self.work(lambda: [_texts_to_read(space, memory) for memory in memories])
        readings = await self._read_in_slices(space, [text for of_memory in texts for text in of_memory], threads)
        return await self.work(_to_embeddings, memories, list(map(len, texts)), readings)

    async def _read_in_slices(self, space: Space, texts: Sequence[str], threads: int) -> list[Reading]:
        """Read all texts, by `threads` threads. A question that comes meanwhile waits for one slice."""
        slices = deque(_cut_slices(texts))
        done: dict[int, Sequence[Reading]] = {}

        async def take_turns() -> None:
            while slices:
                start, end = slices.popleft()
                try:
                    done[start] = await self.work(space.embedder.read_all, texts[start:end])
                except BaseException:
                    slices.clear()
                    raise

        await asyncio.gather(*(take_turns() for _ in range(threads)))
        return [reading for start in sorted(done) for reading in done[start]]

    async def whole(self, verb: Coroutine[Any, Any, T]) -> T:
        """Run a verb that writes to its end, also when the caller goes away: a commit is always applied."""
        task = asyncio.create_task(verb)
        self._committing.add(task)
        task.add_done_callback(self._committing.discard)
        return await asyncio.shield(task)

    def close(self) -> None:
        """Wait for running work; each thread closes the connection that it read with."""
        self._loaders.shutdown(cancel_futures=True)
        for address in self.partitions.all_addresses():
            self.keep(address)
        everyone = Barrier(THREADS)
        for _ in range(THREADS):
            self._threads.submit(self._leave, everyone)
        self._threads.shutdown()

    def _leave(self, everyone: Barrier) -> None:
        try:
            self.database.forget_reader()
        finally:
            everyone.wait()  # so that no thread leaves twice and another not at all

    def apply(self, memories: Sequence[tuple[MemoryRecord, Embedding]], model: str) -> None:
        """Take committed memories with their vectors of `model` into their partitions, where these are loaded."""
        for memory, made in memories:
            address = (memory.tenant_id, memory.namespace, memory.scope_owner)
            self.partitions.change(address, partial(_put, memory=memory, made=made, model=model))
        changed = (memory for memory, _ in memories if memory.revision != memory.position)  # it had another text
        for address in {(memory.tenant_id, memory.namespace, memory.scope_owner) for memory in changed}:
            self.leave_nothing(address)

    def apply_embeddings(self, memories: Sequence[tuple[MemoryRecord, Embedding]], model: str) -> None:
        """Take new vectors of `model` into the loaded partitions that hold those memories."""
        for memory, made in memories:
            address = (memory.tenant_id, memory.namespace, memory.scope_owner)
            self.partitions.change(address, partial(_set_embedding, memory=memory, made=made, model=model))

    def drop_other_models(self, tenant_id: str) -> None:
        """Drop partitions with vectors of a former model, after a switch."""
        self.spaces.drop_cached(tenant_id)
        model = self.spaces.space_of(tenant_id).model
        for address in self.partitions.known_addresses(tenant_id):
            self.partitions.change(address, partial(_outdate_unless, model=model))

    def apply_links(self, owner: Owner, namespace: str, links: Sequence[Link]) -> None:
        """Take committed links into the partitions of `owner`: both ends are among them."""
        followed = [link for link in links if link.relation not in NOT_FOLLOWED]
        for name in owner.visible() if followed else ():
            self.partitions.change((owner.tenant_id, namespace, name), partial(_link, links=followed))

    def _load(self, address: Address) -> Partition:
        """Load a partition from what is kept of it and the rows since, or else from all rows."""
        partition = self._make_partition(address)
        if self._kept is not None and count_partition(self.database, address) >= LEAST:
            try:
                files = self._kept.open(address, partition) or self._kept.create(address, partition)
            except OSError as error:  # no room, say: it is loaded at every start then
                logger.warning("partition %s is not kept: %s", "/".join(address), error)
                partition = self._make_partition(address)
            else:
                self._take_up(partition, files)
                self._load_later(partial(self.keep, address))
        return self._fill(partition, address)

    def _load_from_rows(self, address: Address) -> Partition:
        return self._fill(self._make_partition(address), address)

    def _make_partition(self, address: Address) -> Partition:
        space = self.spaces.space_of(address[0])
        dimension, late = space.embedder.dimension, space.embedder.late_dimension
        return Partition(
            dimension, late, model=space.model, vectors=self._vectors(address, space), look=self.entries.look
        )

    def _fill(self, partition: Partition, address: Address) -> Partition:
        """Add the rows that it lacks. A memory whose vector is missing is found by its words until it is made."""
        dimension, late = partition.dimension, partition.word_vectors.dimension
        nothing = Embedding(
            np.zeros(dimension, np.float32), np.zeros((0, late), np.int8), np.zeros((0, dimension), np.int8)
        )
        for memory, made in read_partition(self.database, address, partition.model, after=partition.last_position):
            fits = made is not None and len(made.vector) == dimension
            partition.put(to_indexed(memory, made if made is not None and fits else nothing))
        for memory_id, value in read_values(self.database, address):
            partition.set_value(memory_id, value)
        for link in read_partition_links(self.database, address):
            partition.link(link)
        return partition

    def _read_state(self, address: Address, revision: int) -> State:
        return read_state(self.database, address, revision)

    def _take_up(self, partition: Partition, files: KeptPartition) -> None:
        partition.before_change = files.remove
        self._files[partition] = files

    def keep(self, address: Address) -> None:
        """Write down a loaded partition for the next start, where that is due. It takes a moment."""
        if self._kept is None:
            return
        with self.partitions.lock(*address[:2]):
            partition = self.partitions.get_loaded(address)
            if (
                partition is None
                or (files := self._files_of(address, partition)) is None
                or not _is_due(partition, files)
            ):
                return
            partition.compact()
            edits, state = partition.edits, partition.state
            pieces = {name: bytes(piece) for name, piece in partition.dump().items()}
        if self._read_state(address, state[2]) == state:  # else a commit is on its way here, or a row is damaged
            files.write(partition, pieces, state, edits)

    def _files_of(self, address: Address, partition: Partition) -> KeptPartition | None:
        """Return the files of a partition; one that has grown large enough gets some."""
        files = self._files.get(partition)
        if files is None and self._kept is not None and len(partition) >= LEAST and partition.files():
            try:
                files = self._kept.create(address, partition)
            except OSError as error:
                logger.warning("partition %s is not kept: %s", "/".join(address), error)
                return None
            self._take_up(partition, files)
        return files

    def leave_nothing(self, address: Address) -> None:
        """Remove what is kept of a partition that is not in memory: the commit that was just applied is not in it."""
        if self._kept is not None and not self.partitions.wait_for(address):
            self._kept.clear(address)

    def find_indexes(self, tenant_id: str) -> list[Address]:
        """Return the addresses of the tenant's partitions that are in memory or kept on the disk."""
        kept = self._kept.addresses(tenant_id) if self._kept is not None else []
        return list(dict.fromkeys([*self.partitions.loaded_addresses(tenant_id), *kept]))

    def drop(self, address: Address) -> None:
        """Drop a partition from memory and from the disk: it is loaded from its rows."""
        self.partitions.drop(address)
        if self._kept is not None:
            self._kept.clear(address)

    def sweep(self) -> None:
        """Remove what is kept and of no use any more."""
        if self._kept is not None:
            self._kept.sweep()

    def _read_entries(self, ids: Sequence[str]) -> Iterator[Entry]:
        return map(to_entry, read_living(self.database, ids))

    def _vectors(self, address: Address, space: Space) -> VectorIndex:
        """Choose where the vectors of a partition are kept, by its size when it is loaded."""
        dimension = space.embedder.dimension
        if self._pgvector_from is not None and count_partition(self.database, address) >= self._pgvector_from:
            return Directions(self.database, address, space.model, dimension)
        return SketchedVectors(dimension, sketch_from=self._sketch_from)


def _is_due(partition: Partition, files: KeptPartition) -> bool:
    """Return whether a start would have much to do without a new index; a memory without its vector waits for that."""
    return not partition.lacking and (not files.is_written or len(partition) - files.count >= TAIL)


def _put(partition: Partition, *, memory: MemoryRecord, made: Embedding, model: str) -> None:
    if partition.model == model:
        partition.put(to_indexed(memory, made))
    else:  # the tenant's model changed between the commit and now
        partition.is_outdated = True


def _set_embedding(partition: Partition, *, memory: MemoryRecord, made: Embedding, model: str) -> None:
    if partition.model == model:
        partition.set_embedding(memory.id, memory.revision, made.vector, made.word_vectors, made.passages)


def _outdate_unless(partition: Partition, *, model: str) -> None:
    partition.is_outdated |= partition.model != model


def _link(partition: Partition, *, links: Sequence[Link]) -> None:
    for link in links:
        partition.link(link)


def _embed_few(space: Space, memories: Sequence[MemoryRecord]) -> list[Embedding]:
    """Embed what is no more than a slice in one step."""
    texts = [_texts_to_read(space, memory) for memory in memories]
    readings = space.embedder.read_all([text for of_memory in texts for text in of_memory])
    return _to_embeddings(memories, list(map(len, texts)), readings)


def _to_embeddings(
    memories: Sequence[MemoryRecord], counts: Sequence[int], readings: Iterable[Reading]
) -> list[Embedding]:
    """Return what is stored of each memory; `counts` of the `readings`, one after another, are each one's."""
    left = iter(readings)
    return [
        to_embedding(memory, next(left), list(islice(left, count - 1)))
        for memory, count in zip(memories, counts, strict=True)
    ]


def _texts_to_read(space: Space, memory: MemoryRecord) -> list[str]:
    """Return the memory as it is rendered, then its passages."""
    text = render(memory)
    return [text, *(text[start:end] for start, end in space.embedder.find_passages(text))]


def _cut_slices(texts: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield ranges of at most SLICE texts and, unless one alone has more, SLICE_CHARACTERS characters."""
    start, characters = 0, 0
    for place, text in enumerate(texts):
        if place > start and (place - start == SLICE or characters + len(text) > SLICE_CHARACTERS):
            yield start, place
            start, characters = place, 0
        characters += len(text)
    if texts:
        yield start, len(texts)


def _nothing(_tx: Transaction, _tenant_id: str, _memory_ids: Sequence[str]) -> None:
    """The default of `on_erased`."""
