"""What to look for in documents, and what each of their units holds of it. Pure.

What names a thing exactly (a number, a code, a name) must be there exactly; another word may stand as what measures it,
as one of its family, or mistyped.
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
UNSAID = 0.33  # of the weight of the rarest word: one that no document has
PARAPHRASED = 0.34  # of the words of a question at most may stand in no document
BEFORE = 0.4  # of the weight of a word: from the question before this one
LIGHT = 0.5  # of it: a common word, and one for which an amount may stand


@dataclass(frozen=True, slots=True)
class UnitWords:
    """A unit with the stems that it and its surroundings have."""

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
class Sought:
    """The words of a question with the stems by which documents hold them, and what each weighs."""

    question: Question
    asked: dict[str, tuple[str, ...]]
    weights: dict[str, float]
    exact: tuple[Identifier, ...]
    names: frozenset[str]
    measured: frozenset[str] = frozenset()

    @property
    def whole(self) -> float:
        return sum(self.weights.values()) or 1.0


def _known(read: Sequence[UnitWords]) -> frozenset[str]:
    return frozenset().union(*(one.own | one.above | one.title | one.name for one in read))


def seek(question: Question, read: Sequence[UnitWords]) -> Sought | None:
    """What to look for; nothing where the documents do not know what the question is about."""
    known = _known(read)
    measure = measure_of(question)
    measured = measure.words if measure else frozenset()
    looked_for = tuple(dict.fromkeys([*question.stems, *question.before]))
    names = names_in(question)
    asked = {word: _meant(word, known, names, measured) for word in looked_for}
    exact = [_as_known(name, known, question.language) for name in identifiers(question.text)]
    if any(not any(name.stands_in(said_around(one)) for one in read) for name in exact):
        return None
    if _is_strange(question, [word for word in question.stems if not (asked[word] or word in measured)]):
        return None
    weights = {word: _weight(word, meant, question, measured, read) for word, meant in asked.items()}
    return Sought(question, asked, weights, tuple(exact), names & set(question.stems), measured)


def _is_strange(question: Question, unknown: Sequence[str]) -> bool:
    """Whether the documents do not know what the question is about: no word of it, a name or another uncommon word.

    A common word may stand for another one, and of the rest a few.
    """
    telling = [word for word in unknown if not is_common(word, question.language)]
    heads = names_in(question) | _stems_of(HEAD, question)
    is_all = 0 < len(question.stems) == len(unknown)
    return is_all or not heads.isdisjoint(telling) or len(telling) > PARAPHRASED * len(question.stems)


def names_in(question: Question) -> frozenset[str]:
    """Stems of what an English question calls by a name."""
    return _stems_of(NAME_OR_ABBREVIATION, question)


def _stems_of(pattern: re.Pattern[str], question: Question) -> frozenset[str]:
    """Stems of what `pattern` finds in an English question; in others capital letters and articles tell less."""
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


def said_around(one: UnitWords) -> str:
    units = " ".join(f"{unit.above} {unit.text}" for unit in one.passage.units)
    return f"{one.passage.title} {one.passage.name} {units}".lower()


def _as_known(name: Identifier, known: frozenset[str], language: str) -> Identifier:
    """An identifier whose name was mistyped, under the name that the documents have."""
    stemmed = stem(name.name, language) if name.name else ""
    if not stemmed or stemmed in known:
        return name
    return replace(name, name=nearest(stemmed, sorted(known)) or name.name)


def _meant(word: str, known: frozenset[str], names: frozenset[str], measured: frozenset[str]) -> tuple[str, ...]:
    """The stems by which the documents hold a word of the question: itself, what measures it, or what it was to be."""
    others = measured if word in measured else ALIASES.get(word, ())
    meant = [one for one in (word, *others) if one in known]
    if word in measured:
        return tuple(meant)
    if not meant and not is_common(word):
        meant = list(filter(None, [nearest(word, sorted(known), slips=1 if word in names else 2)]))
    return tuple(meant)


def _weight(
    word: str, meant: Sequence[str], question: Question, measured: frozenset[str], read: Sequence[UnitWords]
) -> float:
    """Weigh a word as it is rare in the documents; less where it stood before, is common or is a measure."""
    if word not in question.stems:
        share = BEFORE
    elif word in measured or (meant and is_common(word, question.language)):
        share = LIGHT
    else:
        share = 1.0
    return share * _rarity(meant, read)


def _rarity(meant: Sequence[str], read: Sequence[UnitWords]) -> float:
    passages = {id(one.passage): one.section | one.title for one in read}
    holding = sum(any(word in stems for word in meant) for stems in passages.values())
    if not holding:  # likely another word for what the notes say
        return math.log(1 + (max(len(passages), FEW) + 0.5) / 0.5) * UNSAID
    return math.log(1 + (max(len(passages), FEW) - holding + 0.5) / (holding + 0.5))
