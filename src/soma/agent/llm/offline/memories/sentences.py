"""Sentences of people: which of them supports an answer, and how well. Pure.

A sentence scores by the share of the question's information that it and its memory hold, where rare words weigh more.
The person in the question, the kind of answer it wants and the strength of recall adjust the score.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from soma.agent.language.dates import date_of, find_date
from soma.agent.language.speech import is_question, is_request, may_have_verb
from soma.agent.language.spelling import nearest
from soma.agent.language.stems import content_stems, is_small, stem
from soma.agent.language.times import find_time
from soma.agent.language.vocabulary.calendar_words import DAYS, MONTHS
from soma.agent.language.vocabulary.names import ABBREVIATION, NAME
from soma.agent.language.words import sentences, words
from soma.agent.llm.base import MemoryPart
from soma.agent.llm.offline.memories.search import names_in
from soma.agent.llm.offline.question.clues import CHANGED
from soma.agent.llm.offline.question.implied import implied_in, implied_words
from soma.agent.llm.offline.question.parse import Kind, Question, is_open

SUPPORTED = 0.45  # the least support; below it an answer would be a guess
OWN_SHARE = 0.6  # of a sentence's score that its own words give; the rest comes from its memory
KIND_BONUS = 0.15
RECALL_BONUS = 0.15
OTHER_PERSON = 0.6
OWN_REPLY = 0.8
BESIDE = 0.4  # factor for a sentence about another thing than the named one, or another matter of that thing
LONG_WORDS = 60
FEW = 10
SHORT_QUESTION = 2
PARAPHRASED = 0.5
TAUGHT = 2.0  # above every other score: the user said that this memory answers the question

DAYS_AND_MONTHS = frozenset(map(stem, (*DAYS, *MONTHS)))
ASSISTANT = frozenset({"assistant", "agent", "soma"})
USER = frozenset({"user", "you", "me"})
ORDER = re.compile(
    r"\b(?:ignore|disregard|forget)\b.{0,40}\b(?:instruction|prompt|rule|above|previous)|\bsystem prompt\b"
    r"|\byou (?:must|should) (?:now )?(?:answer|reply|say|respond|obey)|\bas an ai\b",
    re.IGNORECASE,
)
CITED = re.compile(r"\[\d+\]")
HONEST = re.compile(r"^I don['’]t know\b", re.IGNORECASE)
TO_REMEMBER = re.compile(
    r"^(?:(?:please|bitte)\s+)?(?:(?:remember|note|keep in mind)\s+(?:that\s+)?"
    r"|(?:merk(?:e)? dir|notier(?:e)?(?: dir)?|denk(?:e)? daran)[,:]?\s+(?:dass\s+)?"
    r"|(?:retiens|note|souviens-toi|rappelle-toi|n'oublie pas)\s+que\s+"
    r"|(?:recuerda|anota|apunta|no olvides)\s+que\s+)",
    re.IGNORECASE,
)
STATES = re.compile(
    r"\b(?:is|are|['’]s|lives?|works?|costs?|ist|sind|heißt|wohnt|arbeitet|kostet|est|sont|habite|travaille|coûte|es|son"
    r"|vive|trabaja|cuesta)\b",
    re.IGNORECASE,
)  # what holds until it is something else
NUMBER = re.compile(
    r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|dozen|twice|once|several|couple)\b", re.IGNORECASE
)
PLACE = re.compile(r"\b(?:in|at|from|to|near|around)\s+(?:the\s+)?[A-Z]")


@dataclass(frozen=True, slots=True, kw_only=True)
class SupportingSentence:
    """A sentence, and its `support` in [0, 1]: the share of the question that its memory holds."""

    memory: MemoryPart
    text: str
    score: float
    support: float


@dataclass(frozen=True, slots=True)
class _ReadMemory:
    memory: MemoryPart
    sentences: tuple[tuple[str, frozenset[str]], ...]
    stems: frozenset[str]
    author: frozenset[str]


def weigh(question: Question, memories: Sequence[MemoryPart]) -> list[SupportingSentence]:
    """Return the best sentence of each memory, best first. Summaries count only if nothing that was said is enough."""
    read = [entry for memory in memories if (entry := _read_memory(memory, question)).sentences]
    people = frozenset(name for entry in read for name in entry.author)
    stems = question.stems or question.before  # "by when?" continues the earlier question
    named = people.intersection(stems)
    asked = tuple(word for word in stems if word not in named)
    if not asked:  # only a person is asked about: what they say counts
        asked = stems
        read = [_add_author(entry) for entry in read]
    read = [_add_implied(entry, question) for entry in read]
    weights = {word: _rarity(word, read) * _missing_share(word, asked, read) for word in asked}
    if not weights:
        return []
    recalled = recall_strength(memories)
    names = _proper_names(question) - named - DAYS_AND_MONTHS
    best = [
        _choose_sentence(
            question.kind, entry, weights, named, recalled[entry.memory.number], names=names & frozenset(weights)
        )
        for entry in read
    ]
    ranked = sorted(best, key=lambda evidence: (-evidence.score, evidence.memory.number))
    if not question.wants_first:
        ranked = _put_newest_first(ranked, frozenset(asked) | named)
    said = [evidence for evidence in ranked if not evidence.memory.made_from]
    made = [evidence for evidence in ranked if evidence.memory.made_from]
    return next((group for group in (said, made) if group and group[0].support >= SUPPORTED), ranked)


def _put_newest_first(ranked: list[SupportingSentence], asked: frozenset[str]) -> list[SupportingSentence]:
    """Put the newest of those that say a value of the same first; where it tells of a change, it stands for them all.

    They say as much of what is asked as the best does, in a sentence of the same form, or one of a change.
    """
    if not ranked or ranked[0].support < SUPPORTED or ranked[0].memory.taught:
        return ranked
    first, held = ranked[0], _find_held(ranked[0], asked)
    same = [
        one
        for one in ranked
        if not one.memory.made_from
        and (one.memory.author or "").lower() == (first.memory.author or "").lower()
        and one.support >= SUPPORTED
        and held <= _find_held(one, asked)
        and (one is first or CHANGED.search(one.text) or (STATES.search(one.text) and STATES.search(first.text)))
    ]
    newest = max(same, key=lambda one: (one.memory.occurred_at or "", -one.memory.number), default=first)
    if newest is first or not first.memory.occurred_at:
        return ranked
    gone = same if CHANGED.search(newest.text) else [newest]
    return [newest, *(one for one in ranked if one not in gone)]


def _find_held(one: SupportingSentence, asked: frozenset[str]) -> frozenset[str]:
    return asked & frozenset(content_stems(one.text))


def confidence(ranked: Sequence[SupportingSentence]) -> float:
    """Return mostly the support of the best sentence; a clear lead over the next one adds the rest."""
    if not ranked:
        return 0.0
    lead = ranked[0].score - (ranked[1].score if len(ranked) > 1 else 0.0)
    return min(1.0, max(0.0, 0.8 * ranked[0].support + 0.2 * min(1.0, lead / 0.2)))


def _proper_names(question: Question) -> frozenset[str]:
    """Return the names in a question. Beside a name, an abbreviation is the thing that is asked for ("Rex's PIN")."""
    names = names_in(question)
    abbreviations = frozenset(map(stem, words(" ".join(ABBREVIATION.findall(question.text)))))
    return names - abbreviations or names


def _read_memory(memory: MemoryPart, question: Question) -> _ReadMemory:
    """Read a memory by the stems of the question's language, without sentences that only repeat the question."""
    language = question.language
    told = [text for text in _statements(memory) if memory.taught or _says_more(text, question, memory)]
    said = [(text, frozenset(content_stems(text, language))) for text in told]
    stems = frozenset().union(*(stems for _, stems in said))
    author = frozenset(stem(word, language) for word in words(memory.author or ""))
    return _ReadMemory(memory, tuple(said), stems, author)


