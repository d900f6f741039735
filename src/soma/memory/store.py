"""The store that all verbs share: the rows with their one writer, partitions, embedders and two threads."""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from threading import Barrier
from typing import Any, ParamSpec, TypeVar
from weakref import WeakValueDictionary

import numpy as np

from soma.events.database import Database
from soma.events.transaction import Transaction
from soma.events.writer import Writer
from soma.memory.adapters.pgvector import Directions
from soma.memory.embedders.base import Embedder, Reading
from soma.memory.index.cache import BOUND_BYTES, Partitions
from soma.memory.index.partition import IndexedMemory, Partition
from soma.memory.index.sketch import SKETCH_FROM, SketchedVectors
from soma.memory.index.vectors import VectorIndex
from soma.memory.relations import NOT_FOLLOWED
from soma.memory.rendering import render, to_embedding, to_indexed
from soma.memory.rows.embeddings import Embedding, read_partition
from soma.memory.rows.links import read_partition_links
from soma.memory.rows.memories import count_partition
from soma.memory.spaces import Space, Spaces
from soma.memory.types import Address, Link, MemoryRecord, Owner
from soma.process.threads import run_in_thread

P = ParamSpec("P")
T = TypeVar("T")

THREADS = 2
LOADERS = 8  # threads that load partitions: a large one keeps no small one waiting
SLICE = 16  # texts that a thread embeds before others get their turn: some 40 ms with the bundled model,
SLICE_CHARACTERS = 2_400  # or as many of longer ones
STREAM = "memory"

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
        on_erased: OnErased | None = None,
    ) -> None:
        self.writer = writer
        self.on_erased = on_erased or _nothing
        self._sketch_from = sketch_from
        self._pgvector_from = pgvector_from
        self.spaces = Spaces(writer, embedder, former)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="memory")
        self._loaders = ThreadPoolExecutor(LOADERS, thread_name_prefix="memory-load")
        self.partitions = Partitions(self.load, bound_bytes=bound_bytes, later=self._load_later)
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
            new = to_indexed(memory, made)
            address = (memory.tenant_id, memory.namespace, memory.scope_owner)
            self.partitions.change(address, partial(_put, new=new, model=model))

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

    def load(self, address: Address) -> Partition:
        """Load a partition from the rows. A memory whose vector is missing is found by its words until it is made."""
        space = self.spaces.space_of(address[0])
        dimension, late = space.embedder.dimension, space.embedder.late_dimension
        partition = Partition(dimension, late, model=space.model, vectors=self._vectors(address, space))
        nothing = Embedding(
            np.zeros(dimension, np.float32), np.zeros((0, late), np.int8), np.zeros((0, dimension), np.int8)
        )
        for memory, made in read_partition(self.database, address, space.model):
            fits = made is not None and len(made.vector) == dimension
            partition.put(to_indexed(memory, made if made is not None and fits else nothing))
        for link in read_partition_links(self.database, address):
            partition.link(link)
        return partition

    def _vectors(self, address: Address, space: Space) -> VectorIndex:
        """Choose where the vectors of a partition are kept, by its size when it is loaded."""
        dimension = space.embedder.dimension
        if self._pgvector_from is not None and count_partition(self.database, address) >= self._pgvector_from:
            return Directions(self.database, address, space.model, dimension)
        return SketchedVectors(dimension, sketch_from=self._sketch_from)


def _put(partition: Partition, *, new: IndexedMemory, model: str) -> None:
    if partition.model == model:
        partition.put(new)
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
