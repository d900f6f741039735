"""Which passage of the documents answers a question, and how well. Pure.

A passage answers by what it says and by what stands above it. Where what names a thing exactly, or what tells most of
the question, is in no document, nothing is known.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from soma.agent.language.stems import ENGLISH
from soma.agent.language.words import words
from soma.agent.llm.base import MemoryPart
from soma.agent.llm.offline.memories.passages import read_documents
from soma.agent.llm.offline.memories.quoting import Answering, quote
from soma.agent.llm.offline.memories.search import SECTION, Sought, UnitWords, said_around, seek, unit_words
from soma.agent.llm.offline.memories.sentences import recall_strength
from soma.agent.llm.offline.question.answer_form import fits, wants_form
from soma.agent.llm.offline.question.clues import CHANGED, HOW_TO, ISO, OLD
from soma.agent.llm.offline.question.parse import Question

SUPPORTED = 0.6  # of what was asked, by weight: with less an answer would be a guess
ALIKE, MEANING = 0.45, 0.75  # the similarity at which so much is just enough; what more or less of it counts for
LACKING = 0.5  # of a passage's score where it does not hold what the question names exactly
APART = 0.8  # of it where that stands elsewhere in the section
RECALLED, FITTING = 0.2, 0.12  # at most, for how strongly it was recalled; for the kind of answer that is wanted
DATED, TOLD = 0.08, 0.12  # at most, for the newest of several; for words of a change
NEAR_CHANGE = 0.55  # of the best passage's words
RIVAL = 0.33  # of the best score: it speaks of the same matter
NEAR = 0.85  # of the best score: where passages contradict one another, the newest or the oldest of these


@dataclass(frozen=True, slots=True)
class _Scored:
    read: UnitWords
    score: float
    support: float


def answers(question: Question, memories: Sequence[MemoryPart]) -> list[Answering]:
    """The best passages for a question, best first; none where what it names is in no document."""
    passages = read_documents(memories)
    read = [one for passage in passages for one in unit_words(passage, question.language)]
    if not read or not (question.stems or question.before):
        return []
    sought = seek(question, read)
    if sought is None:
        return []
    recalled = recall_strength(memories)
    scored = sorted((_score(one, sought, recalled) for one in read), key=lambda found: -found.score)
    return [quote(found.read, sought, score=found.score, support=found.support) for found in _choose(scored, question)]


def known(question: Question, found: Sequence[Answering]) -> list[Answering]:
    """The passage to answer with, if it holds enough of what was asked, in words and in meaning."""
    is_alone = not question.before and question.language == ENGLISH  # of others the embedding tells less
    return [one for one in found[:1] if one.support + (_meant(one) if is_alone else 0.0) >= SUPPORTED]


def _meant(one: Answering) -> float:
    """What nearness in meaning adds to the words that are shared, or takes from them."""
    similarities = [unit.memory.similarity for unit in one.units if unit.memory.similarity is not None]
    return MEANING * (max(similarities) - ALIKE) if similarities else 0.0


def _score(one: UnitWords, sought: Sought, recalled: dict[int, float]) -> _Scored:
    """What the unit and its surroundings hold of the question, and then what speaks for it besides."""
    has_form = _fits(sought.question, one) and (not wants_form(sought.question) or _is_of_it(one, sought))
    measured = sought.measured if has_form else frozenset()  # an amount says what it is of
    held = sum(
        weight * max((one.share_of(stem) for stem in sought.asked[word]), default=float(word in measured))
        for word, weight in sought.weights.items()
    )
    held /= sought.whole
    around = f"{one.unit.above} {one.unit.text} {one.passage.title} {one.passage.name}".lower()
    for name in sought.exact:
        if not name.stands_in(around):
            held *= APART if name.stands_in(said_around(one)) else LACKING
    for word in sought.names:
        if not any(one.share_of(stem) > SECTION for stem in sought.asked[word]):
            held *= LACKING
    if not has_form:
        held *= LACKING
    if _says(one, sought.question.text):
        held = 1.0 + held
    is_step = one.unit.is_ordered and HOW_TO.search(sought.question.text) is not None
    is_fitting = is_step or (has_form and sought.question.kind != "other")
    bonus = FITTING * is_fitting + RECALLED * recalled.get(one.unit.memory.number, 0.0)
    return _Scored(one, held + bonus, min(1.0, held))


def _is_of_it(one: UnitWords, sought: Sought) -> bool:
    """Whether an amount, a date or a name stands beside or right below a word of what it is asked of."""
    stems = {stem for word, meant in sought.asked.items() if word not in sought.measured for stem in meant}
    return not stems or not stems.isdisjoint(one.own | one.above | one.near | one.heading)


def _says(one: UnitWords, text: str) -> bool:
    """Whether the last heading or the question above is just what was asked."""
    asked = " ".join(words(text))
    return asked in (" ".join(words(one.unit.above)), " ".join(words(one.passage.title.rpartition(" > ")[2])))


def _fits(question: Question, one: UnitWords) -> bool:
    dated = one.passage.title if question.kind == "when" else ""
    return fits(question, f"{dated} {one.unit.text}", in_table=one.unit.kind == "table")


def _choose(scored: Sequence[_Scored], question: Question) -> list[_Scored]:
    """The best of each group; of those nearly as good, the newest or, where the first is asked for, the oldest."""
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
    if turned := [one for one in others if _turns(one, near[0], question)]:
        near = [turned[0], *near]
    return [*near, *(one for one in others if one not in near)]


def _is_former(one: _Scored, ranked: Sequence[_Scored]) -> bool:
    """Whether it tells of what was before, or another of the same matter is newer or tells of a change to it."""
    others = [other for other in ranked if other.score >= RIVAL * ranked[0].score]
    newest = max(_date(other.read) for other in [one, *others])
    if OLD.search(_told(one.read)) or "" < _date(one.read) < newest:
        return True
    return not CHANGED.search(_told(one.read)) and any(CHANGED.search(_told(other.read)) for other in others)


def _told(one: UnitWords) -> str:
    return f"{one.passage.title} {one.unit.text}"


def _turns(one: _Scored, best: _Scored, question: Question) -> bool:
    """Whether it tells, in the same document, of a change to what the best passage says, or of what was before it."""
    turn, is_newer = (OLD, -1) if question.wants_first else (CHANGED, 1)
    return (
        one.read.passage.name == best.read.passage.name
        and one.support >= NEAR_CHANGE * best.support
        and _fits(question, one.read) >= _fits(question, best.read)
        and bool(turn.search(_told(one.read)))
        and not turn.search(_told(best.read))
        and (_date(one.read) > _date(best.read)) == (is_newer > 0)
    )


def _newness(one: UnitWords, near: Sequence[_Scored]) -> float:
    """Rank by date among those near, and by the words of a change."""
    dates = sorted({_date(other.read) for other in near} - {""})
    at = dates.index(_date(one)) / (len(dates) - 1) if len(dates) > 1 and _date(one) else 0.0
    told = _told(one)
    return DATED * at + TOLD * (bool(CHANGED.search(told)) - bool(OLD.search(told)))


def _date(one: UnitWords) -> str:
    """The date of a passage: of its heading or its words, or else of its document; an empty one if it has none."""
    found = ISO.search(f"{one.passage.title} {one.unit.text}")
    return found[1] if found else (one.unit.memory.occurred_at or "")[:10]
