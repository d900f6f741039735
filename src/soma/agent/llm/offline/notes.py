"""Which passage of the documents answers a question, and how well. Pure.

A passage answers by what it says and by what stands above it; what names a thing exactly (a number, a code, a name)
must be there exactly. Where that, or what tells most of the question, is in no document, nothing is known.
"""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from soma.agent.llm.base import MemoryPart
from soma.agent.llm.offline.dates import said_on, show
from soma.agent.llm.offline.identifiers import Identifier, identifiers
from soma.agent.llm.offline.passages import Passage, Unit, read_documents
from soma.agent.llm.offline.question import Question
from soma.agent.llm.offline.spelling import nearest
from soma.agent.llm.offline.words import ENGLISH, content_stems, stem
from soma.agent.speech import words

SUPPORTED = 0.56
OWN, ABOVE, TITLE, NEIGHBOUR, SECTION, NAME = 1.0, 1.0, 0.95, 0.8, 0.6, 0.7
FEW = 10
LACKING = 0.5  # of a passage's score where it does not hold what the question names exactly
PARAPHRASED = 0.34  # of the words of a question at most may stand in no document
AKIN = 4  # letters that words of one family share at their beginning
RECALLED = 0.1
FITTING = 0.12
APART = 0.8  # where it stands elsewhere in the section
BEFORE = 0.4
ADJECTIVE = 0.5
DATED, TOLD = 0.08, 0.12  # at most, for the newest of several; for words of a change
NEAR_CHANGE = 0.55  # of the best passage's words
NEAR = 0.85  # of the best score: where passages contradict one another, the newest or the oldest of these
LONGEST_QUOTE = 70  # words
MOST_ROWS = 14
WHOLE = 0.75  # of what is asked: from there on a heading says it, and all beneath answers
NUMBER = re.compile(r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|dozen|half|none|no)\b", re.IGNORECASE)
DATE = re.compile(
    r"\d{4}-\d\d-\d\d|\b\d{1,2}\.?(?:st|nd|rd|th)?\s*(?:(?:–|-|to|bis|au|al|and|und)\s*\d{1,2}\.?\s*)?(?:of |de )?"
    r"(?:jan|feb|mar|mär|apr|avr|abr|may|mai|jun|juin|jul|juil|aug|aoû|ago|sep|oct|okt|nov|dec|dez|déc|dic|ene)",
    re.IGNORECASE,
)
NAMED = re.compile(r"(?<![.!?]\s)(?<!^)\b(?:[A-ZÄÖÜÉ][a-zäöüéíñóç]+|[A-Z]{2,})\b")
THE = re.compile(r"\b(?:the|an?|our|your|my|his|her|their)\s+([^\W\d_]+)(?=\s+[^\W\d_]+)", re.IGNORECASE)
CHANGED = re.compile(
    r"\b(?:moved|changed|postponed|now|instead|slips|new decision|update[d]?|replaced|from now on|no longer|verschoben"
    r"|geändert|neu|jetzt|reporté|désormais|aplazad[oa]|ahora)\b",
    re.IGNORECASE,
)
HOW_TO = re.compile(
    r"^how (?:do|can|should|must|to)\b|\bsteps?\b|\bstep by step\b|^wie (?:kann|muss|soll|wird|werden|mache|geht)\b"
    r"|^comment\b|^cómo\b",
    re.IGNORECASE,
)
COMPARES = re.compile(
    r"\b(?:than|compared?|difference|versus|vs|between|of the two|more|less|fewer|better|worse|\w{3,}er\b.*\bor)\b"
    r"|\b(?:which|who|what)\b.*\b\w{3,}est\b|\b(?:most|least)\b",
    re.IGNORECASE,
)
# What is asked with one word and said with another: an adjective and the name of what it measures.
MEASURES = {
    stem(word): tuple(map(stem, others.split()))
    for word, others in {
        "heavy": "weight weigh",
        "long": "length duration",
        "tall": "height",
        "high": "height",
        "deep": "depth",
        "wide": "width",
        "big": "size",
        "large": "size",
        "old": "age",
        "hot": "temperature",
        "warm": "temperature",
        "cold": "temperature",
        "loud": "noise",
        "quiet": "noise",
        "quieter": "noise",
        "louder": "noise",
        "heavier": "weight",
        "lighter": "weight",
        "fast": "speed",
        "cost": "price",
        "price": "cost",
        "expensive": "price cost",
        "cheap": "price cost",
        "cheaper": "price cost",
        "phone": "telephone",
        "wrote": "author",
        "holiday": "vacation",
        "vacation": "holiday",
    }.items()
}
HOW_MUCH = re.compile(
    r"^(?:and )?how much (?:is|are|was|were|does|do|did|for)\b|^was kostet\b|^combien coûte", re.IGNORECASE
)
PRICE = tuple(content_stems("price cost"))
LIGHT = frozenset(
    content_stems("step steps way kind list file note per many much often need get take go work happen place look make")
)
OLD = re.compile(
    r"\b(?:old|before|originally|planned|first decided|former(?:ly)?|until|so far|alt|früher|bisher"
    r"|ursprünglich|ancien(?:ne)?|avant|antes|anterior)\b",
    re.IGNORECASE,
)
ISO = re.compile(r"\b(\d{4}-\d\d-\d\d)\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answering:
    """The units to quote, how well the best of them fits, and how much of what was asked it holds."""

    units: tuple[Unit, ...]
    title: str
    name: str
    score: float
    support: float


@dataclass(frozen=True, slots=True)
class _Read:
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
class _Sought:
    """The words of a question with the stems by which documents hold them, and what each weighs."""

    question: Question
    asked: dict[str, tuple[str, ...]]
    weights: dict[str, float]
    exact: tuple[Identifier, ...]
    names: frozenset[str]

    @property
    def whole(self) -> float:
        return sum(self.weights.values()) or 1.0


@dataclass(frozen=True, slots=True)
class _Scored:
    read: _Read
    score: float
    support: float


def answers(question: Question, memories: Sequence[MemoryPart]) -> list[Answering]:
    """The best passages for a question, best first; none where what it names is in no document."""
    passages = read_documents(memories)
    read = [one for passage in passages for one in _readings(passage, question.language)]
    if not read or not (question.stems or question.before):
        return []
    sought = _sought(question, read)
    if sought is None:
        return []
    recalled = _strengths(memories)
    scored = sorted((_scored(one, sought, recalled) for one in read), key=lambda found: -found.score)
    return [_answering(found, sought) for found in _chosen(scored, question)]


def _sought(question: Question, read: Sequence[_Read]) -> _Sought | None:
    """What to look for; nothing where the documents do not know what the question is about."""
    known = frozenset().union(*(one.own | one.above | one.title | one.name for one in read))
    names = frozenset(stem for name in NAMED.findall(question.text) for stem in content_stems(name, question.language))
    before = (*question.before, *(PRICE if HOW_MUCH.search(question.text) else ()))
    words = (*question.stems, *(word for word in before if word not in question.stems))
    asked = {word: _meant(word, known, names) for word in words}
    exact = [_as_known(name, known, question.language) for name in identifiers(question.text)]
    if any(not any(name.stands_in(_whole(one)) for one in read) for name in exact):
        return None
    counted = [word for word in question.stems if word not in LIGHT]
    unknown = [word for word in counted if not asked[word] and word not in MEASURES]
    if any(_is_telling(word, question) for word in unknown) or len(unknown) > PARAPHRASED * len(counted):
        return None
    weights = {word: _rarity(meant, read) * _share(word, question) for word, meant in asked.items()}
    if question.language != ENGLISH:
        names = frozenset()
    return _Sought(question, asked, weights, tuple(exact), names & frozenset(question.stems))


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


def known(found: Sequence[Answering]) -> list[Answering]:
    """The passage to answer with, if one holds enough of what was asked."""
    return [one for one in found[:1] if one.support >= SUPPORTED]


def _readings(passage: Passage, language: str) -> Iterator[_Read]:
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
        yield _Read(unit, passage, its, over, title, near, section, name)


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


def _rarity(meant: Sequence[str], read: Sequence[_Read]) -> float:
    passages = {id(one.passage): one.section | one.title for one in read}
    holding = sum(any(word in stems for word in meant) for stems in passages.values())
    if not holding:  # likely another word for what the notes say
        return math.log(1 + (max(len(passages), FEW) + 0.5) / 0.5) / 3
    return math.log(1 + (max(len(passages), FEW) - holding + 0.5) / (holding + 0.5))


def _strengths(memories: Sequence[MemoryPart]) -> dict[int, float]:
    scores = [memory.score for memory in memories]
    low, span = min(scores), max(scores) - min(scores)
    return {memory.number: (memory.score - low) / span if span > 0 else 0.0 for memory in memories}


def _scored(one: _Read, sought: _Sought, recalled: dict[int, float]) -> _Scored:
    """What the unit and its surroundings hold of the question, and then what speaks for it besides."""
    held = (
        sum(
            weight * max((one.share_of(stem) for stem in sought.asked[word]), default=0.0)
            for word, weight in sought.weights.items()
        )
        / sought.whole
    )
    around = f"{one.unit.above} {one.unit.text} {one.passage.title} {one.passage.name}".lower()
    for name in sought.exact:
        if not name.stands_in(around):
            held *= APART if name.stands_in(_whole(one)) else LACKING
    for word in sought.names:
        if not any(one.share_of(stem) > SECTION for stem in sought.asked[word]):
            held *= LACKING
    if _says(one, sought.question.text):
        held = 1.0 + held
    bonus = FITTING * _fits(sought.question, one) + RECALLED * recalled.get(one.unit.memory.number, 0.0)
    return _Scored(one, held + bonus, min(1.0, held))


def _says(one: _Read, text: str) -> bool:
    """Whether the last heading or the question above is just what was asked."""
    asked = " ".join(words(text))
    return asked in (" ".join(words(one.unit.above)), " ".join(words(one.passage.title.rpartition(" > ")[2])))


def _whole(one: _Read) -> str:
    units = " ".join(f"{unit.above} {unit.text}" for unit in one.passage.units)
    return f"{one.passage.title} {one.passage.name} {units}".lower()


def _fits(question: Question, one: _Read) -> float:
    text = one.unit.text
    match question.kind:
        case "when":
            return float(bool(DATE.search(text)) or bool(DATE.search(one.passage.title)))
        case "how_many":
            return float(bool(NUMBER.search(text)))
        case "who":
            return float(bool(NAMED.search(f". {text}")))
        case _:
            return float(one.unit.is_ordered) if HOW_TO.search(question.text) else 0.0


def _chosen(scored: Sequence[_Scored], question: Question) -> list[_Scored]:
    """The best of each group; of those nearly as good, the newest or, where the first is asked for, the oldest."""
    best: dict[tuple[int, int], _Scored] = {}
    for one in scored:
        best.setdefault((id(one.read.passage), one.read.unit.group), one)
    ranked = list(best.values())
    near = [one for one in ranked if one.score >= NEAR * ranked[0].score]
    sign = -1 if question.wants_first else 1
    near.sort(key=lambda one: one.score + sign * _newness(one.read, near), reverse=True)
    others = [one for one in ranked if one not in near]
    if ranked and (turned := [one for one in others if _turns(one, near[0], question)]):
        near = [turned[0], *near]
    return [*near, *(one for one in others if one not in near)]


def _turns(one: _Scored, best: _Scored, question: Question) -> bool:
    """Whether it tells, in the same document, of a change to what the best passage says, or of what was before it."""
    told = f"{one.read.passage.title} {one.read.unit.text}"
    theirs = f"{best.read.passage.title} {best.read.unit.text}"
    turn, is_newer = (OLD, -1) if question.wants_first else (CHANGED, 1)
    return (
        one.read.passage.name == best.read.passage.name
        and one.support >= NEAR_CHANGE * best.support
        and _fits(question, one.read) >= _fits(question, best.read)
        and bool(turn.search(told))
        and not turn.search(theirs)
        and (_date(one.read) > _date(best.read)) == (is_newer > 0)
    )


def _newness(one: _Read, near: Sequence[_Scored]) -> float:
    """By date among those near, and by the words of a change."""
    dates = sorted({_date(other.read) for other in near} - {""})
    at = dates.index(_date(one)) / (len(dates) - 1) if len(dates) > 1 and _date(one) else 0.0
    told = f"{one.passage.title} {one.unit.text}"
    return DATED * at + TOLD * (bool(CHANGED.search(told)) - bool(OLD.search(told)))


def _date(one: _Read) -> str:
    """The date of a passage: of its heading or its words, or else of its document; an empty one if it has none."""
    found = ISO.search(f"{one.passage.title} {one.unit.text}")
    return found[1] if found else (one.unit.memory.occurred_at or "")[:10]


def _answering(found: _Scored, sought: _Sought) -> Answering:
    """What to quote round the best unit: its paragraph, or all that stands beneath what says what was asked."""
    one, question = found.read, sought.question

    def said_by(stems: frozenset[str]) -> float:
        held = (weight for word, weight in sought.weights.items() if not stems.isdisjoint(sought.asked[word]))
        return sum(held) / sought.whole

    group = _group(one, question)
    over = said_by(one.above | one.title)
    own = said_by(one.own)
    is_of_title = over >= WHOLE and own < over
    match group[0].kind:
        case "answer":
            units = [one.unit]
        case "list":
            is_whole = is_of_title or one.unit not in group or (one.unit.is_ordered and HOW_TO.search(question.text))
            units = group if is_whole else [one.unit]
        case "table":
            units = (
                group[:MOST_ROWS]
                if is_of_title or one.unit not in group or COMPARES.search(question.text)
                else [one.unit]
            )
        case _:
            units = _around(one.unit, group)
    if is_of_title and group[0].kind == "prose":
        units = _fitting(one.passage.units)
    return Answering(
        units=tuple(units), title=one.passage.title, name=one.passage.name, score=found.score, support=found.support
    )


def _group(one: _Read, question: Question) -> list[Unit]:
    """What the unit belongs to: its paragraph, list or table, or the one that it leads to; for a how-to, the steps."""
    units = one.passage.units
    steps = [unit for unit in units if unit.is_ordered] if HOW_TO.search(question.text) else []
    if steps and not one.unit.is_ordered:
        return [unit for unit in steps if unit.group == steps[0].group]
    after = [unit for unit in units if unit.group == one.unit.group + 1]
    own = [unit for unit in units if unit.group == one.unit.group]
    leads = one.unit.kind == "prose" and own[-1].text.endswith(":") and after and after[0].kind in ("list", "table")
    return after if leads else own


def _around(unit: Unit, group: Sequence[Unit]) -> list[Unit]:
    """The whole paragraph where it is short; else the sentence and what follows it."""
    if sum(len(one.text.split()) for one in group) <= LONGEST_QUOTE:
        return list(group)
    at = next(number for number, one in enumerate(group) if one is unit)
    return _fitting(group[max(0, at - 1) :])


def _fitting(units: Sequence[Unit]) -> list[Unit]:
    chosen: list[Unit] = []
    words = 0
    for unit in units:
        words += len(unit.text.split())
        if chosen and words > LONGEST_QUOTE:
            break
        chosen.append(unit)
    return chosen