def _add_author(entry: _ReadMemory) -> _ReadMemory:
    told = tuple((text, stems | entry.author) for text, stems in entry.sentences)
    return replace(entry, sentences=told, stems=entry.stems | entry.author)


def _add_implied(entry: _ReadMemory, question: Question) -> _ReadMemory:
    """Add the words that a form stands for, if the memory holds another word of the question."""
    words = implied_words(question)
    if not words or entry.stems.isdisjoint(frozenset(question.stems) - words):
        return entry
    told = tuple((text, stems | implied_in(question, text)) for text, stems in entry.sentences)
    return replace(entry, sentences=told, stems=entry.stems.union(*(stems for _, stems in told)))


def _statements(memory: MemoryPart) -> list[str]:
    """Return what a memory states: no questions, orders, requests of the user or quotes of our own answers."""
    if memory.taught:  # the user said that it answers, whatever its form
        return [memory.text]
    author = (memory.author or "").lower()
    if author in ASSISTANT and (CITED.search(memory.text) or HONEST.match(memory.text)):
        return []
    told = [text for text in sentences(memory.text) if not is_question(text)]
    if author in USER:
        told = [text for text in told if not is_request(text)]
    kept = [TO_REMEMBER.sub("", text) for text in told]
    return [text for text in kept if text and not ORDER.search(text) and not HONEST.match(text)]


