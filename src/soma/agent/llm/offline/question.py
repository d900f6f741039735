"""What kind of answer a message wants. Pure."""

import re
from dataclasses import dataclass
from typing import Literal

from soma.agent.llm.offline.words import content_stems
from soma.agent.speech import is_question, word_set

Kind = Literal["when", "who", "where", "how_many", "other"]

GREETING = word_set(
    """afternoon bye cheers day evening goodbye good great hello hey hi hiya morning nice night ok okay see soma
    thank thanks there welcome well cool later"""
)
TELLING = re.compile(r"^(?:i|i'm|i've|i'll|i'd|my|we|we're|our)\b", re.IGNORECASE)
ABOUT = re.compile(
    r"\b(?:(?:do|did|have|had) (?:i|we|you)(?: ever| already)?|(?:do|does) my (?:notes?|memor(?:y|ies)))"
    r" (?:know|learn(?:ed|t)?|mention(?:ed)?|note(?:d)?|remember|said|say|tell|told|write|written|wrote|record(?:ed)?)"
    r"(?: (?:down|you|me|us|anything|something))*(?: to (?:you|me))? (?:about|of|on)\b",
    re.IGNORECASE,
)
KINDS: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    (
        "when",
        re.compile(r"\b(?:when|what (?:date|day|month|year|time)|which (?:date|day|month|year))\b", re.IGNORECASE),
    ),
    ("how_many", re.compile(r"\bhow (?:many|much|old|long|often|far)\b|\bwhat (?:number|age)\b", re.IGNORECASE)),
    ("where", re.compile(r"\bwhere\b|\b(?:what|which) (?:city|country|place|town|state)\b", re.IGNORECASE)),
    ("who", re.compile(r"\b(?:who|whom|whose)\b", re.IGNORECASE)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    text: str
    kind: Kind
    stems: tuple[str, ...]


def read(text: str) -> Question:
    """What was written, said or told is asked for by its subject: no memory has to hold the word `write`."""
    kind: Kind = next((kind for kind, pattern in KINDS if pattern.search(text)), "other")
    return Question(text=text, kind=kind, stems=tuple(dict.fromkeys(content_stems(ABOUT.sub("", text)))))


def is_chat(text: str) -> bool:
    """Nothing to look up: a greeting, thanks, or words that carry no content."""
    return not (set(content_stems(text)) - {stem for word in GREETING for stem in content_stems(word)})


def is_telling(text: str) -> bool:
    """The user states something of their own."""
    return bool(TELLING.match(text.strip())) and not is_question(text)
