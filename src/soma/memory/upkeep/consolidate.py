"""Consolidation of one partition: distils episodes into memories. It can be undone.

NREM: groups of top episodes become summaries, and links between them grow stronger. REM: some pairs of episodes from
different conversations become one memory.
"""

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import combinations, islice

from soma.events.facts.codec import draft
from soma.events.facts.memory import MemoryConsolidated
from soma.events.ids import new_id, now
from soma.events.transaction import Transaction
from soma.memory import remember as remembering
from soma.memory.erasing import subject
from soma.memory.index.entries import Entry
from soma.memory.relations import RECOMBINES, SUMMARISES
from soma.memory.remember import Request, StaleEmbeddings
from soma.memory.rows.consolidations import read_past_sources, write_consolidation
from soma.memory.rows.embeddings import read_embeddings
from soma.memory.rows.links import find_links_between, write_link
from soma.memory.rows.memories import is_unchanged
from soma.memory.store import Store
from soma.memory.types import MADE_MARK, Address, Link, LinkChange, MemoryRecord, NewLink, NewMemory, Owner, Scope
from soma.memory.upkeep.episodes import Weights, find_groups, find_pairs
from soma.memory.upkeep.extract import extract_recombination, extract_summary

Summarise = Callable[[Sequence[str]], Awaitable[str]]

GROUPS = 3  # a cycle
BUDGET_SECONDS = 0.5  # for finding groups: what is not found by then is left to the next cycle
GAIN = 0.1  # of what is left to 1: how much a link is reinforced
REM_IMPORTANCE = 0.1
LONGEST = 1_000  # characters of a summary by a model


@dataclass(frozen=True, slots=True, kw_only=True)
class Consolidation:
    """One distillation: the memories it made, and their sources."""

    id: str
    phase: str
    made: Sequence[str]
    sources: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Distillation:
    """Something to distil: `entries` into one memory, `reinforce` links between pairs of them."""

    phase: str
    relation: str
    entries: Sequence[Entry]
    weights: Weights
    importance: float
    reinforce: Sequence[tuple[str, str]]


class _SourceChanged(Exception):
    """A source was changed or forgotten since it was read."""


async def consolidate(store: Store, address: Address, summarise: Summarise | None = None) -> list[Consolidation]:
    """Run one cycle on one partition, at most three summaries; nothing where nothing is left to distil."""
    deadline = time.monotonic() + BUDGET_SECONDS
    nights = await store.ask(*address[:2], address[2:], _nrem, store, address, deadline)
    done = [made for work in nights if (made := await _distil(store, address, work, summarise))]
    if done:
        dreams = await store.ask(*address[:2], address[2:], _rem, store, address)
        done += [made for work in dreams if (made := await _distil(store, address, work, summarise))]
    return done


def _nrem(store: Store, address: Address, deadline: float) -> list[_Distillation]:
    used = {source for sources in read_past_sources(store.database, address, "nrem") for source in sources}
    with store.partitions.open(*address[:2], address[2:]) as [partition]:
        saying = (
            group
            for group in find_groups(partition, used, deadline=deadline)
            if extract_summary(group.members, group.weights)
        )
        found = list(islice(saying, GROUPS))
    return [
        _Distillation(
            phase="nrem",
            relation=SUMMARISES,
            entries=group.members,
            weights=group.weights,
            importance=sum(entry.importance for entry in group.members) / len(group.members),
            reinforce=list(combinations([entry.id for entry in group.members], 2)),
        )
        for group in found
    ]


def _rem(store: Store, address: Address) -> list[_Distillation]:
    used = {frozenset(sources) for sources in read_past_sources(store.database, address, "rem")}
    with store.partitions.open(*address[:2], address[2:]) as [partition]:
        found = find_pairs(partition, used)
    return [
        _Distillation(
            phase="rem",
            relation=RECOMBINES,
            entries=pair.members,
            weights=pair.weights,
            importance=REM_IMPORTANCE,
            reinforce=[],
        )
        for pair in found
    ]


