"""Rendering of a memory for its indexes: the embedder sees text and speaker, the postings the words of the text."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
import numpy as np

from soma.memory.embedders.base import Reading
from soma.memory.index.entries import Entry
from soma.memory.index.partition import IndexedMemory
from soma.memory.index.traits import (
    ONLY_ASKED,
    SAID_BY_ASSISTANT,
    SYNTHESISED,
    find_traits,
    only_asks,
    share_of_questions,
)
from soma.memory.index.word_vectors import quantise
from soma.memory.rows.embeddings import Embedding
from soma.memory.rows.memories import metadata_text, text_of
from soma.memory.text.folding import fold
from soma.memory.text.languages import Language, is_stop_word, language_of
from soma.memory.text.words import index_words, tokens
from soma.memory.types import MADE_MARK, MemoryRecord

MOST_WORDS = 512  # vectors of words a memory: all telling ones of some 1,300 tokens, 64 KB
VERSION = 2  # raise it when the rendering changes: vectors of different renderings are different models


def render(memory: MemoryRecord) -> str:
    """Return the text to embed, without the date: a question that names one is answered by a view of its own."""
    speaker = text_of(memory.metadata, "speaker")
    return f"{speaker}: {whole_text(memory)}" if speaker else whole_text(memory)


def whole_text(memory: MemoryRecord) -> str:
    image = text_of(memory.metadata, "image")
    return f"{memory.text} [image: {image}]" if image else memory.text


def entry_text(entry: Entry) -> str:
    """Return the text that the postings hold the words of."""
    image = text_of(msgspec.json.decode(entry.metadata), "image") if "image" in entry.metadata else ""
    return f"{entry.text} [image: {image}]" if image else entry.text


def to_embedding(memory: MemoryRecord, reading: Reading, passages: Sequence[Reading] = ()) -> Embedding:
    """Keep what is stored of the model's reading of a memory, and of its passages if it is a long one.

    Of the words, telling ones are kept, without the speaker's name; all of them where there are no others.
    """
    parts = passages or [reading]
    words = [word for part in parts for word in part.words]
    late = np.concatenate([part.late_vectors for part in parts])
    vectors = np.array([part.vector for part in passages], np.float32).reshape(-1, len(reading.vector))
    return Embedding(
        vector=reading.vector, word_vectors=quantise(late[_choose_words(memory, words)]), passages=quantise(vectors)
    )


def _choose_words(memory: MemoryRecord, words: Sequence[str]) -> list[int]:
    """Choose places in `words`; where they are too many, each word in one place before any in a second."""
    names = set(tokens(text_of(memory.metadata, "speaker")))
    language = language_of(tokens(memory.text))
    telling = [place for place, word in enumerate(words) if is_telling(word, language) and fold(word) not in names]
    places = telling or list(range(len(words)))
    if len(places) <= MOST_WORDS:
        return places
    first = {words[place]: place for place in reversed(places)}.values()
    again = sorted(set(places) - set(first))
    return sorted([*sorted(first), *again][:MOST_WORDS])


def is_telling(word: str, language: Language) -> bool:
    return len(word) > 1 and not is_stop_word(word, language) and any(letter.isalnum() for letter in word)


def _was_said_in_chat(memory: MemoryRecord) -> bool:
    """Return whether a user said it to an agent of ours: an imported conversation has speakers and no turns."""
    return memory.metadata.get("role") == "user" and "turn_id" in memory.metadata


def to_entry(memory: MemoryRecord) -> Entry:
    """Return the memory as recall shows it."""
    source = text_of(memory.metadata, "source")
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
        importance=memory.importance,
        speaker=text_of(memory.metadata, "speaker"),
        thread=memory.conversation_id or (f"source:{source}" if source else None),
        author=memory.author,
    )


def to_indexed(memory: MemoryRecord, made: Embedding) -> IndexedMemory:
    """Return what the memory's partition takes of it."""
    return IndexedMemory(
        entry=to_entry(memory),
        value=memory.value,
        traits=find_traits(tokens(memory.text))
        | SAID_BY_ASSISTANT * (text_of(memory.metadata, "role") == "assistant")
        | SYNTHESISED * (MADE_MARK in memory.metadata)
        | ONLY_ASKED * (_was_said_in_chat(memory) and only_asks(memory.text)),
        asking=share_of_questions(memory.text),
        words=index_words(whole_text(memory)),
        vector=made.vector,
        word_vectors=made.word_vectors,
        passages=made.passages,
    )
