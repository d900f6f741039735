"""Corrections: which memories answer a question and which do not, as a person said, for that person alone.

A question is the corrected one if it has the same words, or if it is nearer to it in meaning than to any memory. A
number or code that only one of the two names keeps them apart. What was rolled back or forgotten corrects nothing.
"""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from soma.brain.lineage import still_held
from soma.brain.types import Principal
from soma.events.ids import now
from soma.events.log import Reads
from soma.events.transaction import Transaction
from soma.memory.languages import language_of
from soma.memory.types import Candidates
from soma.memory.words import content_words, tokens

MOST = 500  # of one person that are looked at, the newest
NEAR = 0.4  # cosine below which two questions are never the same, however little is remembered
COLUMNS = (
    "tenant_id", "agent_id", "user_id", "bundle_id", "memory_id", "helpful", "version", "words", "numbers", "embedding",
    "created_at",
)  # fmt: skip


class Question(NamedTuple):
    """`words` is a digest of its content words in any order, `numbers` are those with a digit in them."""

    words: str
    numbers: tuple[str, ...]
    embedding: Sequence[float]


class Correction(NamedTuple):
    question: Question
    version: int
    helpful: tuple[str, ...]
    unhelpful: tuple[str, ...]


class Order(NamedTuple):
    """Memories that come first whatever their score, and those that come last."""

    first: tuple[str, ...] = ()
    last: tuple[str, ...] = ()

    def place(self, memory_id: str) -> int:
        return -1 if memory_id in self.first else 1 if memory_id in self.last else 0


AS_RANKED = Order()


def question_of(text: str, embedding: Sequence[float]) -> Question:
    found = tokens(text)
    stems = sorted(content_words(text, language_of(found)))
    digest = blake2b(msgspec.json.encode(stems), digest_size=16).hexdigest()
    numbers = {word for word in found if any(sign.isdigit() for sign in word)}
    return Question(digest, tuple(sorted(numbers)), embedding)


def order_for(question: Question, known: Sequence[Correction], candidates: Candidates) -> Order:
    """By the newest correction of the same words, else by the one that is nearest; `known` are the newest first."""
    same = [one for one in known if one.question.numbers == question.numbers]
    by_words = next((one for one in same if one.question.words == question.words), None)
    corrected = by_words or _nearest(question, same, candidates)
    return AS_RANKED if corrected is None else Order(corrected.helpful, corrected.unhelpful)


def _nearest(question: Question, known: Sequence[Correction], candidates: Candidates) -> Correction | None:
    if not known:
        return None
    asked = np.asarray(question.embedding, np.float32)
    cosines = [_cosine(asked, np.asarray(one.question.embedding, np.float32)) for one in known]
    place = int(np.argmax(cosines))
    named = {*known[place].helpful, *known[place].unhelpful}
    others = [number for number, memory_id in enumerate(candidates.ids) if memory_id not in named]
    memory = float((candidates.vectors[others] @ asked).max()) if others else 0.0
    return known[place] if cosines[place] >= max(memory, NEAR) else None


def _cosine(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """0 for vectors of another model, which say nothing of each other."""
    return float(one @ other) if one.shape == other.shape else 0.0


# Rows


def corrections(reads: Reads, principal: Principal, version: int) -> list[Correction]:
    """Those that stand where the learner is at `version`, the newest first."""
    rows = reads.query(
        "SELECT bundle_id, memory_id, helpful, version, words, numbers, embedding FROM corrections "
        "WHERE tenant_id = ? AND agent_id = ? AND user_id = ? ORDER BY created_at DESC, bundle_id LIMIT ?",
        [principal.tenant_id, principal.agent_id, principal.user_id, MOST],
    )
    held = still_held(reads, principal, version, {row[3] for row in rows})
    found: dict[str, Correction] = {}
    for bundle_id, memory_id, helpful, made, words, numbers, embedding in rows:
        if made in held:
            told = Question(words, tuple(msgspec.json.decode(numbers)), array("f", embedding).tolist())
            one = found.get(bundle_id, Correction(told, made, (), ()))
            named = (memory_id,)
            found[bundle_id] = (
                one._replace(helpful=one.helpful + named) if helpful else one._replace(unhelpful=one.unhelpful + named)
            )
    return list(found.values())


class Corrected(NamedTuple):
    """A word of a person on the memories of a bundle that was learned, at `version`."""

    bundle_id: str
    question: Question
    helpful: tuple[str, ...]
    unhelpful: tuple[str, ...]
    version: int


def keep(transaction: Transaction, principal: Principal, corrected: Iterable[Corrected]) -> None:
    """A newer word on the same bundle takes the place of the former."""
    newest = {one.bundle_id: one for one in corrected}
    if not newest:
        return
    who, at = (principal.tenant_id, principal.agent_id, principal.user_id), now()
    rows = [(*who, *row, at) for one in newest.values() for row in _rows(one)]
    transaction.executemany(DELETE, [(*who, bundle_id) for bundle_id in newest])
    transaction.executemany(INSERT, rows)


def _rows(corrected: Corrected) -> Iterator[tuple[object, ...]]:
    words, numbers, embedding = corrected.question
    asked = words, msgspec.json.encode(numbers).decode(), array("f", embedding).tobytes()
    named = dict.fromkeys(corrected.helpful, 1) | dict.fromkeys(corrected.unhelpful, 0)
    for memory_id, helpful in named.items():
        yield corrected.bundle_id, memory_id, helpful, corrected.version, *asked


DELETE = "DELETE FROM corrections WHERE tenant_id = ? AND agent_id = ? AND user_id = ? AND bundle_id = ?"
INSERT = f"INSERT INTO corrections ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"


def forget(transaction: Transaction, tenant_id: str, memory_ids: Iterable[str]) -> None:
    """What was said of memories goes with them."""
    rows = [(tenant_id, memory_id) for memory_id in memory_ids]
    transaction.executemany("DELETE FROM corrections WHERE tenant_id = ? AND memory_id = ?", rows)
