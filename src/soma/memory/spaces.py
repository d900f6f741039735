"""Vector spaces: which model's vectors answer a tenant. Vectors of two models are never compared.

The model that is set is the target. A tenant whose vectors another model made is served by that one, where it can
still be asked, until every memory has a vector of the target (`reembed.py`); then all of a tenant's switch at once.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from soma.events.database import Reader
from soma.events.transaction import Transaction
from soma.events.writer import Writer
from soma.memory.embedders.base import Embedder
from soma.memory.embedders.cached import CachingEmbedder
from soma.memory.rendering import VERSION
from soma.memory.rows.embeddings import find_any_model
from soma.memory.rows.models import read_tenant_model, write_tenant_model


@dataclass(frozen=True, slots=True)
class Space:
    """Vectors that may be compared. `model` is the name that they are stored under: the embedder and the rendering."""

    model: str
    embedder: CachingEmbedder

    @classmethod
    def from_embedder(cls, embedder: Embedder) -> "Space":
        return cls(f"{embedder.name}/{VERSION}", CachingEmbedder(embedder))


class Spaces:
    def __init__(self, writer: Writer, target: Embedder, former: Iterable[Embedder] = ()) -> None:
        self.target = Space.from_embedder(target)
        others = (Space.from_embedder(embedder) for embedder in former)
        self._known = {space.model: space for space in (*others, self.target)}
        self._writer = writer
        self._read: dict[str, str] = {}

    def space_of(self, tenant_id: str) -> Space:
        """Return the space that answers the tenant: the target also where its former model cannot be asked."""
        model = self._writer.get_kept(_key(tenant_id)) or self._read.get(tenant_id)
        if model is None and (model := find_served_model(self._writer.database, tenant_id)) is not None:
            self._read[tenant_id] = model
        return self._known.get(model or "", self.target)

    def is_current(self, transaction: Transaction, tenant_id: str, space: Space) -> bool:
        """Return whether `space` still answers the tenant, as this transaction sees it."""
        model = transaction.get(_key(tenant_id), lambda: find_served_model(transaction, tenant_id))
        return self._known.get(model or "", self.target) is space

    def switch(self, transaction: Transaction, tenant_id: str, model: str) -> None:
        """Let `model` answer the tenant from the commit on. Its loaded partitions must go then."""
        write_tenant_model(transaction, tenant_id, model)
        transaction.keep(_key(tenant_id), model)

    def drop_cached(self, tenant_id: str) -> None:
        """Forget what was read before, after the commit of a switch."""
        self._read.pop(tenant_id, None)


def find_served_model(reader: Reader, tenant_id: str) -> str | None:
    """Return the model that is set for the tenant, else that of any of its vectors; None without vectors."""
    return read_tenant_model(reader, tenant_id) or find_any_model(reader, tenant_id)


def _key(tenant_id: str) -> tuple[str, str]:
    return "memory-model", tenant_id
