"""Statements: what a person said of one turn, one for each aspect, whatever idempotency key it came under.

Said again, a statement moves nothing; another on the same target takes its place. Only statements that were learned
stand in these rows: the rest is in the log alone.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec

from soma.brain.learners.lineage import standing_versions
from soma.brain.types import Principal
from soma.brain.wire.requests import Feedback
from soma.events.database import Reader
from soma.events.sql import placeholders, split_values
from soma.events.transaction import Transaction

EVIDENCE, VERDICT, CORRECTION = "evidence", "verdict", "correction"  # aspects that people speak to
CITATION, OUTCOME = "citation", "outcome"  # aspects that a turn's own report speaks to
CREDIT = "credit"  # the aspect of evidence that nobody gave; it stands in the place of what a model cited
REPEATED, REPLACED, BOUND = "repeated", "replaced", "daily_bound"  # why a statement is not learned
PERSON_SPOKE = "person_spoke"  # why credit is not learned: a person's word on the bundle stands
COLUMNS = ("tenant_id", "name", "said", "feedback_id", "version", "day")
REPLACE = "UPDATE standing_words SET said = ?, feedback_id = ?, version = ?, day = ? WHERE tenant_id = ? AND name = ?"

Target = tuple[str, ...]


class Statement(NamedTuple):
    """One thing said: `name` is a digest of speaker and target, `content` a digest of what is said."""

    aspect: str
    name: str
    content: str


class StandingStatement(NamedTuple):
    """The newest learned statement of a name: the feedback it came with, and the learner's version after it."""

    content: str
    feedback_id: str
    version: int


class LearnedStatement(NamedTuple):
    """A statement to be kept; `is_new` where none of its name stood before."""

    statement: Statement
    standing: StandingStatement
    is_new: bool


class StatementDecision(NamedTuple):
    """Reasons why statements are refused, and the versions of those that are replaced; both by aspect."""

    refused: Mapping[str, str] = {}
    replaced: Mapping[str, int] = {}

    def repeats(self, statements: Sequence[Statement]) -> bool:
        """Return whether all of it was said before."""
        return bool(statements) and all(self.refused.get(one.aspect) == REPEATED for one in statements)


def targets_of(body: Feedback) -> Iterator[tuple[str, Target]]:
    """Yield each aspect that the feedback speaks to, with what it is about."""
    if body.has_evidence and body.bundle_id:
        if body.is_credit:
            yield CREDIT, (CITATION, body.again or body.bundle_id)
        else:
            yield EVIDENCE, (EVIDENCE, body.bundle_id)
    if body.has_verdict:
        yield VERDICT, (VERDICT, *_answer_target(body))
    if body.correction is not None:
        yield CORRECTION, (CORRECTION, *_answer_target(body))


def _answer_target(body: Feedback) -> Target:
    if body.turn_id:
        return "turn", body.turn_id
    if body.bundle_id:
        return "bundle", body.bundle_id
    if body.query:
        return "query", body.conversation, body.query
    # nothing tells which answer of the conversation is meant: what is said of it keeps two apart
    return "conversation", body.conversation, *map(str, _content(body, VERDICT))


def statements_of(principal: Principal, body: Feedback) -> tuple[Statement, ...]:
    return tuple(statement_of(principal, body, aspect, target) for aspect, target in targets_of(body))


def statement_of(principal: Principal, body: Feedback, aspect: str, target: Target) -> Statement:
    speaker = principal.tenant_id, principal.user_id, principal.agent_id
    return Statement(aspect, _digest([*speaker, *target], size=16), _digest(_content(body, aspect), size=8))


def citation_of(principal: Principal, bundle_id: str) -> Statement:
    """Statement that a turn's model made by citing memories of a bundle; it stands until a person speaks of them.

    What happened to the answer speaks in its place: one of the two stands.
    """
    speaker = principal.tenant_id, principal.user_id, principal.agent_id
    return Statement(CITATION, _digest([*speaker, CITATION, bundle_id], size=16), "")


def digest_of_said(body: Feedback) -> str:
    """Digest of all that a feedback says, of which targets."""
    return _digest([[*target, *_content(body, aspect)] for aspect, target in targets_of(body)], size=8)


def evidence_of(principal: Principal, bundle_id: str) -> Statement:
    """Statement of the person on a bundle, whatever it says."""
    speaker = principal.tenant_id, principal.user_id, principal.agent_id
    return Statement(EVIDENCE, _digest([*speaker, EVIDENCE, bundle_id], size=16), "")


