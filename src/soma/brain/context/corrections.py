"""Corrections: which memories answer a question and which do not, as a person said, for that person alone.

A question is the corrected one if it has the same words, or by its meaning: if it is nearer to it than to any other
memory, or near to both it and what was typed as right. A number or code that only one of the two names keeps them
apart. What was rolled back or forgotten corrects nothing.
"""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from soma.brain.learners.lineage import still_held
from soma.brain.types import Principal
from soma.events.ids import now
from soma.events.log import Reads
from soma.events.transaction import Transaction
from soma.memory.text.languages import language_of
from soma.memory.text.words import content_words, tokens
from soma.memory.types import Candidates

MOST = 500  # of one person that are looked at, the newest
LEAST = 0.3  # cosine of two questions, below which nothing makes them the same
SHOWN = 0.4  # the same where the answer is a memory that was shown, which holds much else
TYPED = 0.4  # cosines of a question to the corrected one and to what was typed, less that to the nearest memory
SEMANTIC, RIVALS = "semantic", 16  # the view by which, and how many of the best, other memories are read
FEWEST = 2  # content words; one alone stands in many a memory
MOSTLY = 2 / 3  # of the content words
COLUMNS = (
    "tenant_id", "agent_id", "user_id", "bundle_id", "memory_id", "helpful", "version", "words", "numbers", "embedding",
    "created_at", "turn_id",
)  # fmt: skip


class Question(NamedTuple):
    """`words` is a digest of its content words in any order, `numbers` are those with a digit in them; `stems`, of one
    that is asked now, are the content words themselves.
    """

    words: str
    numbers: tuple[str, ...]
    embedding: Sequence[float]
    stems: frozenset[str] = frozenset()


class Correction(NamedTuple):
    """`is_typed`: the first of the helpful memories is what a person typed as right, and answers nothing else."""

    question: Question
    version: int
    helpful: tuple[str, ...]
    unhelpful: tuple[str, ...]
    is_typed: bool = False


class Order(NamedTuple):
    """Memories that come first whatever their score, and those that come last."""

    first: tuple[str, ...] = ()
    last: tuple[str, ...] = ()

    def place(self, memory_id: str) -> int:
        if memory_id in self.first:
            return self.first.index(memory_id) - len(self.first)
        return 1 if memory_id in self.last else 0


AS_RANKED = Order()


def question_of(text: str, embedding: Sequence[float]) -> Question:
    found = tokens(text)
    stems = sorted(content_words(text, language_of(found)))
    digest = blake2b(msgspec.json.encode(stems), digest_size=16).hexdigest()
    numbers = {word for word in found if any(sign.isdigit() for sign in word)}
    return Question(digest, tuple(sorted(numbers)), embedding, frozenset(stems))


def nearest(question: Question, known: Sequence[Correction]) -> Correction | None:
    """The newest correction of the same words, else the one that is nearest in meaning, if near enough to look at."""
    same = [one for one in known if one.question.numbers == question.numbers]
    by_words = next((one for one in same if one.question.words == question.words), None)
    if by_words is not None or not same:
        return by_words
    asked = np.asarray(question.embedding, np.float32)
    cosines = [_cosine(asked, one.question.embedding) for one in same]
    place = int(np.argmax(cosines))
    return same[place] if cosines[place] >= LEAST else None


def order_for(question: Question, corrected: Correction, candidates: Candidates) -> Order:
    """The order that `corrected` says, if it is of this question; `candidates` may answer it, those it names too."""
    order = Order(corrected.helpful, corrected.unhelpful)
    if corrected.question.words == question.words:
        return order
    named = {*corrected.helpful, *corrected.unhelpful}
    typed = corrected.helpful[: corrected.is_typed]
    asked = _cosine(np.asarray(question.embedding, np.float32), corrected.question.embedding)
    answer = _nearest_of(question, candidates, [memory_id in typed for memory_id in candidates.ids])
    other = _nearest_of(question, candidates, [memory_id not in named for memory_id in candidates.ids])
    is_same = asked + answer - other >= TYPED if corrected.is_typed else asked >= max(other, SHOWN)
    return order if is_same and not _has_answer(question, candidates, corrected) else AS_RANKED


def _has_answer(question: Question, candidates: Candidates, corrected: Correction) -> bool:
    """Whether another memory holds most content words of the question, and more than what was said to answer does:
    then it asks for what stands there.
    """
    if SEMANTIC not in candidates.views or len(question.stems) < FEWEST:
        return False
    best = np.argsort(-candidates.levels[:, candidates.views.index(SEMANTIC)], kind="stable")[:RIVALS]
    named = {*corrected.helpful, *corrected.unhelpful}
    rivals = _most_held(question, candidates, [n for n in best.tolist() if candidates.ids[n] not in named])
    right = [number for number, memory_id in enumerate(candidates.ids) if memory_id in corrected.helpful]
    return rivals >= MOSTLY * len(question.stems) and rivals > _most_held(question, candidates, right)


def _most_held(question: Question, candidates: Candidates, numbers: Sequence[int]) -> int:
    """How many content words of the question that memory holds which holds most."""
    return max((len(question.stems & _stems(candidates[number].text)) for number in numbers), default=0)


