"""A standing word: what a person says of one turn, of each question one, whatever key it comes under.

Said again, it moves nothing; another takes its place. Only what was learned stands here: the rest is in the log alone.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from itertools import islice
from typing import Any, NamedTuple

import msgspec

from soma.brain.learners.lineage import still_held
from soma.brain.types import Principal
from soma.brain.wire.requests import Feedback
from soma.events.log import Reads
from soma.events.transaction import Transaction

EVIDENCE, VERDICT, CORRECTION = "evidence", "verdict", "correction"
CITATION, OUTCOME = "citation", "outcome"
REPEATED, REPLACED, BOUND = "repeated", "replaced", "daily_bound"  # why a word is not learned
AT_ONCE = 500  # words looked up by one query
COLUMNS = ("tenant_id", "name", "said", "feedback_id", "version", "day")
REPLACE = "UPDATE standing_words SET said = ?, feedback_id = ?, version = ?, day = ? WHERE tenant_id = ? AND name = ?"

Target = tuple[str, ...]


class Word(NamedTuple):
    """`name` is a digest of who speaks of what, `said` one of what is said of it."""

    question: str
    name: str
    said: str


class Standing(NamedTuple):
    """The newest word that was learned: by which feedback, and which version of the learner came of it."""

    said: str
    feedback_id: str
    version: int


class Heard(NamedTuple):
    """A word that was learned, and whether none stood there before."""

    word: Word
    standing: Standing
    is_new: bool


class Hearing(NamedTuple):
    """Why words of a feedback are not learned, and the versions whose words it replaces; both by question."""

    unheard: Mapping[str, str] = {}
    replaced: Mapping[str, int] = {}

    def repeats(self, words: Sequence[Word]) -> bool:
        """Whether all of it was said before."""
        return bool(words) and all(self.unheard.get(word.question) == REPEATED for word in words)


def targets(body: Feedback) -> Iterator[tuple[str, Target]]:
    """Each question that the body answers, with what it is about."""
    if body.says_evidence and body.bundle_id:
        yield EVIDENCE, (EVIDENCE, body.bundle_id)
    if body.says_verdict:
        yield VERDICT, (VERDICT, *_answer(body))
    if body.correction is not None:
        yield CORRECTION, (CORRECTION, *_answer(body))


def _answer(body: Feedback) -> Target:
    if body.turn_id:
        return "turn", body.turn_id
    if body.bundle_id:
        return "bundle", body.bundle_id
    if body.query:
        return "query", body.conversation, body.query
    return "conversation", body.conversation, *map(str, _said(body, VERDICT))  # of some answer: who knows of which


def words_of(principal: Principal, body: Feedback) -> tuple[Word, ...]:
    return tuple(word_of(principal, body, question, target) for question, target in targets(body))


def word_of(principal: Principal, body: Feedback, question: str, target: Target) -> Word:
    who = principal.tenant_id, principal.user_id, principal.agent_id
    return Word(question, _digest([*who, *target], size=16), _digest(_said(body, question), size=8))


def echo_of(principal: Principal, bundle_id: str) -> Word:
    """What a model cited of a bundle, which stands until a person speaks of that."""
    who = principal.tenant_id, principal.user_id, principal.agent_id
    return Word(CITATION, _digest([*who, CITATION, bundle_id], size=16), "")


def _said(body: Feedback, question: str) -> list[Any]:
    """What the answer took is no part of the word."""
    if question == EVIDENCE:
        return [sorted(set(body.helpful)), sorted(set(body.unhelpful))]
    if question == CORRECTION:
        return [body.correction.text if body.correction else None]
    reward = body.reward if body.reward is not None else body.utility
    return [reward, body.thumb, body.rating, body.regenerated, body.copied]


def _digest(parts: Sequence[Any], *, size: int) -> str:
    return blake2b(msgspec.json.encode(parts), digest_size=size).hexdigest()


def hear(words: Iterable[Word], standing: Mapping[str, Standing], left: Mapping[str, int]) -> Hearing:
    """`left` is how many words the person may still teach today, by question."""
    unheard: dict[str, str] = {}
    replaced: dict[str, int] = {}
    for word in words:
        known = standing.get(word.name)
        if known is not None and known.said == word.said:
            unheard[word.question] = REPEATED
        elif left[word.question] < 1:
            unheard[word.question] = BOUND
        elif known is not None:
            replaced[word.question] = known.version
    return Hearing(unheard, replaced)


def not_rolled_back(
    reads: Reads, principal: Principal, version: int, known: Mapping[str, Standing]
) -> dict[str, Standing]:
    """Words that the learner holds at `version`: another may be said again."""
    held = still_held(reads, principal, version, {standing.version for standing in known.values()})
    return {name: standing for name, standing in known.items() if standing.version in held}


# Rows


def standing_words(reads: Reads, tenant_id: str, names: Iterable[str]) -> dict[str, Standing]:
    found: dict[str, Standing] = {}
    distinct = iter(dict.fromkeys(names))
    while some := list(islice(distinct, AT_ONCE)):
        rows = reads.query(
            "SELECT name, said, feedback_id, version FROM standing_words "
            f"WHERE tenant_id = ? AND name IN ({', '.join('?' * len(some))})",
            [tenant_id, *some],
        )
        found |= {name: Standing(*rest) for name, *rest in rows}
    return found


def standing_now(
    transaction: Transaction, tenant_id: str, words: Iterable[Word], stored: Mapping[str, Standing]
) -> dict[str, Standing]:
    """`stored` was there before this commit; what other writes of it changed is newer."""
    found = dict(stored)
    for word in words:
        newer: Standing | None = transaction.noted(("word", tenant_id, word.name), _nothing)
        if newer is not None:
            found[word.name] = newer
    return found


def keep(transaction: Transaction, tenant_id: str, learned: Iterable[Heard], *, at: str) -> None:
    """New words go in with the other rows of the commit; what stood before is overwritten."""
    day, rows = at[:10], []
    for word, standing, is_new in learned:
        if is_new:
            rows.append((tenant_id, word.name, *standing, day))
        else:
            transaction.execute(REPLACE, [*standing, day, tenant_id, word.name])
        transaction.note(("word", tenant_id, word.name), standing)
    transaction.insert("standing_words", COLUMNS, rows)


def keep_echo(transaction: Transaction, tenant_id: str, echo: Word, version: int, *, at: str) -> None:
    """`version` is that of the learner after it; of several iterations with one bundle the newest stands."""
    stored = standing_words(transaction, tenant_id, [echo.name])
    is_new = not standing_now(transaction, tenant_id, [echo], stored)
    keep(transaction, tenant_id, [Heard(echo, Standing(echo.said, "", version), is_new)], at=at)


def _nothing() -> Standing | None:
    return None
