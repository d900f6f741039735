"""What to quote round the unit that answers: its paragraph, its list or table, or all beneath a heading. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from soma.agent.llm.offline.clues import COMPARES, HOW_TO
from soma.agent.llm.offline.passages import Unit
from soma.agent.llm.offline.question import Question
from soma.agent.llm.offline.seeking import Sought, UnitWords

LONGEST_QUOTE = 70  # words
MOST_ROWS = 14
WHOLE = 0.75  # of what is asked: from there on a heading says it, and all beneath answers


@dataclass(frozen=True, slots=True, kw_only=True)
class Answering:
    """The units to quote, how well the best of them fits, and how much of what was asked it holds."""

    units: tuple[Unit, ...]
    title: str
    name: str
    score: float
    support: float


def quote(one: UnitWords, sought: Sought, *, score: float, support: float) -> Answering:
    """What to quote round the best unit: its paragraph, or all that stands beneath what says what was asked."""
    question = sought.question

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
