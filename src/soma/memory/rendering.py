"""How a memory is read by the embedder and the postings: its text with who said it and when."""

from datetime import datetime

from soma.memory.index.partition import Entry
from soma.memory.rows import metadata_text, texts
from soma.memory.types import MemoryRecord
from soma.memory.words import words

VERSION = 1  # raise it when the rendering changes: vectors of different renderings are different models


def rendered(*, text: str, speaker: str, occurred_at: str) -> str:
    at = datetime.fromisoformat(occurred_at)
    date = f"{at.day} {at:%B %Y}"
    return f"{speaker}, {date}: {text}" if speaker else f"{date}: {text}"


def rendered_record(memory: MemoryRecord) -> str:
    return rendered(text=memory.text, speaker=texts(memory.metadata, "speaker"), occurred_at=memory.occurred_at)


def entry(memory: MemoryRecord) -> Entry:
    """The memory as its partition keeps it."""
    source = texts(memory.metadata, "source")
    return Entry(
        id=memory.id,
        key=memory.key,
        text=memory.text,
        metadata=metadata_text(memory),
        kind=memory.kind,
        occurred_at=memory.occurred_at,
        conversation_id=memory.conversation_id,
        position=memory.position,
        revision=memory.revision,
        time=datetime.fromisoformat(memory.occurred_at).timestamp(),
        value=memory.value,
        importance=memory.importance,
        speaker=texts(memory.metadata, "speaker"),
        thread=memory.conversation_id or (f"source:{source}" if source else None),
    )


def indexed_words(memory: MemoryRecord) -> list[str]:
    return words(rendered_record(memory))
