"""Citations of an answer, and how well its evidence supports it (pure)."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from soma.agent.language.moments import moment_of
from soma.agent.language.stems import content_stems
from soma.events.facts.turn import RecalledMemory

CITATION = re.compile(r"\[(\d{1,3}(?:\s?[,;]\s?\d{1,3})*)\](?!\()")  # not the text of a link
IN_HISTORY = re.compile(rf"[ \t]?{CITATION.pattern}")
BACKTICKS = re.compile(r"(`+)")
WORD = re.compile(r"\w+")
SUPPORTED = 0.5
SHORT = 3  # words of fewer letters carry no evidence


def cited_in(text: str, memories: Sequence[RecalledMemory]) -> list[str]:
    """Return ids of the memories that `text` cites as [number], in order of first mention; ignores unknown numbers."""
    known = [memories[number - 1].id for number in _numbers(text) if 0 < number <= len(memories)]
    return list(dict.fromkeys(known))


def citations_of(text: str, memories: Sequence[RecalledMemory]) -> list[dict[str, Any]]:
    """Return the cited memories for a reader: number, id, text, time and source."""
    numbers = dict.fromkeys(_numbers(text))
    return [
        {
            "number": number,
            "id": memories[number - 1].id,
            "text": memories[number - 1].text,
            "occurred_at": moment_of(memories[number - 1].metadata, memories[number - 1].occurred_at),
            "source": memories[number - 1].source,
            "metadata": memories[number - 1].metadata,
            "author": memories[number - 1].author,
        }
        for number in numbers
        if 0 < number <= len(memories)
    ]


def drop_citations(text: str) -> str:
    """Return `text` without the numbers that it cites; text between backticks is kept as it is."""
    pieces = BACKTICKS.split(text)  # text and runs of backticks in turn
    closing = Counter(map(len, pieces[1::2]))
    opened = 0
    for place, piece in enumerate(pieces):
        if place % 2:
            closing[len(piece)] -= 1
            if opened == len(piece):
                opened = 0
            elif not opened and closing[len(piece)]:
                opened = len(piece)
        elif not opened:
            pieces[place] = IN_HISTORY.sub("", piece)
    return "".join(pieces)


def support(answer: str, evidence: Sequence[str]) -> float:
    """Share of the answer's words that its evidence holds, in [0, 1]; 0 without evidence."""
    words = _words(answer)
    if not words or not evidence:
        return 0.0
    return len(words & _words(" ".join(evidence))) / len(words)


def is_supported(draft: str, evidence: Sequence[str]) -> bool:
    """Return whether the evidence holds at least half of the draft's words."""
    return support(draft, evidence) >= SUPPORTED


def brings_support(found: Sequence[str], draft: str, *, asked: str, shown: Sequence[str]) -> bool:
    """Return whether `found` shares a word with the draft that neither the question nor `shown` has.

    For a greeting or a sum it is False, whatever is found.
    """
    said = set(content_stems(CITATION.sub("", draft))).difference(content_stems(" ".join([asked, *shown])))
    return not said.isdisjoint(content_stems(" ".join(found)))


def _numbers(text: str) -> list[int]:
    return [int(number) for cited in CITATION.findall(text) for number in re.findall(r"\d+", cited)]


def _words(text: str) -> set[str]:
    return {word for word in WORD.findall(CITATION.sub("", text).lower()) if len(word) >= SHORT}
