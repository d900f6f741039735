"""A large memory of one tenant, written as rows: what remembering would write, but for the model's readings.

The texts are 25 words, drawn from the model's vocabulary with the frequencies of real texts (Zipf), a conversation for
each hundred. Vectors are those of a pool of texts, each with some noise.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from soma.events.facts.codec import draft
from soma.events.facts.memory import MemoryRemembered
from soma.events.ids import new_id, now
from soma.events.transaction import Transaction
from soma.events.writer import Writer
from soma.memory.embedders.base import Embedder, Reading, Vector
from soma.memory.embedders.basis import vocabulary
from soma.memory.embedders.minilm import MiniLM, normalise
from soma.memory.erasing import subject
from soma.memory.remember import content_key
from soma.memory.rendering import to_embedding
from soma.memory.rows.embeddings import Embedding, write_embeddings
from soma.memory.rows.memories import checksum, metadata_text, write_memories
from soma.memory.spaces import Space
from soma.memory.text.languages import ENGLISH
from soma.memory.text.sentences import Span
from soma.memory.types import MemoryRecord, NewMemory, Owner

WORDS = 25
IN_CONVERSATION = 100
COMMON = sorted(ENGLISH.stop_words)
COMMON_SHARE = 0.45  # share of common words in real messages
POOL = 500  # texts that the model reads
NOISE = 0.02  # standard deviation for each number of a vector: the cosine with its origin is about 0.93
BATCH = 2_000
SPEAKER = {"speaker": "Robin"}


class TextSource:
    """A reproducible source of texts."""

    def __init__(self, seed: int) -> None:
        self._words = np.array(vocabulary())
        self._generator = np.random.default_rng(seed)
        ranks = np.arange(1, len(self._words) + 1)
        self._shares = (1 / ranks) / (1 / ranks).sum()

    def text(self, words: int = WORDS) -> str:
        return self.texts(1, words)[0]

    def texts(self, count: int, words: int = WORDS) -> list[str]:
        shape = (count, words)
        chosen = self._generator.choice(self._words, shape, p=self._shares)
        common = self._generator.choice(COMMON, shape)
        mixed = np.where(self._generator.random(shape) < COMMON_SHARE, common, chosen)
        return [" ".join(text) + "." for text in mixed.tolist()]


class PooledEmbedder:
    """An embedder that answers with readings from a pool, with some noise."""

    name, dimension, late_dimension = MiniLM.name, MiniLM.dimension, MiniLM.late_dimension

    def __init__(self, model: Embedder, texts: Sequence[str]) -> None:
        self._pool = [model.read(text) for text in texts]
        self._noise = VectorNoise()
        self._used = 0

    def read(self, text: str) -> Reading:  # noqa: ARG002 - any text
        self._used += 1
        origin = self._pool[self._used % len(self._pool)]
        return replace(origin, vector=self._noise.add(origin.vector))

    def read_all(self, texts: Sequence[str]) -> Sequence[Reading]:
        return [self.read(text) for text in texts]

    def find_passages(self, text: str) -> Sequence[Span]:  # noqa: ARG002 - texts here are short
        return ()


class VectorNoise:
    """A reproducible source of vectors near others."""

    def __init__(self) -> None:
        self._generator = np.random.default_rng(1)

    def add(self, vector: Vector) -> Vector:
        return normalise(vector + self._generator.normal(0, NOISE, len(vector)).astype(np.float32))


def fill_rows(writer: Writer, model: Embedder, owner: Owner, size: int) -> None:
    """Write `size` memories, a batch a transaction."""
    words, space, noise = TextSource(0), Space.from_embedder(model), VectorNoise()
    pool = [to_embedding(make_record(owner, text, "", now()), model.read(text)) for text in words.texts(POOL)]
    for start in range(0, size, BATCH):
        records = list(_records(words, owner, start, min(start + BATCH, size)))
        made = [pool[number % POOL] for number in range(start, start + len(records))]
        pairs = [
            (record, replace(origin, vector=noise.add(origin.vector)))
            for record, origin in zip(records, made, strict=True)
        ]
        writer.submit(partial(_write, owner=owner, model=space.model, pairs=pairs)).result()


def _records(words: TextSource, owner: Owner, start: int, end: int) -> Iterator[MemoryRecord]:
    moment = now()
    for number, text in zip(range(start, end), words.texts(end - start), strict=True):
        yield make_record(owner, text, f"c{number // IN_CONVERSATION}", moment)


def make_record(owner: Owner, text: str, conversation: str, moment: str) -> MemoryRecord:
    new = NewMemory(text=text)
    record = MemoryRecord(
        id=new_id(), tenant_id=owner.tenant_id, namespace="default", scope=new.scope,
        scope_owner=owner.scope_owner(new.scope), user_id=owner.user_id, agent_id=owner.agent_id,
        key=content_key(new), kind=new.kind, text=text, metadata=SPEAKER, conversation_id=conversation,
        occurred_at=moment, importance=new.importance, value=0.5, access_count=0, accessed_at=None, checksum="",
        position=0, revision=0, created_at=moment, updated_at=moment,
    )  # fmt: skip
    return replace(record, checksum=checksum(record))


def _write(transaction: Transaction, owner: Owner, model: str, pairs: Sequence[tuple[MemoryRecord, Embedding]]) -> None:
    placed = [(_place(transaction, owner, record), made) for record, made in pairs]
    write_memories(transaction, [(record, metadata_text(record)) for record, _ in placed])
    write_embeddings(transaction, model, placed)


def _place(transaction: Transaction, owner: Owner, record: MemoryRecord) -> MemoryRecord:
    fact = MemoryRemembered(
        memory_id=record.id, key=record.key, status="created", checksum=record.checksum, scope=record.scope,
        namespace=record.namespace,
    )  # fmt: skip
    position = transaction.append(draft(fact, subject(owner))).position
    return replace(record, position=position, revision=position)
