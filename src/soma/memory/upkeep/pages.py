"""A walk through all memories of a tenant in small steps, whatever is written meanwhile."""

from collections.abc import Iterator

from soma.events.database import Reader
from soma.memory.rows.embeddings import EmbeddedMemory, read_page
from soma.memory.rows.memories import list_partitions

PAGE = 250  # memories a step

Page = list[EmbeddedMemory]


def pages(reader: Reader, tenant_id: str, model: str, *, size: int = PAGE) -> Iterator[Page]:
    """Yield all living memories with what `model` made of them, partition by partition, damaged ones too."""
    for address in list_partitions(reader, tenant_id):
        position = -1
        while page := read_page(reader, address, model, after=position, size=size):
            yield page
            position = page[-1][0].position
