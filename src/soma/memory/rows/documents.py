"""The table `memory_documents`: a document's names, origin and the thread of its chunks."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from soma.events.database import Reader, Row
from soma.events.ids import new_id, now
from soma.events.transaction import Transaction
from soma.memory.catalogue.identity import FORMER, IncomingDocument, KnownDocument
from soma.memory.types import Address, DocumentRow, Owner

COLUMNS = ("id", "collection", "name", "origin", "thread", "digest", "format", "user_id")
SELECT = f"SELECT {', '.join(COLUMNS)} FROM memory_documents"
PARTITION = "tenant_id = ? AND namespace = ? AND scope_owner = ?"
VISIBLE = "d.tenant_id = ? AND d.namespace = ? AND d.scope_owner IN (?, ?, ?)"
UPSERT = (
    "INSERT INTO memory_documents (tenant_id, namespace, scope_owner, id, collection, name, origin, thread, digest, "
    "format, user_id, imported_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET "
    "collection = excluded.collection, name = excluded.name, origin = excluded.origin, thread = excluded.thread, "
    "digest = excluded.digest, format = excluded.format, user_id = excluded.user_id, imported_at = excluded.imported_at"
)
LISTED = (
    "SELECT d.id, d.collection, d.name, d.scope_owner, d.format, d.digest, d.user_id, d.imported_at, "
    "(SELECT COUNT(*) FROM memories m WHERE m.forgotten_at IS NULL AND m.tenant_id = d.tenant_id "
    "AND m.namespace = d.namespace AND m.scope_owner = d.scope_owner AND m.conversation_id = d.thread) "
    "FROM memory_documents d"
)
DROP_EMPTY = (
    f"DELETE FROM memory_documents WHERE {PARTITION} AND thread = ? AND NOT EXISTS (SELECT 1 FROM memories m "
    "WHERE m.forgotten_at IS NULL AND m.tenant_id = ? AND m.namespace = ? AND m.scope_owner = ? "
    "AND m.conversation_id = ?)"
)
THREADS = "document:"


def read_documents(reader: Reader, address: Address) -> list[KnownDocument]:
    """Return every document of a partition."""
    return _to_documents(reader.query(f"{SELECT} WHERE {PARTITION} ORDER BY id", address))


def find_concerning(reader: Reader, address: Address, coming: IncomingDocument) -> list[KnownDocument]:
    """Find the documents that decide what becomes of an incoming one, with those that share a thread with them."""
    wanted: list[tuple[str, Sequence[Any]]] = [
        ("name = ? AND collection IN (?, ?)", [coming.name, coming.collection, FORMER]),
        ("digest = ? AND digest <> ''", [coming.digest]),
        ("origin = ? AND origin <> ''", [coming.origin]),
        ("id = ?", [coming.continues or ""]),
    ]
    found = {one.id: one for where, values in wanted for one in _where(reader, address, where, values)}
    for thread in {one.thread for one in found.values()}:
        found |= {one.id: one for one in find_by_thread(reader, address, thread)}
    return list(found.values())


def find_by_thread(reader: Reader, address: Address, thread: str) -> list[KnownDocument]:
    return _where(reader, address, "thread = ?", [thread])


def find_former(reader: Reader, address: Address) -> list[KnownDocument]:
    """Find documents from before there were collections."""
    return _where(reader, address, "collection = ?", [FORMER])


def find_visible_document(
    reader: Reader, owner: Owner, namespace: str, document_id: str
) -> tuple[Address, KnownDocument] | None:
    """Find a document by its id where the owner may see it; return it with its partition."""
    found = reader.query(
        f"SELECT scope_owner FROM memory_documents d WHERE {VISIBLE} AND d.id = ?",
        [owner.tenant_id, namespace, *owner.visible(), document_id],
    )
    if not found:
        return None
    address = (owner.tenant_id, namespace, str(found[0][0]))
    return address, _where(reader, address, "id = ?", [document_id])[0]


def list_documents(reader: Reader, owner: Owner, namespace: str, *, after: str, limit: int) -> list[DocumentRow]:
    """Return documents that the owner may see, in the order of their first import, from behind the id `after`."""
    sql = f"{LISTED} WHERE {VISIBLE} AND d.id > ? ORDER BY d.id LIMIT ?"
    found = reader.query(sql, [owner.tenant_id, namespace, *owner.visible(), after, limit])
    return [DocumentRow(**dict(zip(DocumentRow.__slots__, row, strict=True))) for row in found]


def _where(reader: Reader, address: Address, where: str, values: Sequence[Any]) -> list[KnownDocument]:
    return _to_documents(reader.query(f"{SELECT} WHERE {PARTITION} AND {where}", [*address, *values]))


def _to_documents(found: Iterable[Row]) -> list[KnownDocument]:
    return [KnownDocument(**dict(zip(COLUMNS, row, strict=True))) for row in found]


def write_document(transaction: Transaction, address: Address, one: KnownDocument, user_id: str) -> None:
    values = [one.id, one.collection, one.name, one.origin, one.thread, one.digest, one.format, user_id, now()]
    transaction.execute(UPSERT, [*address, *values])


def delete_documents(transaction: Transaction, address: Address, ids: Iterable[str]) -> None:
    for one in ids:
        transaction.execute(f"DELETE FROM memory_documents WHERE {PARTITION} AND id = ?", [*address, one])


def delete_empty(transaction: Transaction, address: Address, threads: Iterable[str]) -> None:
    """Delete the documents of those threads that have no chunk any more."""
    for thread in threads:
        if thread.startswith(THREADS):
            transaction.execute(DROP_EMPTY, [*address, thread, *address, thread])


def register_threads(transaction: Transaction, address: Address, names: Mapping[str, str], user_id: str) -> None:
    """Register documents whose chunks came as memories, by their threads: like those from before collections."""
    for thread, name in names.items():
        if not find_by_thread(transaction, address, thread):
            write_document(
                transaction, address, KnownDocument(id=new_id(), collection=FORMER, name=name, thread=thread), user_id
            )