def _stems(text: str) -> frozenset[str]:
    return frozenset(content_words(text, language_of(tokens(text))))


def _nearest_of(question: Question, candidates: Candidates, chosen: Sequence[bool]) -> float:
    """The cosine of the nearest of the chosen memories; 0 where there is none."""
    rows = np.flatnonzero(chosen)
    return float((candidates.vectors[rows] @ np.asarray(question.embedding, np.float32)).max()) if len(rows) else 0.0


def _cosine(asked: NDArray[np.float32], other: Sequence[float]) -> float:
    """0 for a vector of another model, which says nothing of this one."""
    return float(asked @ np.asarray(other, np.float32)) if len(asked) == len(other) else 0.0


# Rows


def corrections(reads: Reads, principal: Principal, version: int) -> list[Correction]:
    """Those that stand where the learner is at `version`, the newest first."""
    rows = reads.query(
        "SELECT bundle_id, memory_id, helpful, turn_id, version, words, numbers, embedding FROM corrections AS told "
        "WHERE tenant_id = ? AND agent_id = ? AND user_id = ? AND NOT EXISTS (SELECT 1 FROM withdrawn_answers AS gone "
        "WHERE gone.tenant_id = told.tenant_id AND gone.agent_id = told.agent_id AND gone.turn_id = told.turn_id) "
        "ORDER BY created_at DESC, bundle_id LIMIT ?",
        [principal.tenant_id, principal.agent_id, principal.user_id, MOST],
    )
    held = still_held(reads, principal, version, {row[4] for row in rows})
    found: dict[str, Correction] = {}
    for bundle_id, memory_id, helpful, turn_id, made, words, numbers, embedding in rows:
        if made in held:
            told = Question(words, tuple(msgspec.json.decode(numbers)), array("f", embedding))
            one = found.get(bundle_id, Correction(told, made, (), ()))
            found[bundle_id] = _naming(one, memory_id, helpful=helpful, is_typed=turn_id is not None)
    return list(found.values())


def _naming(correction: Correction, memory_id: str, *, helpful: bool, is_typed: bool) -> Correction:
    """What was typed is nearer to what was meant than what was shown."""
    if not helpful:
        return correction._replace(unhelpful=(*correction.unhelpful, memory_id))
    named = correction.helpful
    if is_typed:
        return correction._replace(helpful=(memory_id, *named), is_typed=True)
    return correction._replace(helpful=(*named, memory_id))


class Corrected(NamedTuple):
    """A word of a person on the memories of a bundle that was learned, at `version`.

    `turn_id` is of a correction that was typed, and goes with the answer that it corrects; None of memories that were
    shown.
    """

    bundle_id: str
    question: Question
    helpful: tuple[str, ...]
    unhelpful: tuple[str, ...]
    version: int
    turn_id: str | None = None


def keep(transaction: Transaction, principal: Principal, corrected: Iterable[Corrected]) -> None:
    """A newer word on the same bundle takes the place of the former; what was shown and what was typed are two."""
    newest = {(one.bundle_id, one.turn_id is None): one for one in corrected}
    if not newest:
        return
    who, at = (principal.tenant_id, principal.agent_id, principal.user_id), now()
    rows = [(*who, *row, at, one.turn_id) for one in newest.values() for row in _rows(one)]
    transaction.executemany(DELETE, [(*who, bundle_id, int(was_shown)) for bundle_id, was_shown in newest])
    transaction.executemany(INSERT, rows)


def _rows(corrected: Corrected) -> Iterator[tuple[object, ...]]:
    words, numbers, embedding, _ = corrected.question
    asked = words, msgspec.json.encode(numbers).decode(), array("f", embedding).tobytes()
    named = dict.fromkeys(corrected.helpful, 1) | dict.fromkeys(corrected.unhelpful, 0)
    for memory_id, helpful in named.items():
        yield corrected.bundle_id, memory_id, helpful, corrected.version, *asked


OF_BUNDLE = "tenant_id = ? AND agent_id = ? AND user_id = ? AND bundle_id = ?"
DELETE = f"DELETE FROM corrections WHERE {OF_BUNDLE} AND (turn_id IS NULL) = (? = 1)"
INSERT = (
    f"INSERT INTO corrections ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))}) "
    "ON CONFLICT (tenant_id, agent_id, user_id, bundle_id, memory_id) DO UPDATE SET helpful = excluded.helpful, "
    "version = excluded.version, turn_id = excluded.turn_id"
)


def is_kept(reads: Reads, principal: Principal, bundle_id: str) -> bool:
    """Whether what was typed of a bundle is still remembered."""
    who = principal.tenant_id, principal.agent_id, principal.user_id
    return bool(reads.query(f"SELECT 1 FROM corrections WHERE {OF_BUNDLE} AND turn_id IS NOT NULL", [*who, bundle_id]))


def forget(transaction: Transaction, tenant_id: str, memory_ids: Iterable[str]) -> None:
    """What was said of memories goes with them."""
    rows = [(tenant_id, memory_id) for memory_id in memory_ids]
    transaction.executemany("DELETE FROM corrections WHERE tenant_id = ? AND memory_id = ?", rows)
