"""Search terms of a question, and what each unit of a document holds of them. Pure.

An exact name (a number, a code, a name) must stand there exactly; for another word its measure, its family or a
misspelling may stand.
"""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from soma.agent.language.dates import date_of, format_day
from soma.agent.language.spelling import nearest
from soma.agent.language.stems import ENGLISH, content_stems, stem
from soma.agent.language.vocabulary.names import NAME_OR_ABBREVIATION
from soma.agent.llm.offline.memories.passages import Passage, Unit
from soma.agent.llm.offline.question.answer_form import measure_of
from soma.agent.llm.offline.question.clues import ALIASES, HEAD
from soma.agent.llm.offline.question.common_words import is_common
from soma.agent.llm.offline.question.identifiers import Identifier, identifiers
from soma.agent.llm.offline.question.parse import Question

OWN, ABOVE, TITLE, NEIGHBOUR, SECTION, NAME = 1.0, 1.0, 0.95, 0.8, 0.6, 0.7  # shares of a word, by where it stands
FEW = 10
UNSAID = 0.33  # of the weight of the rarest word, for one that no document has
PARAPHRASED = 0.34  # the largest share of a question's words that may stand in no document
BEFORE = 0.4  # of a word's weight, if it comes from the question before this one
LIGHT = 0.5  # of a word's weight, if it is common or an amount may stand for it


@dataclass(frozen=True, slots=True)
class UnitWords:
    """A unit with the stems of its own text and of its surroundings."""

    unit: Unit
    passage: Passage
    own: frozenset[str]
    above: frozenset[str]
    title: frozenset[str]
    heading: frozenset[str]
    near: frozenset[str]
    section: frozenset[str]
    name: frozenset[str]

    def share_of(self, word: str) -> float:
        for stems, share in (
            (self.own, OWN), (self.above, ABOVE), (self.title, TITLE), (self.near, NEIGHBOUR), (self.name, NAME),
            (self.section, SECTION),
        ):  # fmt: skip
            if word in stems:
                return share
        return 0.0


@dataclass(frozen=True, slots=True)
class SearchTerms:
    """The words of a question, with the stems by which documents hold them, and their weights."""

    question: Question
    equivalents: dict[str, tuple[str, ...]]
    weights: dict[str, float]
    identifiers: tuple[Identifier, ...]
    names: frozenset[str]
    measured: frozenset[str] = frozenset()

    @property
    def total_weight(self) -> float:
        return sum(self.weights.values()) or 1.0


def _known_stems(read: Sequence[UnitWords]) -> frozenset[str]:
    return frozenset().union(*(one.own | one.above | one.title | one.name for one in read))


def choose_terms(question: Question, read: Sequence[UnitWords]) -> SearchTerms | None:
    """Return the terms to look for; None if the documents do not know what the question is about."""
    known = _known_stems(read)
    measure = measure_of(question)
    measured = measure.words if measure else frozenset()
    looked_for = tuple(dict.fromkeys([*question.stems, *question.before]))
    names = names_in(question)
    equivalents = {word: _equivalents(word, known, names, measured) for word in looked_for}
    exact_names = [_correct_spelling(name, known, question.language) for name in identifiers(question.text)]
    if any(not any(name.stands_in(section_text(one)) for one in read) for name in exact_names):
        return None
    if _is_unknown_topic(question, [word for word in question.stems if not (equivalents[word] or word in measured)]):
        return None
    weights = {word: _weight(word, stems, question, measured, read) for word, stems in equivalents.items()}
    return SearchTerms(question, equivalents, weights, tuple(exact_names), names & set(question.stems), measured)


def _is_unknown_topic(question: Question, unknown: Sequence[str]) -> bool:
    """Return whether the documents lack every word of the question, a name or another uncommon word.

    For a common word, and for a few of the others, documents may use another one.
    """
    telling = [word for word in unknown if not is_common(word, question.language)]
    heads = names_in(question) | _stems_of(HEAD, question)
    is_all = 0 < len(question.stems) == len(unknown)
    return is_all or not heads.isdisjoint(telling) or len(telling) > PARAPHRASED * len(question.stems)