def _says_more(text: str, question: Question, memory: MemoryPart) -> bool:
    """Return whether a sentence adds something to the question's own (perhaps mistyped) words, or its speaker or day
    answers.
    """
    if (memory.author or "").lower() not in {"", *USER} or not is_open(question):
        return True
    if question.kind == "when" and may_have_verb(text):  # the day on which it was said may answer
        return True
    asked, known = set(content_stems(question.text, question.language)), words(question.text)
    said = [word for word in words(text) if not is_small(word, question.language)]
    is_new = any(stem(word, question.language) not in asked and nearest(word, known) is None for word in said)
    return is_new or _has_kind(question.kind, text, memory)


def _choose_sentence(
    kind: Kind,
    entry: _ReadMemory,
    weights: dict[str, float],
    named: frozenset[str],
    recalled: float,
    *,
    names: frozenset[str],
) -> SupportingSentence:
    whole = sum(weights.values())
    support = sum(weight for word, weight in weights.items() if word in entry.stems) / whole
    factor = _person_factor(entry, named) * _subject_factor(entry, names, frozenset(weights) - names)
    scored = []
    for text, stems in entry.sentences:
        own = sum(weight for word, weight in weights.items() if word in stems) / whole
        fits = KIND_BONUS if own > 0 and _has_kind(kind, text, entry.memory) else 0.0
        long = 0.05 * min(1.0, len(text.split()) / LONG_WORDS)
        scored.append((OWN_SHARE * own + (1 - OWN_SHARE) * support + fits - long, text))
    score, text = max(scored, key=lambda pair: pair[0])
    score = score * factor + RECALL_BONUS * recalled
    if entry.memory.taught:  # quoted whole: nobody said which sentence was meant
        whole_text = " ".join(entry.memory.text.split())
        return SupportingSentence(memory=entry.memory, text=whole_text, score=score + TAUGHT, support=1.0)
    return SupportingSentence(memory=entry.memory, text=text, score=score, support=support * factor)


def _person_factor(entry: _ReadMemory, named: frozenset[str]) -> float:
    """Return the factor for the speaker: people mostly speak of themselves."""
    author = entry.author
    factor = OWN_REPLY if (entry.memory.author or "").lower() in ASSISTANT else 1.0
    if not named or not author or author & named or entry.stems & named:
        return factor
    return factor * OTHER_PERSON


def _subject_factor(entry: _ReadMemory, names: frozenset[str], asked: frozenset[str]) -> float:
    """Return the factor for the subject: low for another person or thing, or if nothing asked is said of it."""
    is_of_another = bool(names) and names.isdisjoint(entry.stems | entry.author)
    says_nothing_of_it = bool(names and asked) and asked.isdisjoint(entry.stems)
    return BESIDE if is_of_another or says_nothing_of_it else 1.0


def _has_kind(kind: Kind, text: str, memory: MemoryPart) -> bool:
    match kind:
        case "when":
            return find_date(text, date_of(memory.occurred_at)) is not None or find_time(text) is not None
        case "how_many":
            return bool(NUMBER.search(text))
        case "where":
            return bool(PLACE.search(text))
        case "who":
            return bool(NAME.search(text))
        case _:
            return False


def _rarity(word: str, read: Sequence[_ReadMemory]) -> float:
    """Return the weight of a word as in BM25. At least `FEW` memories are counted, so that no known word weighs 0."""
    holding = sum(word in entry.stems for entry in read)
    return math.log(1 + (max(len(read), FEW) - holding + 0.5) / (holding + 0.5))


def _missing_share(word: str, asked: Sequence[str], read: Sequence[_ReadMemory]) -> float:
    """Return the share of its weight that a word keeps: less for one that no memory has, a likely paraphrase."""
    is_paraphrase = len(asked) > SHORT_QUESTION and not any(word in entry.stems for entry in read)
    return PARAPHRASED if is_paraphrase else 1.0


def recall_strength(memories: Sequence[MemoryPart]) -> dict[int, float]:
    strengths = [memory.score for memory in memories]
    low, high = min(strengths, default=0.0), max(strengths, default=0.0)
    span = high - low
    return {memory.number: (memory.score - low) / span if span > 0 else 0.0 for memory in memories}
