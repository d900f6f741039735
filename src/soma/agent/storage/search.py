"""Search in conversations: an index of their words, written with each message.

A word is found by its beginning; signs, and letters of scripts without blanks between words, anywhere. Each term is
stored under its user, so a search never reads what others said. The index also holds terms by which turns that speak
of forgotten memories are found: words as `tools/taint.py` compares them, where they are written otherwise, and the ids
of memories that answers cite.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise
from typing import Any, Protocol

from soma.agent.tools.taint import telling_words
from soma.events.database import Database, Reader, Row
from soma.events.sql import placeholders

LONGEST_SEARCH = 200  # characters
LONGEST_TERM = 40  # of longer ones the beginning is stored
WITHOUT_BLANKS = (  # Thai, Lao, Burmese, Khmer, kana, Han
    r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    r"\U00020000-\U0003ffff"
)
UNIT = re.compile(rf"(?:(?![{WITHOUT_BLANKS}])[^\W_])+|\S")  # a word, or one sign or letter
ENDS = ".,;:!?\"'()[]{}“”‘’„«»…"  # of words and sentences: their neighbours say nothing
ONE_I = str.maketrans({"ı": "i", "\u0307": None})  # the Turkish i, with its dot or without it, is one letter
NEXT_TO = "\x1f"  # joins two neighbours to one term
LAST = "\U0010ffff"
COMPARED = "\x1e"  # before a word as it is compared, where it is written otherwise
CITED = "\x1d"  # before the id of a memory
TOGETHER = 400  # terms a query

INSERT = "INSERT INTO agent_search_word (scope, word, place, in_title) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
DELETE = "DELETE FROM agent_search_word WHERE scope = ? AND word = ? AND place = ? AND in_title = ?"
HOLDS = "SELECT place FROM agent_search_word WHERE scope = ? AND word = ?"
ANY = (
    "SELECT DISTINCT p.conversation_id FROM agent_search_word w JOIN agent_search_place p ON p.id = w.place "
    "WHERE w.scope = ? AND w.word IN ({marks})"
)
HOLDS_BEGINNING = "SELECT place FROM agent_search_word WHERE scope = ? AND word >= ? AND word < ?"


class Writes(Protocol):
    """A transaction of the log's writer, or a migration."""

    def execute(self, sql: str, parameters: Sequence[Any]) -> None: ...
    def executemany(self, sql: str, rows: Sequence[Sequence[Any]]) -> None: ...
    def query(self, sql: str, parameters: Sequence[Any]) -> list[Row]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationKey:
    """A conversation, with its tenant and user."""

    tenant_id: str
    user_id: str
    conversation_id: str


@dataclass(frozen=True, slots=True)
class Term:
    """A word, a sign or a pair of neighbours to look up; `is_beginning`: match every word that begins so."""

    text: str
    is_beginning: bool = False


def index_message(transaction: Writes, conversation: ConversationKey, text: str, citations: Iterable[str] = ()) -> None:
    terms = terms_of(text)
    _change(transaction, INSERT, conversation, terms | _traces(text, terms, citations), in_title=False)


def index_traces(transaction: Writes, conversation: ConversationKey, text: str, citations: Iterable[str]) -> None:
    """Add to an indexed message the terms by which it is found once something is forgotten."""
    _change(transaction, INSERT, conversation, _traces(text, terms_of(text), citations), in_title=False)


def index_title(transaction: Writes, conversation: ConversationKey, *, before: str, after: str) -> None:
    _change(transaction, DELETE, conversation, terms_of(before), in_title=True)
    _change(transaction, INSERT, conversation, terms_of(after), in_title=True)


def find_traces(
    database: Reader, *, tenant_id: str, user_ids: Iterable[str], words: Iterable[str], memories: Iterable[str]
) -> list[str]:
    """Return the users' conversations that hold any of the words, as they are compared, or cite any of the memories."""
    terms = [f"{CITED}{memory}" for memory in memories]
    for word in words:
        terms += [word[:LONGEST_TERM], COMPARED + word[:LONGEST_TERM]]
    found: dict[str, None] = {}
    for user_id in user_ids:
        for start in range(0, len(terms), TOGETHER):
            some = terms[start : start + TOGETHER]
            sql = ANY.format(marks=placeholders(some))
            found |= dict.fromkeys(str(row[0]) for row in database.query(sql, [_scope(tenant_id, user_id), *some]))
    return list(found)