def names_in(question: Question) -> frozenset[str]:
    """Return the stems of the names in an English question."""
    return _stems_of(NAME_OR_ABBREVIATION, question)


def _stems_of(pattern: re.Pattern[str], question: Question) -> frozenset[str]:
    """Return the stems that `pattern` finds in an English question. In other languages capital letters tell less."""
    if question.language != ENGLISH:
        return frozenset()
    return frozenset(
        word for found in pattern.finditer(question.text) for word in content_stems(found[found.lastindex or 0])
    )


def unit_words(passage: Passage, language: str) -> Iterator[UnitWords]:
    def stems(text: str) -> frozenset[str]:
        return frozenset(content_stems(text, language))

    day = date_of(passage.units[0].memory.occurred_at) if passage.units else None
    title, name = (
        stems(passage.title),
        stems(f"{re.sub(r'[-_/.]', ' ', passage.name)} {format_day(day) if day else ''}"),
    )
    heading = stems(passage.title.rpartition(" > ")[2]) if " > " in passage.title else frozenset()
    own = [stems(unit.text) for unit in passage.units]
    above = [stems(unit.above) for unit in passage.units]
    section = frozenset().union(*own, *above)
    for at, (unit, its, over) in enumerate(zip(passage.units, own, above, strict=True)):
        beside = range(max(0, at - 1), min(at + 2, len(own)))
        group = (own[other] for other in beside if passage.units[other].group == unit.group)
        near = frozenset().union(*group) if unit.kind == "prose" else frozenset()
        yield UnitWords(unit, passage, its, over, title, heading, near, section, name)


def section_text(one: UnitWords) -> str:
    units = " ".join(f"{unit.above} {unit.text}" for unit in one.passage.units)
    return f"{one.passage.title} {one.passage.name} {units}".lower()


def _correct_spelling(name: Identifier, known: frozenset[str], language: str) -> Identifier:
    """Return an identifier with its name as the documents spell it."""
    stemmed = stem(name.name, language) if name.name else ""
    if not stemmed or stemmed in known:
        return name
    return replace(name, name=nearest(stemmed, sorted(known)) or name.name)


def _equivalents(word: str, known: frozenset[str], names: frozenset[str], measured: frozenset[str]) -> tuple[str, ...]:
    """Return the stems by which documents hold a word: itself, a measure or alias of it, or its correct spelling."""
    others = measured if word in measured else ALIASES.get(word, ())
    equivalent_stems = [one for one in (word, *others) if one in known]
    if word in measured:
        return tuple(equivalent_stems)
    if not equivalent_stems and not is_common(word):
        equivalent_stems = list(filter(None, [nearest(word, sorted(known), slips=1 if word in names else 2)]))
    return tuple(equivalent_stems)


def _weight(
    word: str, equivalent_stems: Sequence[str], question: Question, measured: frozenset[str], read: Sequence[UnitWords]
) -> float:
    """Weigh a word by its rarity in the documents; less if it comes from an earlier question, is common or is a
    measure.
    """
    if word not in question.stems:
        share = BEFORE
    elif word in measured or (equivalent_stems and is_common(word, question.language)):
        share = LIGHT
    else:
        share = 1.0
    return share * _rarity(equivalent_stems, read)


def _rarity(equivalent_stems: Sequence[str], read: Sequence[UnitWords]) -> float:
    passages = {id(one.passage): one.section | one.title for one in read}
    holding = sum(any(word in stems for word in equivalent_stems) for stems in passages.values())
    if not holding:  # likely another word for what the notes say
        return math.log(1 + (max(len(passages), FEW) + 0.5) / 0.5) * UNSAID
    return math.log(1 + (max(len(passages), FEW) - holding + 0.5) / (holding + 0.5))
