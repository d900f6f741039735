"""What to quote round the unit that answers: its paragraph, its list or table, or all beneath a heading. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from soma.agent.llm.offline.memories.passages import Passage, Unit
from soma.agent.llm.offline.memories.search import Sought, UnitWords
from soma.agent.llm.offline.question.answer_form import wants_form
from soma.agent.llm.offline.question.clues import COMPARES, HOW_TO, SEVERAL
from soma.agent.llm.offline.question.parse import Question

LEANS = re.compile(
    r"(?:it|its|he|she|they|his|her|their|this|that|these|those|then|there|if|so|but|and|or|both|also|otherwise"
    r"|er|sie|es|dies|das|dann|il|elle|ils|elles|ce|cela|ello|esto)\b",
    re.IGNORECASE,
)  # a sentence that begins so goes on from the one before it
SHORT = 40  # words of a paragraph that is quoted whole
LONGEST_QUOTE = 70  # words
MOST_ROWS = 14
WHOLE = 0.75  # of what is asked: from there on a heading says it, and all beneath answers
ALL = 0.99  # of it, where a date, a name or an amount is asked for: its sentence says more


@dataclass(frozen=True, slots=True, kw_only=True)
class Answering:
    """The units to quote, how well the best of them fits, and how much of what was asked it holds."""

    units: tuple[Unit, ...]
    title: str
    name: str
    score: float
    support: float

    @property
    def is_of_table(self) -> bool:
        return all(unit.kind == "table" for unit in self.units)


def whole(passage: Passage) -> Answering:
    """All of a passage, as it was said to answer."""
    return Answering(units=passage.units, title=passage.title, name=passage.name, score=1.0, support=1.0)


def quote(one: UnitWords, sought: Sought, *, score: float, support: float) -> Answering:
    """What to quote round the best unit: its paragraph, or all that stands beneath what says what was asked."""
    question = sought.question

    def said_by(stems: frozenset[str]) -> float:
        held = (weight for word, weight in sought.weights.items() if not stems.isdisjoint(sought.asked[word]))
        return sum(held) / sought.whole

    group = _group(one, question)
    over = said_by(one.above | one.title)
    own = said_by(one.own)
    is_of_title = over >= (ALL if wants_form(question) else WHOLE) and own < over
    match group[0].kind:
        case "answer":
            units = [one.unit]
        case "list":
            is_step = one.unit.is_ordered and HOW_TO.search(question.text)
            is_whole = is_of_title or one.unit not in group or is_step or SEVERAL.search(question.text)
            units = group if is_whole else [one.unit]
        case "table":
            units = (
                group[:MOST_ROWS]
                if is_of_title or one.unit not in group or COMPARES.search(question.text)
                else [one.unit]
            )
        case _:
            units = _around(one, group, sought)
    if is_of_title and group[0].kind == "prose" and said_by(one.title) >= WHOLE:
        units = _fitting(one.passage.units)
    return Answering(units=tuple(units), title=one.passage.title, name=one.passage.name, score=score, support=support)


def _group(one: UnitWords, question: Question) -> list[Unit]:
    """What the unit belongs to: its paragraph, list or table, or the one that it leads to; for a how-to, the steps."""
    units = one.passage.units
    steps = [unit for unit in units if unit.is_ordered] if HOW_TO.search(question.text) else []
    if steps and not one.unit.is_ordered:
        return [unit for unit in steps if unit.group == steps[0].group]
    after = [unit for unit in units if unit.group == one.unit.group + 1]
    own = [unit for unit in units if unit.group == one.unit.group]
    leads = one.unit.kind == "prose" and own[-1].text.endswith(":") and after and after[0].kind in ("list", "table")
    return after if leads and not wants_form(question) else own


def _around(one: UnitWords, group: Sequence[Unit], sought: Sought) -> list[Unit]:
    """A short paragraph whole; else the sentence with those that it leans on, and those after it that lean on it."""
    if sum(len(unit.text.split()) for unit in group) <= SHORT:
        return list(group)
    first = at = next(number for number, unit in enumerate(group) if unit is one.unit)
    while first and LEANS.match(group[first].text):
        first -= 1
    stems = {stem for meant in sought.asked.values() for stem in meant}
    if first and stems.isdisjoint(one.own):
        first -= 1
    last = at
    while last + 1 < len(group) and LEANS.match(group[last + 1].text):
        last += 1
    return _fitting(group[first : last + 1])


def _fitting(units: Sequence[Unit]) -> list[Unit]:
    chosen: list[Unit] = []
    words = 0
    for unit in units:
        words += len(unit.text.split()) if unit.kind == "prose" else 0
        if chosen and (words > LONGEST_QUOTE or len(chosen) == MOST_ROWS):
            break
        chosen.append(unit)
    return chosen
