"""The switch to another model: every memory of a tenant gets a vector of it, then the tenant switches at once.

What the present model has read only the beginning of, before there were passages, it reads again the same way.

Each step commits, so a kill loses a step at most. What is remembered or changed meanwhile goes to the model that still
answers, and is met in another round before the switch.
"""

import logging
import math
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from soma.events.facts.codec import Subject, draft
from soma.events.facts.memory import MemoryReembedded
from soma.events.transaction import Transaction
from soma.memory.rows.embeddings import (
    Embedding,
    count_lacking,
    count_lacking_visible,
    delete_other_models,
    has_other_models,
    write_embeddings,
)
from soma.memory.rows.memories import count_tenant, count_visible, is_intact, read_checksums
from soma.memory.spaces import Space, find_served_model
from soma.memory.store import STREAM, Store
from soma.memory.types import MemoryRecord, Owner
from soma.memory.upkeep.pages import Page, pages

logger = logging.getLogger(__name__)

BATCH = 16  # texts an embedding step: some 25 ms of one core with the bundled model


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Progress of a switch: `embedded` of `memories` have a vector of `target`; `model` answers meanwhile."""

    model: str
    target: str
    memories: int
    embedded: int

    @property
    def is_done(self) -> bool:
        return self.model == self.target and self.embedded == self.memories


def count_progress(store: Store, tenant_id: str) -> Progress:
    """Count the progress of a whole tenant, for upkeep."""
    target = store.spaces.target.model
    return _progress(
        store, tenant_id, count_tenant(store.database, tenant_id), count_lacking(store.database, tenant_id, target)
    )


def count_visible_progress(store: Store, owner: Owner) -> Progress:
    """Count the progress of what `owner` sees: how much others remember is theirs to know."""
    target = store.spaces.target.model
    memories = count_visible(store.database, owner)
    return _progress(store, owner.tenant_id, memories, count_lacking_visible(store.database, owner, target))


def _progress(store: Store, tenant_id: str, memories: int, without: int) -> Progress:
    target, model = store.spaces.target.model, store.spaces.space_of(tenant_id).model
    return Progress(model=model, target=target, memories=memories, embedded=memories - without)


async def switch_model(store: Store, tenant_id: str) -> AsyncGenerator[int, None]:
    """Make what is missing and switch; yields after each step how many vectors it made. Raises EmbedderUnavailable."""
    target = store.spaces.target
    if await store.work(find_served_model, store.database, tenant_id) != target.model:
        serving = store.spaces.space_of(tenant_id)
        await store.writer.write(lambda transaction: store.spaces.switch(transaction, tenant_id, serving.model))
    before = math.inf
    while True:
        damaged: list[str] = []
        async for made in _round(store, tenant_id, target, damaged):
            yield made
        left = await store.writer.write(partial(_switch, store=store, tenant_id=tenant_id, beyond=len(damaged)))
        if not left:
            break
        if left >= before:  # others wait for their turn: whoever comes back later may have more luck
            logger.warning("tenant %s: %d vectors are still missing after another round", tenant_id, left)
            return
        before = left
    await store.work(store.drop_other_models, tenant_id)
    async for removed in _sweep(store, tenant_id):
        yield removed


async def _round(store: Store, tenant_id: str, target: Space, damaged: list[str]) -> AsyncGenerator[int, None]:
    """Make the missing vectors that one walk finds; ids of damaged memories, of which none is made, go to `damaged`."""
    walk = pages(store.database, tenant_id, target.model)
    while page := await store.work(_next, walk):
        lacking = [memory for memory, made in page if made is None or not made.is_whole]
        without = [memory for memory in lacking if is_intact(memory)]
        damaged += [memory.id for memory in lacking if not is_intact(memory)]
        for start in range(0, len(without), BATCH):
            yield await make_vectors(store, without[start : start + BATCH], target)


def _next(walk: Iterator[Page]) -> Page:
    return next(walk, [])


async def make_vectors(store: Store, memories: Sequence[MemoryRecord], space: Space) -> int:
    """Embed `memories` and keep the vectors of those that are still as they were read."""
    pairs = list(zip(memories, await store.embed(space, memories, threads=1), strict=True))
    written = await store.writer.write(lambda transaction: _write(transaction, pairs, space.model))
    await store.work(store.apply_embeddings, written, space.model)
    return len(written)


def _write(
    transaction: Transaction, pairs: Sequence[tuple[MemoryRecord, Embedding]], model: str
) -> list[tuple[MemoryRecord, Embedding]]:
    present = read_checksums(transaction, [memory.id for memory, _ in pairs])
    valid = [(memory, made) for memory, made in pairs if (memory.id, memory.checksum) in present]
    write_embeddings(transaction, model, valid)
    return valid


def _switch(transaction: Transaction, *, store: Store, tenant_id: str, beyond: int) -> int:
    """Return how many vectors are missing, but for those `beyond` repair; where none is, switch the tenant."""
    target = store.spaces.target.model
    if (left := count_lacking(transaction, tenant_id, target) - beyond) > 0:
        return left
    former = find_served_model(transaction, tenant_id) or target
    if former != target:
        store.spaces.switch(transaction, tenant_id, target)
        fact = MemoryReembedded(model_before=former, model_after=target, memories=count_tenant(transaction, tenant_id))
        transaction.append(draft(fact, Subject(tenant_id=tenant_id, stream=STREAM)))
    return 0


async def _sweep(store: Store, tenant_id: str) -> AsyncGenerator[int, None]:
    """Remove the vectors of models that nobody asks any more."""
    target = store.spaces.target.model
    walk = pages(store.database, tenant_id, target)
    while page := await store.work(_next, walk):
        ids = [memory.id for memory, _ in page]
        if await store.work(has_other_models, store.database, ids, target):
            await store.writer.write(partial(delete_other_models, ids=ids, model=target))
        yield 0