def find(database: Database, *, tenant_id: str, user_id: str, search: str) -> list[str]:
    """Return the user's conversations that hold all terms of `search`, the last used first."""
    scope = _scope(tenant_id, user_id)
    parts: list[str] = []
    parameters: list[Any] = [tenant_id, user_id]
    for term in search_terms(search):
        parts.append(HOLDS_BEGINNING if term.is_beginning else HOLDS)
        parameters += [scope, term.text, term.text + LAST] if term.is_beginning else [scope, term.text]
    rows = database.query(
        "SELECT c.id FROM agent_conversation c JOIN agent_search_place p ON p.conversation_id = c.id "
        "WHERE c.tenant_id = ? AND c.user_id = ? AND c.deleted_at IS NULL "
        f"AND p.id IN ({' INTERSECT '.join(parts)}) ORDER BY c.recent DESC",
        parameters,
    )
    return [str(conversation_id) for (conversation_id,) in rows]


def terms_of(text: str) -> set[str]:
    """Return the terms under which a text is indexed."""
    found: set[str] = set()
    for piece in fold(text).split():
        found.update(unit[:LONGEST_TERM] for unit in UNIT.findall(piece))
        found.update(_pairs(UNIT.findall(piece.strip(ENDS))))
    return found


def search_terms(search: str) -> list[Term]:
    """Return the terms of a search; a text is found if it has all of them."""
    found: set[Term] = set()
    for piece in fold(search).split():
        core = piece.strip(ENDS)
        units = UNIT.findall(core)
        found.update(Term(sign) for sign in piece.replace(core, "", 1))
        *whole, last = [*_pairs(units)] or [unit[:LONGEST_TERM] for unit in units] or [""]
        found.update(map(Term, whole))
        if last:
            found.add(Term(last, is_beginning=units[-1].isalnum()))
    return sorted(found, key=lambda term: term.text)


def fold(text: str) -> str:
    """Fold letters that differ in case or width only."""
    folded = unicodedata.normalize("NFKC", text).casefold().translate(ONE_I)
    return unicodedata.normalize("NFKC", folded)


def _pairs(units: list[str]) -> Iterator[str]:
    """Yield pairs of neighbours without a blank between them: a sign is found with what stands next to it."""
    for before, after in pairwise(units):
        yield f"{before[-LONGEST_TERM:]}{NEXT_TO}{after[:LONGEST_TERM]}"


def _traces(text: str, terms: Collection[str], citations: Iterable[str]) -> set[str]:
    compared = {word[:LONGEST_TERM] for word in telling_words(text)}.difference(terms)
    return {COMPARED + word for word in compared} | {CITED + memory for memory in citations}


def _change(
    transaction: Writes, sql: str, conversation: ConversationKey, terms: Iterable[str], *, in_title: bool
) -> None:
    if words := sorted(terms):
        scope, number = (
            _scope(conversation.tenant_id, conversation.user_id),
            _number(transaction, conversation.conversation_id),
        )
        transaction.executemany(sql, [(scope, word, number, int(in_title)) for word in words])


def _number(transaction: Writes, conversation_id: str) -> int:
    """Return a conversation's number in the index: a word's row holds it in two bytes instead of 36."""
    select = "SELECT id FROM agent_search_place WHERE conversation_id = ?"
    known = transaction.query(select, [conversation_id])
    if not known:
        insert = "INSERT INTO agent_search_place (conversation_id) VALUES (?) ON CONFLICT DO NOTHING"
        transaction.execute(insert, [conversation_id])
        known = transaction.query(select, [conversation_id])
    return int(known[0][0])


def _scope(tenant_id: str, user_id: str) -> int:
    """Return the number under which a user's words are stored, a signed integer of 64 bits."""
    return int.from_bytes(sha256(f"{tenant_id}\0{user_id}".encode()).digest()[:8], signed=True)
