"""Corrections: which memories answer a question and which do not, as a person said, for that person alone.

A question is the corrected one if it has the same words, or by its meaning: if it is near to it, and the memory that
answers that one is among the first for this one too. A number or code that only one of the two names keeps them apart.
What was rolled back or forgotten corrects nothing.
"""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from soma.brain.learners.lineage import standing_versions
from soma.brain.types import Principal
from soma.events.database import Reader
from soma.events.ids import now
from soma.events.sql import placeholders
from soma.events.transaction import Transaction
from soma.memory.text.languages import language_of
from soma.memory.text.words import content_words, tokens
from soma.memory.types import Candidates

MOST = 500  # of one person that are looked at, the newest
LEAST = 0.3  # least cosine of two questions that may be the same
AMONG = 100  # others, of which one may be nearer in meaning than the right memory
SEMANTIC, RIVALS = "semantic", 16  # the view by which, and how many of the best, other memories are read
FEWEST = 2  # content words; one alone stands in many a memory
MOSTLY = 2 / 3  # of the content words
COLUMNS = (
    "tenant_id", "agent_id", "user_id", "bundle_id", "memory_id", "helpful", "version", "words", "numbers", "embedding",
    "created_at", "turn_id",
)  # fmt: skip


class CorrectedQuestion(NamedTuple):
    """A question to be recognised: `words` is a digest of its content words in any order, `numbers` those with a digit.

    `stems` are the content words themselves; only a question that is asked now has them.
    """

    words: str
    numbers: tuple[str, ...]
    embedding: Sequence[float]
    stems: frozenset[str] = frozenset()


class StandingCorrection(NamedTuple):
    """A person's words on a question; `is_typed`: the first helpful memory is what was typed as right."""

    question: CorrectedQuestion
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


def question_of(text: str, embedding: Sequence[float]) -> CorrectedQuestion:
    found = tokens(text)
    stems = sorted(content_words(text, language_of(found)))
    digest = blake2b(msgspec.json.encode(stems), digest_size=16).hexdigest()
    numbers = {word for word in found if any(sign.isdigit() for sign in word)}
    return CorrectedQuestion(digest, tuple(sorted(numbers)), embedding, frozenset(stems))


def find_nearest(question: CorrectedQuestion, known: Sequence[StandingCorrection]) -> StandingCorrection | None:
    """The newest correction of the same words, else the one that is nearest in meaning, if near enough to look at."""
    same = [one for one in known if one.question.numbers == question.numbers]
    by_words = next((one for one in same if one.question.words == question.words), None)
    if by_words is not None or not same:
        return by_words
    asked = np.asarray(question.embedding, np.float32)
    cosines = [_cosine(asked, one.question.embedding) for one in same]
    place = int(np.argmax(cosines))
    return same[place] if cosines[place] >= LEAST else None


def order_of(question: CorrectedQuestion, corrected: StandingCorrection, candidates: Candidates) -> Order:
    """Order that `corrected` teaches, if it is of this question; `candidates` hold what may answer it."""
    order = Order(corrected.helpful, corrected.unhelpful)
    if corrected.question.words == question.words:
        return order
    if SEMANTIC not in candidates.views or not _is_answered_alike(question, candidates, corrected):
        return AS_RANKED
    return AS_RANKED if _has_answer(question, candidates, corrected) else order


def _is_answered_alike(question: CorrectedQuestion, candidates: Candidates, corrected: StandingCorrection) -> bool:
    """Return whether what answers the corrected question is what recall finds for this one: the first by its meaning.

    One in AMONG others may stand before it where the question is nearer to the corrected one than to any other memory.
    """
    named = {*corrected.helpful, *corrected.unhelpful}
    right = corrected.helpful[:1] if corrected.is_typed else corrected.helpful or corrected.unhelpful
    meaning = candidates.levels[:, candidates.views.index(SEMANTIC)]
    best = max((meaning[number] for number, memory_id in enumerate(candidates.ids) if memory_id in right), default=None)
    if best is None:
        return False
    is_other = np.array([memory_id not in named for memory_id in candidates.ids])
    before = np.count_nonzero(meaning[is_other] > best)
    if not before:
        return True
    asked = np.asarray(question.embedding, np.float32)
    nearest = float((candidates.vectors[is_other] @ asked).max())
    is_among_first = before * AMONG < np.count_nonzero(is_other)
    return bool(is_among_first and _cosine(asked, corrected.question.embedding) >= nearest)


def _has_answer(question: CorrectedQuestion, candidates: Candidates, corrected: StandingCorrection) -> bool:
    """Return whether another memory holds most content words of the question, and more than the taught answer does.

    The question asks for that memory then.
    """
    if len(question.stems) < FEWEST:
        return False
    best = np.argsort(-candidates.levels[:, candidates.views.index(SEMANTIC)], kind="stable")[:RIVALS]
    named = {*corrected.helpful, *corrected.unhelpful}
    rivals = _count_most_held(question, candidates, [n for n in best.tolist() if candidates.ids[n] not in named])
    right = [number for number, memory_id in enumerate(candidates.ids) if memory_id in corrected.helpful]
    return rivals >= MOSTLY * len(question.stems) and rivals > _count_most_held(question, candidates, right)


