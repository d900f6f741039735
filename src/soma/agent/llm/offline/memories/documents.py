"""Documents: the passage that answers a question, and how well. Pure.

A passage answers by its own words and by what stands above it. Nothing is known if no document holds what the question
names exactly, or most of what it tells.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from soma.agent.language.stems import ENGLISH
from soma.agent.language.words import words
from soma.agent.llm.base import MemoryPart
from soma.agent.llm.offline.memories.passages import read_documents
from soma.agent.llm.offline.memories.quoting import Quotation, quote
from soma.agent.llm.offline.memories.search import (
    SECTION,
    SearchTerms,
    UnitWords,
    choose_terms,
    names_in,
    section_text,
    unit_words,
)
from soma.agent.llm.offline.memories.sentences import recall_strength
from soma.agent.llm.offline.question.answer_form import has_form, wants_form
from soma.agent.llm.offline.question.clues import CHANGED, HOW_TO, ISO, OLD
from soma.agent.llm.offline.question.parse import Question

SUPPORTED = 0.6  # the least share of the question, by weight; below it an answer would be a guess
ALIKE, MEANING = 0.45, 0.75  # the similarity that changes nothing; the weight of what is above or below it
LACKING = 0.5  # factor for a passage that lacks what the question names exactly
APART = 0.8  # factor if that stands elsewhere in the section
RECALLED, FITTING = 0.2, 0.12  # the highest bonus for strong recall, and for the kind of answer that is wanted
DATED, TOLD = 0.08, 0.12  # the highest bonus for the newest of several, and for words of a change
NEAR_CHANGE = 0.55  # the least share of the best passage's support
RIVAL = 0.33  # of the best score; from there on a passage is about the same matter
NEAR = 0.85  # of the best score; among these the newest wins, or the oldest where the first is asked for


@dataclass(frozen=True, slots=True)
class _Scored:
    read: UnitWords
    score: float
    support: float


def find_supported(question: Question, memories: Sequence[MemoryPart]) -> list[Quotation]:
    """Return the best passage, in a list, if it holds enough of what was asked, in words and in meaning."""
    is_alone = not question.before and question.language == ENGLISH  # in other cases the embedding tells less
    best = _rank(question, memories)[:1]
    return [one for one in best if one.support + (_meaning_bonus(one) if is_alone else 0.0) >= SUPPORTED]


def _rank(question: Question, memories: Sequence[MemoryPart]) -> list[Quotation]:
    """Return the passages for a question, best first; none if no document holds what it names."""
    passages = read_documents(memories)
    read = [one for passage in passages for one in unit_words(passage, question.language)]
    if not read or not (question.stems or question.before):
        return []
    terms = choose_terms(question, read)
    if terms is None:
        return []
    recalled = recall_strength(memories)
    scored = sorted((_score(one, terms, recalled) for one in read), key=lambda found: -found.score)
    return [quote(found.read, terms, score=found.score, support=found.support) for found in _choose(scored, question)]


def _meaning_bonus(one: Quotation) -> float:
    """Return what similarity in meaning adds to the shared words, or takes from them."""
    similarities = [unit.memory.similarity for unit in one.units if unit.memory.similarity is not None]
    return MEANING * (max(similarities) - ALIKE) if similarities else 0.0


def _score(one: UnitWords, terms: SearchTerms, recalled: dict[int, float]) -> _Scored:
    """Score a unit by what it and its surroundings hold of the question, plus a bonus for form and recall."""
    is_formed = _has_form(terms.question, one) and (not wants_form(terms.question) or _is_of_it(one, terms))
    measured = terms.measured if is_formed else frozenset()  # an amount implies its measure
    held = sum(
        weight * max((one.share_of(stem) for stem in terms.equivalents[word]), default=float(word in measured))
        for word, weight in terms.weights.items()
    )
    held /= terms.total_weight
    around = f"{one.unit.above} {one.unit.text} {one.passage.title} {one.passage.name}".lower()
    for name in terms.identifiers:
        if not name.stands_in(around):
            held *= APART if name.stands_in(section_text(one)) else LACKING
    for word in terms.names:
        if not any(one.share_of(stem) > SECTION for stem in terms.equivalents[word]):
            held *= LACKING
    if not is_formed:
        held *= LACKING
    if _is_just_asked(one, terms.question.text):
        held = 1.0 + held
    is_step = one.unit.is_ordered and HOW_TO.search(terms.question.text) is not None
    is_fitting = is_step or (is_formed and terms.question.kind != "other")
    bonus = FITTING * is_fitting + RECALLED * recalled.get(one.unit.memory.number, 0.0)
    return _Scored(one, held + bonus, min(1.0, held))


def _is_of_it(one: UnitWords, terms: SearchTerms) -> bool:
    """Return whether an amount, date or name stands next to, or right below, a word that it is asked of."""
    stems = {stem for word, meant in terms.equivalents.items() if word not in terms.measured for stem in meant}
    return not stems or not stems.isdisjoint(one.own | one.above | one.near | one.heading)


def _is_just_asked(one: UnitWords, text: str) -> bool:
    """Return whether the last heading, or the question above a unit, is exactly what was asked."""
    asked = " ".join(words(text))
    return asked in (" ".join(words(one.unit.above)), " ".join(words(one.passage.title.rpartition(" > ")[2])))


def _has_form(question: Question, one: UnitWords) -> bool:
    dated = one.passage.title if question.kind == "when" else ""
    return has_form(question, f"{dated} {one.unit.text}", in_table=one.unit.kind == "table")


def _choose(scored: Sequence[_Scored], question: Question) -> list[_Scored]:
    """Keep the best of each group; among those nearly as good, put the newest first, or the oldest if the first is
    asked for.
    """
    best: dict[tuple[int, int], _Scored] = {}
    for one in scored:
        best.setdefault((id(one.read.passage), one.read.unit.group), one)
    ranked = list(best.values())
    if question.wants_first:
        ranked = [one for one in ranked if _is_former(one, ranked)]
    if not ranked:
        return []
    near = [one for one in ranked if one.score >= NEAR * ranked[0].score]
    sign = -1 if question.wants_first else 1
    near.sort(key=lambda one: one.score + sign * _newness(one.read, near), reverse=True)
    others = [one for one in ranked if one not in near]
    if turned := [one for one in others if _tells_of_change(one, near[0], question)]:
        others = [one for one in others if one is not turned[0]]
        near = [replace(turned[0], support=max(turned[0].support, near[0].support)), *near]  # it stands for that one
    return [*near, *others]


def _is_former(one: _Scored, ranked: Sequence[_Scored]) -> bool:
    """Return whether a passage tells of what was before, or a rival is newer or tells of a change."""
    others = [other for other in ranked if other.score >= RIVAL * ranked[0].score]
    newest = max(_date(other.read) for other in [one, *others])
    if OLD.search(_text_of(one.read)) or "" < _date(one.read) < newest:
        return True
    return not CHANGED.search(_text_of(one.read)) and any(CHANGED.search(_text_of(other.read)) for other in others)


def _text_of(one: UnitWords) -> str:
    return f"{one.passage.title} {one.unit.text}"


def _tells_of_change(one: _Scored, best: _Scored, question: Question) -> bool:
    """Return whether a passage tells of a change to what the best one says, or of the state before it: in the same
    document, or in another that names whom or what the question names.
    """
    names = names_in(question)
    is_of_same = one.read.passage.name == best.read.passage.name or (
        bool(names) and names <= one.read.own and names <= best.read.own | best.read.above | best.read.title
    )
    turn, is_newer = (OLD, -1) if question.wants_first else (CHANGED, 1)
    return (
        is_of_same
        and one.support >= NEAR_CHANGE * best.support
        and _has_form(question, one.read) >= _has_form(question, best.read)
        and bool(turn.search(_text_of(one.read)))
        and not turn.search(_text_of(best.read))
        and (_date(one.read) > _date(best.read)) == (is_newer > 0)
    )


def _newness(one: UnitWords, near: Sequence[_Scored]) -> float:
    """Return a bonus for a late date among those near, and for words of a change."""
    dates = sorted({_date(other.read) for other in near} - {""})
    at = dates.index(_date(one)) / (len(dates) - 1) if len(dates) > 1 and _date(one) else 0.0
    told = _text_of(one)
    return DATED * at + TOLD * (bool(CHANGED.search(told)) - bool(OLD.search(told)))


def _date(one: UnitWords) -> str:
    """Return the date in a passage's heading or words, else that of its document; empty if it has none."""
    found = ISO.search(f"{one.passage.title} {one.unit.text}")
    return found[1] if found else (one.unit.memory.occurred_at or "")[:10]
