"""What to look for in documents, and what each of their units holds of it. Pure.

What names a thing exactly (a number, a code, a name) must be there exactly; another word may stand as what measures it,
as one of its family, or mistyped.
"""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from soma.agent.llm.offline.clues import HOW_MUCH, LIGHT, MEASURES, NAMED, PRICE, THE
from soma.agent.llm.offline.dates import said_on, show
from soma.agent.llm.offline.identifiers import Identifier, identifiers
from soma.agent.llm.offline.passages import Passage, Unit
from soma.agent.llm.offline.question import Question
from soma.agent.llm.offline.spelling import nearest
from soma.agent.llm.offline.words import ENGLISH, content_stems, stem

OWN, ABOVE, TITLE, NEIGHBOUR, SECTION, NAME = 1.0, 1.0, 0.95, 0.8, 0.6, 0.7  # shares of a word, by where it stands
FEW = 10
PARAPHRASED = 0.34  # of the words of a question at most may stand in no document
AKIN = 4  # letters that words of one family share at their beginning
BEFORE = 0.4  # of the weight of a word: from the question before this one
ADJECTIVE = 0.5  # of it: for which a number may stand


@dataclass(frozen=True, slots=True)
class UnitWords:
    """A unit with the stems that it and its surroundings have."""

    unit: Unit
    passage: Passage
    own: frozenset[str]
    above: frozenset[str]
    title: frozenset[str]
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

    @property
    def whole(self) -> float:
        return sum(self.weights.values()) or 1.0


def seek(question: Question, read: Sequence[UnitWords]) -> Sought | None:
    """What to look for; nothing where the documents do not know what the question is about."""
    known = frozenset().union(*(one.own | one.above | one.title | one.name for one in read))
    names = frozenset(stem for name in NAMED.findall(question.text) for stem in content_stems(name, question.language))
    before = (*question.before, *(PRICE if HOW_MUCH.search(question.text) else ()))
    words = (*question.stems, *(word for word in before if word not in question.stems))
    asked = {word: _meant(word, known, names) for word in words}
    exact = [_as_known(name, known, question.language) for name in identifiers(question.text)]
    if any(not any(name.stands_in(said_around(one)) for one in read) for name in exact):
        return None
    counted = [word for word in question.stems if word not in LIGHT]
    unknown = [word for word in counted if not asked[word] and word not in MEASURES]
    if any(_is_telling(word, question) for word in unknown) or len(unknown) > PARAPHRASED * len(counted):
        return None
    weights = {word: _rarity(meant, read) * _share(word, question) for word, meant in asked.items()}
    if question.language != ENGLISH:
        names = frozenset()
    return Sought(question, asked, weights, tuple(exact), names & frozenset(question.stems))


def unit_words(passage: Passage, language: str) -> Iterator[UnitWords]:
    def stems(text: str) -> frozenset[str]:
        return frozenset(content_stems(text, language))

    day = said_on(passage.units[0].memory.occurred_at) if passage.units else None
    title, name = stems(passage.title), stems(f"{re.sub(r'[-_/.]', ' ', passage.name)} {show(day) if day else ''}")
    own = [stems(unit.text) for unit in passage.units]
    above = [stems(unit.above) for unit in passage.units]
    section = frozenset().union(*own, *above)
    for unit, its, over in zip(passage.units, own, above, strict=True):
        group = (one for other, one in zip(passage.units, own, strict=True) if other.group == unit.group)
        near = frozenset().union(*group) if unit.kind == "prose" else frozenset()
        yield UnitWords(unit, passage, its, over, title, near, section, name)


def said_around(one: UnitWords) -> str:
    units = " ".join(f"{unit.above} {unit.text}" for unit in one.passage.units)
    return f"{one.passage.title} {one.passage.name} {units}".lower()


def _as_known(name: Identifier, known: frozenset[str], language: str) -> Identifier:
    """An identifier whose name was mistyped, under the name that the documents have."""
    stemmed = stem(name.name, language) if name.name else ""
    if not stemmed or stemmed in known:
        return name
    return replace(name, name=nearest(stemmed, sorted(known)) or name.name)


def _share(word: str, question: Question) -> float:
    """What the question before this one said counts less, and so does an adjective for which a number may stand."""
    if word not in question.stems:
        return BEFORE
    return ADJECTIVE if word in MEASURES or word in LIGHT else 1.0


def _meant(word: str, known: frozenset[str], names: frozenset[str]) -> tuple[str, ...]:
    """The stems by which the documents hold a word of the question: itself, what measures it, or what it was to be."""
    meant = [one for one in (word, *MEASURES.get(word, ())) if one in known]
    if not meant and len(word) >= AKIN:
        meant = sorted(one for one in known if len(one) >= AKIN and (one.startswith(word) or word.startswith(one)))
    if not meant and word not in names and (near := nearest(word, sorted(known))):
        meant = [near]
    return tuple(meant)


def _is_telling(word: str, question: Question) -> bool:
    """A name, or what stands right behind an article: the question is about it, so a note without it says nothing."""
    if question.language != ENGLISH:
        return False
    return any(word in content_stems(name) for found in (NAMED, THE) for name in found.findall(question.text))


def _rarity(meant: Sequence[str], read: Sequence[UnitWords]) -> float:
    passages = {id(one.passage): one.section | one.title for one in read}
    holding = sum(any(word in stems for word in meant) for stems in passages.values())
    if not holding:  # likely another word for what the notes say
        return math.log(1 + (max(len(passages), FEW) + 0.5) / 0.5) / 3
    return math.log(1 + (max(len(passages), FEW) - holding + 0.5) / (holding + 0.5))