def _count_most_held(question: CorrectedQuestion, candidates: Candidates, numbers: Sequence[int]) -> int:
    """Count the content words of the question in the memory that holds most of them."""
    found = candidates.read(numbers).values()
    return max((len(question.stems & _stems(candidate.text)) for candidate in found), default=0)


def _stems(text: str) -> frozenset[str]:
    return frozenset(content_words(text, language_of(tokens(text))))


def _cosine(asked: NDArray[np.float32], other: Sequence[float]) -> float:
    """Cosine of two unit vectors (0 for a vector of another model)."""
    return float(asked @ np.asarray(other, np.float32)) if len(asked) == len(other) else 0.0


# Rows


def list_corrections(reads: Reader, principal: Principal, version: int) -> list[StandingCorrection]:
    """List the person's corrections that the learner holds at `version`, the newest first."""
    rows = reads.query(
        "SELECT bundle_id, memory_id, helpful, turn_id, version, words, numbers, embedding FROM corrections AS told "
        "WHERE tenant_id = ? AND agent_id = ? AND user_id = ? AND NOT EXISTS (SELECT 1 FROM withdrawn_answers AS gone "
        "WHERE gone.tenant_id = told.tenant_id AND gone.agent_id = told.agent_id AND gone.turn_id = told.turn_id) "
        "ORDER BY created_at DESC, bundle_id LIMIT ?",
        [principal.tenant_id, principal.agent_id, principal.user_id, MOST],
    )
    held = standing_versions(reads, principal, version, {row[4] for row in rows})
    found: dict[str, StandingCorrection] = {}
    for bundle_id, memory_id, helpful, turn_id, made, words, numbers, embedding in rows:
        if made in held:
            asked = CorrectedQuestion(words, tuple(msgspec.json.decode(numbers)), array("f", embedding))
            one = found.get(bundle_id, StandingCorrection(asked, made, (), ()))
            found[bundle_id] = _add_memory(one, memory_id, helpful=helpful, is_typed=turn_id is not None)
    return list(found.values())


def _add_memory(correction: StandingCorrection, memory_id: str, *, helpful: bool, is_typed: bool) -> StandingCorrection:
    """Add a memory; what was typed comes first, since it is nearer to what was meant than what was shown."""
    if not helpful:
        return correction._replace(unhelpful=(*correction.unhelpful, memory_id))
    named = correction.helpful
    if is_typed:
        return correction._replace(helpful=(memory_id, *named), is_typed=True)
    return correction._replace(helpful=(*named, memory_id))


class LearnedCorrection(NamedTuple):
    """A correction that was learned at `version`, to be kept.

    `turn_id` is set for a typed correction, which goes when the answer that it corrects is withdrawn; None for memories
    that were shown.
    """

    bundle_id: str
    question: CorrectedQuestion
    helpful: tuple[str, ...]
    unhelpful: tuple[str, ...]
    version: int
    turn_id: str | None = None


def keep_corrections(transaction: Transaction, principal: Principal, corrected: Iterable[LearnedCorrection]) -> None:
    """Keep the newest on each bundle in place of what stood; what was shown and what was typed stand apart."""
    newest = {(one.bundle_id, one.turn_id is None): one for one in corrected}
    if not newest:
        return
    who, at = (principal.tenant_id, principal.agent_id, principal.user_id), now()
    rows = [(*who, *row, at, one.turn_id) for one in newest.values() for row in _rows(one)]
    transaction.executemany(DELETE, [(*who, bundle_id, int(was_shown)) for bundle_id, was_shown in newest])
    transaction.executemany(INSERT, rows)


def _rows(corrected: LearnedCorrection) -> Iterator[tuple[object, ...]]:
    words, numbers, embedding, _ = corrected.question
    asked = words, msgspec.json.encode(numbers).decode(), array("f", embedding).tobytes()
    named = dict.fromkeys(corrected.helpful, 1) | dict.fromkeys(corrected.unhelpful, 0)
    for memory_id, helpful in named.items():
        yield corrected.bundle_id, memory_id, helpful, corrected.version, *asked


OF_BUNDLE = "tenant_id = ? AND agent_id = ? AND user_id = ? AND bundle_id = ?"
DELETE = f"DELETE FROM corrections WHERE {OF_BUNDLE} AND (turn_id IS NULL) = (? = 1)"
INSERT = (
    f"INSERT INTO corrections ({', '.join(COLUMNS)}) VALUES ({placeholders(COLUMNS)}) "
    "ON CONFLICT (tenant_id, agent_id, user_id, bundle_id, memory_id) DO UPDATE SET helpful = excluded.helpful, "
    "version = excluded.version, turn_id = excluded.turn_id"
)


def is_kept(reads: Reader, principal: Principal, bundle_id: str) -> bool:
    """Return whether what was typed of a bundle is still remembered."""
    who = principal.tenant_id, principal.agent_id, principal.user_id
    return bool(reads.query(f"SELECT 1 FROM corrections WHERE {OF_BUNDLE} AND turn_id IS NOT NULL", [*who, bundle_id]))


def forget_corrections(transaction: Transaction, tenant_id: str, memory_ids: Iterable[str]) -> None:
    """Delete what was said of memories that are forgotten."""
    rows = [(tenant_id, memory_id) for memory_id in memory_ids]
    transaction.executemany("DELETE FROM corrections WHERE tenant_id = ? AND memory_id = ?", rows)