async def _distil(
    store: Store, address: Address, work: _Distillation, summarise: Summarise | None
) -> Consolidation | None:
    text = await _write_text(store, work, summarise)
    if not text:
        return None
    consolidation_id = new_id()
    sources = await store.work(_read_sources, store, work)
    if len(sources) < len(work.entries):
        return None
    seed = sources[work.entries[0].id]
    owner = Owner(tenant_id=address[0], user_id=seed.user_id, agent_id=seed.agent_id)
    item = _make_item(work, text, consolidation_id, scope=seed.scope)
    request = Request(owner, [item], address[1], now())
    space = await store.work(store.spaces.space_of, address[0])
    made = await remembering.embed(store, request, space)

    def write(transaction: Transaction) -> tuple[remembering.WrittenMemories, list[LinkChange]]:
        _check_sources(transaction, work)
        written = remembering.write(transaction, store=store, request=request, made=made, space=space)
        changes = _reinforce_links(transaction, address[0], work.reinforce)
        fact = MemoryConsolidated(
            consolidation_id=consolidation_id,
            phase=work.phase,
            namespace=address[1],
            made=[result.id for result in written.results],
            sources=[entry.id for entry in work.entries],
            links=changes,
            method="model" if summarise else "extractive",
        )
        transaction.append(draft(fact, subject(owner)))
        write_consolidation(transaction, address, fact)
        return written, changes

    try:
        written, changes = await store.writer.write(write)
    except (_SourceChanged, StaleEmbeddings):
        return None
    await store.work(remembering.apply, store, request, written)
    links = [Link(from_id=one, to_id=other, relation=name, weight=after) for one, other, name, _, after in changes]
    await store.work(store.apply_links, owner, address[1], links)
    ids = [result.id for result in written.results]
    return Consolidation(id=consolidation_id, phase=work.phase, made=ids, sources=[e.id for e in work.entries])


async def _write_text(store: Store, work: _Distillation, summarise: Summarise | None) -> str:
    if summarise is None:
        return await store.work(
            extract_summary if work.phase == "nrem" else extract_recombination, work.entries, work.weights
        )
    texts = [f"{entry.speaker}: {entry.text}" if entry.speaker else entry.text for entry in work.entries]
    return " ".join((await summarise(texts)).split())[:LONGEST]


def _read_sources(store: Store, work: _Distillation) -> dict[str, MemoryRecord]:
    model = store.spaces.target.model
    return {memory.id: memory for memory, _ in read_embeddings(store.database, model, (e.id for e in work.entries))}


def _make_item(work: _Distillation, text: str, consolidation_id: str, *, scope: Scope) -> NewMemory:
    ids = sorted(entry.id for entry in work.entries)
    digest = sha256("\n".join(ids).encode()).hexdigest()[:16]
    speakers = {entry.speaker for entry in work.entries}
    return NewMemory(
        text=text,
        key=f"{work.phase}/{digest}",
        kind="semantic",
        scope=scope,
        occurred_at=max(entry.occurred_at for entry in work.entries),
        importance=work.importance,
        metadata={
            MADE_MARK: work.phase,
            "consolidation": consolidation_id,
            "sources": ids,
            **({"speaker": speakers.pop()} if len(speakers) == 1 and all(speakers) else {}),
        },
        links=[NewLink(to_key=entry.key, relation=work.relation) for entry in work.entries],
    )


def _check_sources(transaction: Transaction, work: _Distillation) -> None:
    if not all(is_unchanged(transaction, entry.id, entry.revision) for entry in work.entries):
        raise _SourceChanged


def _reinforce_links(transaction: Transaction, tenant_id: str, ends: Sequence[tuple[str, str]]) -> list[LinkChange]:
    """Let every link between each pair weigh a little more.

    None is added: measured, new ones outshout the neighbours.
    """
    changes: list[LinkChange] = []
    for one, other in ends:
        for link in find_links_between(transaction, one, other):
            after = link.weight + GAIN * (1 - link.weight)
            changes.append((link.from_id, link.to_id, link.relation, link.weight, after))
    for from_id, to_id, relation, _, after in changes:
        write_link(transaction, tenant_id, Link(from_id=from_id, to_id=to_id, relation=relation, weight=after))
    return changes
