"""The face of memory: what the brain can ask of it. Each method checks its input and calls the file of its verb."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar, get_args

from soma.events.database import Connection
from soma.events.database import migrate as apply_migrations
from soma.events.ids import now
from soma.events.transaction import Prefetch, Transaction
from soma.events.writer import Writer
from soma.memory import browse, checks, values
from soma.memory.accesses import Accesses
from soma.memory.adapters import pgvector
from soma.memory.catalogue.identity import Delivery, KnownDocument
from soma.memory.documents import importing, library
from soma.memory.documents.importing import Chunking, NewDocument
from soma.memory.documents.library import ForgetDocumentsResult, ImportPlan, ImportResult
from soma.memory.embedders.base import Embedder
from soma.memory.errors import ForeignNamespace, NotTheAuthor, TooManyItems, UnknownKey
from soma.memory.forget import find_named, forget, preview
from soma.memory.index.cache import BOUND_BYTES
from soma.memory.index.sketch import SKETCH_FROM
from soma.memory.jsonl import ImportCounts, import_lines
from soma.memory.recall import ADDITIONS, find_candidates
from soma.memory.remember import Request, remember, remember_within, write_links
from soma.memory.rows.consolidations import list_consolidations
from soma.memory.rows.documents import list_documents
from soma.memory.rows.memories import has_ever_held
from soma.memory.spaces import Space
from soma.memory.store import OnErased, Store
from soma.memory.types import (
    Candidates,
    ConsolidationRow,
    DocumentRow,
    ErasureReceipt,
    Keep,
    Link,
    MemoryRecord,
    NewLink,
    NewMemory,
    Owner,
    Page,
    Query,
    RememberResult,
    Scope,
    Statistics,
)
from soma.memory.upkeep.consolidate import Consolidation, Summarise, consolidate
from soma.memory.upkeep.keeper import Keeper, Routine
from soma.memory.upkeep.reconcile import EVERYTHING, ReconcileReport, Visibility, reconcile
from soma.memory.upkeep.reembed import Progress, count_visible_progress
from soma.memory.upkeep.undo import UndoResult, undo
from soma.memory.views.question import strip_question

DEFAULT = "default"
CONSOLIDATIONS = 100  # a list
T = TypeVar("T")


def migrate(connection: Connection, *, with_pgvector: bool = False) -> None:
    """Create or update the tables of memory. Raises VectorsUnavailable where pgvector is wanted and absent."""
    apply_migrations(connection, "memory", files("soma.memory") / "migrations")
    if with_pgvector:
        pgvector.prepare(connection)


class Memory:
    """Verbs for an owner. All but the constructor may raise MemoryRefused; the writing ones LogError too.

    `embedder` reads what is new; `former` are models whose vectors may be stored and that still answer. `bound_bytes`
    limits the tenants' indexes in memory, `additions` is how many memories links alone may bring to a recall.
    A partition of `sketch_from` memories is searched by short vectors first, one of `pgvector_from` by pgvector in the
    database, made ready by `migrate`. Indexes of large partitions are kept in the folder `kept_in`, for the next start;
    only a database that no other process writes may have one. `on_erased` is called within each transaction that erases
    memories.
    """

    def __init__(
        self,
        writer: Writer,
        embedder: Embedder,
        *,
        former: Iterable[Embedder] = (),
        bound_bytes: int = BOUND_BYTES,
        additions: int = ADDITIONS,
        sketch_from: int = SKETCH_FROM,
        pgvector_from: int | None = None,
        kept_in: Path | None = None,
        on_erased: OnErased | None = None,
    ) -> None:
        self._store = Store(
            writer,
            embedder,
            former=former,
            bound_bytes=bound_bytes,
            sketch_from=sketch_from,
            pgvector_from=pgvector_from,
            kept_in=kept_in,
            on_erased=on_erased,
        )
        self._additions = additions
        self._accesses = Accesses(writer)
        self._keeper = Keeper(self._store)

    async def start(self) -> None:
        """Load the model now rather than in the first recall, and remove kept indexes that are of no use."""
        await self._store.work(self._store.sweep)
        await self._store.work(self._store.spaces.target.embedder.read, "start")

    async def settle(self) -> None:
        """Write what waits to be written, before the end."""
        await self._accesses.settle()

    def close(self) -> None:
        self._store.close()

    async def remember(
        self, owner: Owner, items: Sequence[NewMemory], *, namespace: str = DEFAULT, are_messages: bool = False
    ) -> Sequence[RememberResult]:
        """Remember all items or none, but for shared memories of another author, which stay as they are (`refused`).

        `are_messages`: they come from a conversation, and their metadata may say in which role. Raises NotTheAuthor
        where every item is refused.
        """
        checks.namespace(namespace)
        checks.items(items, are_messages=are_messages)
        results = await self._store.whole(remember(self._store, owner, items, namespace))
        refusals = [result.refusal for result in results if result.refusal]
        if refusals and len(refusals) == len(results):
            raise refusals[0]
        return results

    async def remember_within(
        self,
        owner: Owner,
        item: NewMemory,
        work: Callable[[Transaction, Keep], T],
        *,
        namespace: str = DEFAULT,
        prefetch: Prefetch | None = None,
    ) -> T:
        """Run `work` in a transaction; it remembers the item by calling what it is given, or leaves it."""
        checks.namespace(namespace)
        checks.items([item])
        request = Request(owner, [item], namespace, now())
        return await self._store.whole(remember_within(self._store, request, work, prefetch))

    async def import_document(
        self, owner: Owner, document: NewDocument, chunking: Chunking, *, namespace: str = DEFAULT
    ) -> ImportResult:
        """Remember a long text in chunks, or update the document that it is."""
        checks.namespace(namespace)
        await self._store.work(importing.check_document, document, chunking)
        return await self._store.whole(library.import_document(self._store, owner, document, namespace, chunking))

    async def plan_documents(
        self, owner: Owner, delivery: Delivery, *, scope: Scope = "user", namespace: str = DEFAULT
    ) -> ImportPlan:
        """Plan an import; nothing is done."""
        checks.namespace(namespace)
        for number, coming in enumerate(delivery.documents):
            importing.check_place(coming.collection, coming.origin, f"documents[{number}].")
        return await self._store.work(library.plan_import, self._store, owner, scope, namespace, delivery)

    async def recognise_document(
        self, owner: Owner, name: str, text: str, *, scope: Scope = "user", namespace: str = DEFAULT
    ) -> tuple[KnownDocument, bool] | None:
        """Find the document that this text is or was, of an earlier version; and whether all of it is still there."""
        checks.namespace(namespace)
        address = (owner.tenant_id, namespace, owner.scope_owner(scope))
        return await self._store.work(library.recognise, self._store, address, name, text)

    async def documents(
        self, owner: Owner, *, namespace: str = DEFAULT, limit: int = browse.PAGE, after: str | None = None
    ) -> Sequence[DocumentRow]:
        """List what the owner may see, in the order of first import; `after` is the last id of the page before."""
        checks.number(limit, "limit", low=1, high=browse.LARGEST_PAGE)
        await self._check_namespace(owner, namespace)
        return await self._store.work(
            list_documents, self._store.database, owner, namespace, after=after or "", limit=limit
        )

    async def forget_documents(
        self, owner: Owner, ids: Sequence[str], *, namespace: str = DEFAULT, dry_run: bool = False
    ) -> ForgetDocumentsResult:
        """Forget all named documents or none, with every chunk that no other document shares.

        `dry_run`: only say what would go, in a receipt without an id.
        """
        checks.namespace(namespace)
        if len(ids) > checks.ITEMS:
            raise TooManyItems(f"must be at most {checks.ITEMS:,} documents a call", field="ids")
        return await self._store.whole(library.forget_documents(self._store, owner, ids, namespace, dry_run=dry_run))

    async def candidates(self, owner: Owner, query: Query) -> Candidates:
        """Return the memories that may answer, unranked, with every view."""
        checks.query(query)
        await self._check_namespace(owner, query.namespace)
        place = (owner.tenant_id, query.namespace, owner.visible())
        return await self._store.ask(*place, self._find_candidates, owner, query)

    def _find_candidates(self, owner: Owner, query: Query) -> Candidates:
        at = checks.moment(query.at) if query.at else datetime.now(UTC)
        while True:
            space = self._store.spaces.space_of(owner.tenant_id)
            reading = space.embedder.read(self._text_to_embed(owner, query, space))
            with self._store.partitions.open(owner.tenant_id, query.namespace, owner.visible()) as partitions:
                if all(partition.model == space.model for partition in partitions):  # else it changed meanwhile
                    return find_candidates(partitions, query, reading, at=at.timestamp(), additions=self._additions)

    async def embed_question(self, owner: Owner, text: str) -> Sequence[float]:
        """Return the unit vector of a text by the model that answers the owner's tenant."""
        return await self._store.work(self._embed_question, owner, text)

    def _embed_question(self, owner: Owner, text: str) -> Sequence[float]:
        return [float(part) for part in self._store.spaces.space_of(owner.tenant_id).embedder.read(text).vector]

    def _text_to_embed(self, owner: Owner, query: Query, space: Space) -> str:
        """The question as the embedder should see it: without names of speakers, if it has no word vectors."""
        if space.embedder.late_dimension:
            return query.text
        with self._store.partitions.open(owner.tenant_id, query.namespace, owner.visible()) as partitions:
            return strip_question(query.text, partitions)

    async def forget(
        self,
        owner: Owner,
        *,
        ids: Sequence[str] = (),
        keys: Sequence[str] = (),
        namespace: str = DEFAULT,
        dry_run: bool = False,
    ) -> ErasureReceipt:
        """Forget all named memories or none. `dry_run`: only say what would go, in a receipt without an id."""
        checks.namespace(namespace)
        if len(ids) + len(keys) > checks.ITEMS:
            raise TooManyItems(f"must be at most {checks.ITEMS:,} memories a call", field="ids")
        await self._check_namespace(owner, namespace)
        verb = preview if dry_run else forget
        return await self._store.whole(verb(self._store, owner, ids, keys, namespace))

    async def link(self, owner: Owner, from_key: str, new: NewLink, *, namespace: str = DEFAULT) -> Link | None:
        """Link two memories; return the link, or None where it was there already."""
        checks.namespace(namespace)
        checks.new_link(new)
        return await self._store.whole(self._link(owner, from_key, new, namespace))

    async def _link(self, owner: Owner, from_key: str, new: NewLink, namespace: str) -> Link | None:
        def write(transaction: Transaction) -> list[Link]:
            try:
                [memory] = find_named(transaction, owner, (), [from_key], namespace)
            except UnknownKey:
                raise UnknownKey(f"there is no memory {from_key[:80]!r} here", field="from_key") from None
            written, foreign = write_links(transaction, owner, namespace, [(memory, new, "to_key")])
            if foreign:
                raise NotTheAuthor(field="from_key")
            return written

        links = await self._store.writer.write(write)
        await self._store.work(self._store.apply_links, owner, namespace, links)
        return links[0] if links else None

    def count_shown(self, tenant_id: str, ids: Iterable[str]) -> None:
        """Count that somebody was shown these. Returns at once; `access_count` follows within a second or so."""
        self._accesses.add(tenant_id, ids)

    async def set_values(self, tenant_id: str, learned: Mapping[str, float]) -> Sequence[str]:
        """Set learned values in [0, 1]; return the ids of those that are still remembered."""
        written = await self._store.writer.write(lambda transaction: values.write(transaction, tenant_id, learned))
        await self.apply_values(tenant_id, written)
        return [memory_id for _, _, memory_id, _ in written]

    async def apply_values(self, tenant_id: str, written: values.WrittenValues) -> None:
        """Let recall see values, after the commit of a transaction that called `values.write` itself."""
        await self._store.work(values.apply, self._store, tenant_id, written)

    async def consolidate(
        self, owner: Owner, *, scope: Scope = "user", namespace: str = DEFAULT, summarise: Summarise | None = None
    ) -> Sequence[Consolidation]:
        """Run one cycle now, on what the owner keeps under `scope`; extractive, or by a language model."""
        await self._check_namespace(owner, namespace)
        address = (owner.tenant_id, namespace, owner.scope_owner(scope))
        return await self._store.whole(consolidate(self._store, address, summarise))

    async def consolidations(self, owner: Owner, *, namespace: str = DEFAULT) -> Sequence[ConsolidationRow]:
        """List consolidations, newest first."""
        await self._check_namespace(owner, namespace)
        return await self._store.work(list_consolidations, self._store.database, owner, namespace, limit=CONSOLIDATIONS)

    async def undo(self, owner: Owner, consolidation_id: str, *, namespace: str = DEFAULT) -> UndoResult:
        """Take a consolidation back; a second time changes nothing."""
        await self._check_namespace(owner, namespace)
        return await self._store.whole(undo(self._store, owner, consolidation_id, namespace))

    async def verify(self, tenant_id: str, *, repair: bool = False, sight: Visibility = EVERYTHING) -> ReconcileReport:
        """Compare what is in `sight` with its payloads. Raises EmbedderUnavailable where repair needs the model."""
        return await self._store.whole(reconcile(self._store, tenant_id, repair=repair, sight=sight))

    async def run_upkeep(self, routine: Routine) -> None:
        """Run the upkeep of all tenants until cancelled."""
        await self._keeper.run(routine)

    def waiting_reason(self, tenant_id: str) -> str:
        """Reason why vectors of the tenant wait for their model; empty where they do not."""
        return self._keeper.waiting.get(tenant_id, "")

    async def embedding_progress(self, owner: Owner) -> Progress:
        """Report which model answers, which one is taken up, and how far, over what the owner sees."""
        return await self._store.work(count_visible_progress, self._store, owner)

    async def get(
        self,
        owner: Owner,
        *,
        ids: Sequence[str] = (),
        keys: Sequence[str] = (),
        namespace: str = DEFAULT,
        gone: Collection[str] = (),
    ) -> Sequence[MemoryRecord]:
        """Return memories by id and key. Raises UnknownKey for one that is not there, unless it may be `gone`."""
        checks.namespace(namespace)
        await self._check_namespace(owner, namespace)
        return await self._store.work(find_named, self._store.database, owner, ids, keys, namespace, gone=gone)

    async def list(
        self, owner: Owner, *, namespace: str = DEFAULT, limit: int = browse.PAGE, after: str | None = None
    ) -> Page:
        checks.number(limit, "limit", low=1, high=browse.LARGEST_PAGE)
        await self._check_namespace(owner, namespace)
        return await self._store.work(browse.list_memories, self._store, owner, namespace, limit=limit, after=after)

    async def search(
        self, owner: Owner, text: str, *, namespace: str = DEFAULT, limit: int = browse.PAGE, after: str | None = None
    ) -> Page:
        """Find memories by words, for a search box."""
        checks.text(text, "text")
        checks.number(limit, "limit", low=1, high=browse.LARGEST_PAGE)
        await self._check_namespace(owner, namespace)
        place = (owner.tenant_id, namespace, owner.visible())
        return await self._store.ask(
            *place, browse.search_memories, self._store, owner, text, namespace, limit=limit, after=after
        )

    async def export(self, owner: Owner, *, namespace: str = DEFAULT) -> Iterable[dict[str, Any]]:
        """Yield every visible memory as an item that `remember` takes. Read as it is consumed: iterate in a thread."""
        await self._check_namespace(owner, namespace)
        return browse.export_memories(self._store, owner, namespace)

    async def export_page(
        self, owner: Owner, *, namespace: str = DEFAULT, after: str | None = None
    ) -> tuple[Sequence[dict[str, Any]], str | None]:
        """Return the same page by page: items, and the cursor of the next ones."""
        await self._check_namespace(owner, namespace)
        return await self._store.work(browse.export_page, self._store, owner, namespace, after)

    async def import_lines(
        self, owner: Owner, lines: Iterable[str], *, namespace: str = DEFAULT, scope: Scope = "user"
    ) -> ImportCounts:
        """Remember what an export wrote, line by line as JSON. Bad input changes nothing, nor does a second time.

        A line without a scope gets `scope`.
        """
        checks.namespace(namespace)
        checks.one_of(scope, get_args(Scope), "scope")
        return await self._store.whole(import_lines(self._store, owner, lines, namespace, scope))

    async def statistics(self, owner: Owner, *, namespace: str = DEFAULT) -> Statistics:
        await self._check_namespace(owner, namespace)
        place = (owner.tenant_id, namespace, owner.visible())
        return await self._store.ask(*place, browse.statistics, self._store, owner, namespace)

    async def _check_namespace(self, owner: Owner, namespace: str) -> None:
        """Raise ForeignNamespace for one that never held what this owner may see, wherever else it exists."""
        checks.namespace(namespace)
        if namespace != DEFAULT and not await self._store.work(has_ever_held, self._store.database, owner, namespace):
            raise ForeignNamespace(f"there is no namespace {namespace!r} here", field="namespace")