def _content(body: Feedback, aspect: str) -> list[Any]:
    """Return what is said, without cost and latency: two that judge alike say the same."""
    if aspect == EVIDENCE:
        return [sorted(set(body.helpful)), sorted(set(body.unhelpful))]
    if aspect == CREDIT:
        return [body.source, *_content(body, EVIDENCE)]
    if aspect == CORRECTION:
        return [body.correction.text if body.correction else None]
    reward = body.reward if body.reward is not None else body.utility
    return [reward, body.thumb, body.rating, body.regenerated, body.copied]


def _digest(parts: Sequence[Any], *, size: int) -> str:
    return blake2b(msgspec.json.encode(parts), digest_size=size).hexdigest()


def decide(
    statements: Iterable[Statement], standing: Mapping[str, StandingStatement], left: Mapping[str, int]
) -> StatementDecision:
    """Decide which statements are learned. `left` is how many the person may still teach today, by aspect."""
    refused: dict[str, str] = {}
    replaced: dict[str, int] = {}
    for one in statements:
        known = standing.get(one.name)
        if known is not None and known.content == one.content:
            refused[one.aspect] = REPEATED
        elif left[one.aspect] < 1:
            refused[one.aspect] = BOUND
        elif known is not None:
            replaced[one.aspect] = known.version
    return StatementDecision(refused, replaced)


def refuse_credit(decision: StatementDecision) -> StatementDecision:
    """Refuse credit because a person's word stands."""
    replaced = {aspect: version for aspect, version in decision.replaced.items() if aspect != CREDIT}
    return StatementDecision({**decision.refused, CREDIT: PERSON_SPOKE}, replaced)


def drop_rolled_back(
    reads: Reader, principal: Principal, version: int, known: Mapping[str, StandingStatement]
) -> dict[str, StandingStatement]:
    """Keep the statements that the learner holds at `version`: what was rolled back may be said anew."""
    held = standing_versions(reads, principal, version, {standing.version for standing in known.values()})
    return {name: standing for name, standing in known.items() if standing.version in held}


# Rows


def find_standing(reads: Reader, tenant_id: str, names: Iterable[str]) -> dict[str, StandingStatement]:
    found: dict[str, StandingStatement] = {}
    for some in split_values(names):
        rows = reads.query(
            "SELECT name, said, feedback_id, version FROM standing_words "
            f"WHERE tenant_id = ? AND name IN ({placeholders(some)})",
            [tenant_id, *some],
        )
        found |= {name: StandingStatement(*rest) for name, *rest in rows}
    return found


def add_uncommitted(
    transaction: Transaction,
    tenant_id: str,
    statements: Iterable[Statement],
    stored: Mapping[str, StandingStatement],
) -> dict[str, StandingStatement]:
    """Return `stored`, which was there before this commit, with what other writes of the commit changed."""
    found = dict(stored)
    for one in statements:
        newer: StandingStatement | None = transaction.get_noted(("word", tenant_id, one.name), _nothing)
        if newer is not None:
            found[one.name] = newer
    return found


def keep_statements(transaction: Transaction, tenant_id: str, learned: Iterable[LearnedStatement], *, at: str) -> None:
    """Keep new statements with the other rows of the commit, and overwrite those that they replace."""
    day, rows = at[:10], []
    for statement, standing, is_new in learned:
        if is_new:
            rows.append((tenant_id, statement.name, *standing, day))
        else:
            transaction.execute(REPLACE, [*standing, day, tenant_id, statement.name])
        transaction.note(("word", tenant_id, statement.name), standing)
    transaction.insert("standing_words", COLUMNS, rows)


def is_credited(transaction: Transaction, principal: Principal, bundle_id: str) -> bool:
    """Return whether credit that nobody gave stands on a bundle."""
    slot = citation_of(principal, bundle_id)
    stored = find_standing(transaction, principal.tenant_id, [slot.name])
    known = add_uncommitted(transaction, principal.tenant_id, [slot], stored).get(slot.name)
    return known is not None and bool(known.content)


def keep_citation(transaction: Transaction, tenant_id: str, citation: Statement, version: int, *, at: str) -> None:
    """Keep a citation at the learner's version after it; of several iterations with one bundle the newest stands."""
    stored = find_standing(transaction, tenant_id, [citation.name])
    is_new = not add_uncommitted(transaction, tenant_id, [citation], stored)
    standing = StandingStatement(citation.content, "", version)
    keep_statements(transaction, tenant_id, [LearnedStatement(citation, standing, is_new)], at=at)


def _nothing() -> StandingStatement | None:
    return None
