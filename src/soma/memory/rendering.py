"""Rendering of a memory for its indexes: the embedder sees text and speaker, the postings the words of the text."""

from datetime import datetime

import numpy as np

from soma.memory.embedders.base import Reading
from soma.memory.index.partition import Entry, IndexedMemory
from soma.memory.index.traits import ONLY_ASKED, SYNTHESISED, find_traits, only_asks, share_of_questions
from soma.memory.index.word_vectors import quantise
from soma.memory.rows.embeddings import Embedding
from soma.memory.rows.memories import metadata_text, text_of
from soma.memory.text.folding import fold
from soma.memory.text.languages import Language, is_stop_word, language_of
from soma.memory.text.words import index_words, tokens
from soma.memory.types import MADE_MARK, MemoryRecord

VERSION = 2  # raise it when the rendering changes: vectors of different renderings are different models


def render(memory: MemoryRecord) -> str:
    """Return the text to embed, without the date: a question that names one is answered by a view of its own."""
    speaker = text_of(memory.metadata, "speaker")
    return f"{speaker}: {_whole_text(memory)}" if speaker else _whole_text(memory)


def _whole_text(memory: MemoryRecord) -> str:
    image = text_of(memory.metadata, "image")
    return f"{memory.text} [image: {image}]" if image else memory.text


def to_embedding(reading: Reading, memory: MemoryRecord) -> Embedding:
    """Keep the vectors of telling words, without the speaker's name; of all words where there are no others."""
    names = set(tokens(text_of(memory.metadata, "speaker")))
    language = language_of(tokens(memory.text))
    telling = [
        place for place, word in enumerate(reading.words) if is_telling(word, language) and fold(word) not in names
    ]
    chosen = np.array(telling or range(len(reading.words)), np.int64)
    return Embedding(reading.vector, quantise(reading.late_vectors[chosen]))


def is_telling(word: str, language: Language) -> bool:
    return len(word) > 1 and not is_stop_word(word, language) and any(letter.isalnum() for letter in word)


def _was_said_in_chat(memory: MemoryRecord) -> bool:
    """Return whether a user said it to an agent of ours: an imported conversation has speakers and no turns."""
    return memory.metadata.get("role") == "user" and "turn_id" in memory.metadata


def to_indexed(memory: MemoryRecord, made: Embedding) -> IndexedMemory:
    """Return the memory as its partition keeps it."""
    source = text_of(memory.metadata, "source")
    entry = Entry(
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
    return IndexedMemory(
        entry=entry,
        value=memory.value,
        traits=find_traits(tokens(memory.text))
        | SYNTHESISED * (MADE_MARK in memory.metadata)
        | ONLY_ASKED * (_was_said_in_chat(memory) and only_asks(memory.text)),
        asking=share_of_questions(memory.text),
        words=index_words(_whole_text(memory)),
        vector=made.vector,
        word_vectors=made.word_vectors,
    )
