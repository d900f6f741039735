"""Quotations: the unit that answers with its paragraph, list or table, or all beneath a heading. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from soma.agent.llm.offline.memories.passages import Passage, Unit
from soma.agent.llm.offline.memories.search import SearchTerms, UnitWords
from soma.agent.llm.offline.question.answer_form import wants_form
from soma.agent.llm.offline.question.clues import COMPARES, HOW_TO, SEVERAL
from soma.agent.llm.offline.question.parse import Question

LEANS = re.compile(
    r"(?:it|its|he|she|they|his|her|their|this|that|these|those|then|there|if|so|but|and|or|both|also|otherwise"
    r"|er|sie|es|dies|das|dann|il|elle|ils|elles|ce|cela|ello|esto)\b",
    re.IGNORECASE,
)  # begin a sentence that continues the one before it
SHORT = 40  # words of a paragraph that is quoted whole
LONGEST_QUOTE = 70  # words
MOST_ROWS = 14
WHOLE = 0.75  # share of the question that a heading must hold for all beneath it to answer
ALL = 0.99  # the same where a date, a name or an amount is asked for: one sentence will have it


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotation:
    """The units to quote, how well the best of them fits, and the share of the question that it holds."""

    units: tuple[Unit, ...]
    title: str
    name: str
    score: float
    support: float

    @property
    def is_of_table(self) -> bool:
        return all(unit.kind == "table" for unit in self.units)


def quote_whole(passage: Passage) -> Quotation:
    """Quote a passage whole, because a person named it as the answer."""
    return Quotation(units=passage.units, title=passage.title, name=passage.name, score=1.0, support=1.0)


def quote(one: UnitWords, terms: SearchTerms, *, score: float, support: float) -> Quotation:
    """Quote the best unit with its surroundings, or all beneath a heading that says what was asked."""
    question = terms.question

    def share_in(stems: frozenset[str]) -> float:
        held = (weight for word, weight in terms.weights.items() if not stems.isdisjoint(terms.equivalents[word]))
        return sum(held) / terms.total_weight

    group = _group(one, question)
    over = share_in(one.above | one.title)
    own = share_in(one.own)
    is_of_title = over >= (ALL if wants_form(question) else WHOLE) and own < over
    match group[0].kind:
        case "answer" | "code":
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
            units = _sentences_around(one, group, terms)
    if is_of_title and group[0].kind == "prose" and share_in(one.title) >= WHOLE:
        units = _cut_to_length(one.passage.units)
    return Quotation(units=tuple(units), title=one.passage.title, name=one.passage.name, score=score, support=support)


def _group(one: UnitWords, question: Question) -> list[Unit]:
    """Return the paragraph, list or table of a unit, or the list that it introduces; for a how-to, the steps."""
    units = one.passage.units
    steps = [unit for unit in units if unit.is_ordered] if HOW_TO.search(question.text) else []
    if steps and not one.unit.is_ordered:
        return [unit for unit in steps if unit.group == steps[0].group]
    after = [unit for unit in units if unit.group == one.unit.group + 1]
    own = [unit for unit in units if unit.group == one.unit.group]
    leads = one.unit.kind == "prose" and own[-1].text.endswith(":") and after and after[0].kind in ("list", "table")
    return after if leads and not wants_form(question) else own


def _sentences_around(one: UnitWords, group: Sequence[Unit], terms: SearchTerms) -> list[Unit]:
    """Return a short paragraph whole; else the sentence with those that it leans on, and those that lean on it."""
    if sum(len(unit.text.split()) for unit in group) <= SHORT:
        return list(group)
    first = at = next(number for number, unit in enumerate(group) if unit is one.unit)
    while first and LEANS.match(group[first].text):
        first -= 1
    stems = {stem for meant in terms.equivalents.values() for stem in meant}
    if first and stems.isdisjoint(one.own):
        first -= 1
    last = at
    while last + 1 < len(group) and LEANS.match(group[last + 1].text):
        last += 1
    return _cut_to_length(group[first : last + 1])


def _cut_to_length(units: Sequence[Unit]) -> list[Unit]:
    chosen: list[Unit] = []
    words = 0
    for unit in units:
        words += len(unit.text.split()) if unit.kind == "prose" else 0
        if chosen and (words > LONGEST_QUOTE or len(chosen) == MOST_ROWS):
            break
        chosen.append(unit)
    return chosen
