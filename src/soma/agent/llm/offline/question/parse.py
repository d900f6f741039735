"""Parsing of a question: its kind, language and stems, alone or after an earlier question. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from soma.agent.language.speech import intended_question_word, is_bare_name, is_question, is_request, may_have_verb
from soma.agent.language.stems import ENGLISH, content_stems, language_of
from soma.agent.language.vocabulary.question_words import (
    ENGLISH_WORDS,
    FRENCH_WORDS,
    GERMAN_WORDS,
    HOW_MANY,
    SPANISH_WORDS,
    WHEN,
    WHERE,
    WHO,
    is_question_word,
)
from soma.agent.language.words import sentences, words

FEWEST = 2  # words of a fragment

Kind = Literal["when", "who", "where", "how_many", "other"]

TELLING = re.compile(r"^(?:i|i'm|i've|i'll|i'd|my|we|we're|our)\b", re.IGNORECASE)
ABOUT = re.compile(
    r"\b(?:(?:do|did|have|had) (?:i|we|you)(?: ever| already)?|(?:do|does) my (?:notes?|memor(?:y|ies)))"
    r" (?:know|learn(?:ed|t)?|mention(?:ed)?|note(?:d)?|remember|said|say|tell|told|write|written|wrote|record(?:ed)?)"
    r"(?: (?:down|you|me|us|anything|something))*(?: to (?:you|me))? (?:about|of|on)\b",
    re.IGNORECASE,
)
WHY = re.compile(
    r"^\W*(?:(?:but|and|aber|und|mais|et|pero|y) )?"
    r"(?:why(?: not| so)?|how come|warum|wieso|weshalb|pourquoi|por qué)\W*$",
    re.IGNORECASE,
)
BARE = re.compile(
    r"^\W*(?:(?:and|by|since|until|till|from|to|for|at|with|about|und|bis|seit|ab|et|depuis|y|desde|hasta|para) )?"
    rf"(?:{HOW_MANY}|{WHEN}|{WHERE}|{WHO}|which(?: one)?)(?: exactly| genau| exactement| exactamente)?\W*$",
    re.IGNORECASE,
)
FIRST = re.compile(
    r"\b(?:original(?:ly)?|at first|initial(?:ly)?|in the beginning"
    r"|before (?:(?:it|he|she|they|that|this|the change)\b.*|(?=\d{4}))"
    r"|(?:the|your|our|my) (?:old|former|earlier|previous"
    r"|first (?=(?:\w+ )?(?:date|day|plan|choice|decision|price|version)\b))"
    r"|used to|ursprünglich|zuerst|d'abord|au départ"
    r"|originalmente|al principio|antes)",
    re.IGNORECASE,
)
FOLLOWS = re.compile(
    r"^(?:and|what about|how about|und|et|y)\b|\b(?:it|its|they|them|their|he|she|him|his|her|that|those|there|this"
    r"|these|the other(?: one)?|er|ihn|ihm|dort|davon|elle|lui|eux|ellos|ellas)\b",
    re.IGNORECASE,
)
IDLE = re.compile(
    r"\b(?:takes?|took|taken|taking) place\b|\bhappen(?:s|ed)?\b"
    r"|\b(?:what|which) (?:times?|dates?|days?|months?|years?)\b|\b(?:exactly|genau|exactement|exactamente)\b",
    re.IGNORECASE,
)  # adds nothing to what is asked
GOES_ON = re.compile(r"\W*(?:and|what|how|und|et|y)\b", re.IGNORECASE)
PARTS = re.compile(
    r",? (?:and|und|et|y) (?=(?:(?:at|on|in|to|under|since|by|for|from|with|until) )?"
    rf"(?!que\b)(?:{ENGLISH_WORDS}|{GERMAN_WORDS}|{FRENCH_WORDS}|{SPANISH_WORDS})\b)",  # `que` goes on with a statement
    re.IGNORECASE,
)
KINDS: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    (
        "when",
        re.compile(
            rf"\b(?:{WHEN}|what (?:date|day|month|year|time)|which (?:date|day|month|year))\b",
            re.IGNORECASE,
        ),
    ),
    (
        "how_many",
        re.compile(rf"\b(?:{HOW_MANY}|what (?:number|age))\b", re.IGNORECASE),
    ),
    (
        "where",
        re.compile(rf"\b(?:{WHERE}|(?:what|which) (?:city|country|place|town|state))\b", re.IGNORECASE),
    ),
    ("who", re.compile(rf"\b(?:{WHO})\b", re.IGNORECASE)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question; `before` are the stems of the question that it follows, or of the part before it."""

    text: str
    kind: Kind
    stems: tuple[str, ...]
    language: str = ENGLISH
    wants_first: bool = False
    before: tuple[str, ...] = ()


def parse_question(text: str) -> Question:
    """Parse a question. "What did I write about X" is asked by its subject: no memory has to hold the word "write"."""
    kind: Kind = next((kind for kind, pattern in KINDS if pattern.search(text)), "other")
    language = language_of(text)
    subject = IDLE.sub(" ", FIRST.sub(" ", ABOUT.sub("", text)))  # a note need not say which of several dates is meant
    stems = tuple(dict.fromkeys(content_stems(subject, language)))
    return Question(text=text, kind=kind, stems=stems, language=language, wants_first=bool(FIRST.search(text)))


def parse_in_context(text: str, earlier: Sequence[str]) -> Question:
    """Parse a message as it follows on earlier ones, the newest last."""
    asked = parse_question(text)
    if not earlier or asks_why(text) or not (FOLLOWS.search(text) or len(asked.stems) <= 1):
        return asked
    before = parse_in_context(earlier[-1], earlier[:-1])
    return replace(asked, before=_about(before), kind=before.kind if asked.kind == "other" else asked.kind)


def split_question(asked: Question) -> list[Question]:
    """Split a question that asks several things; the later parts are about what the first is about."""
    pieces = [piece for piece in PARTS.split(asked.text) if piece.strip()]
    if len(pieces) < 2 or any(not parse_question(piece).stems for piece in pieces):
        return [asked]
    first = replace(parse_question(pieces[0]), before=asked.before, language=asked.language)
    later = [replace(parse_question(piece), before=_about(first), language=asked.language) for piece in pieces[1:]]
    return [first, *later]


def _about(asked: Question) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*asked.stems, *asked.before]))


def is_open(asked: Question) -> bool:
    """Return whether a question asks for more than a yes or a no."""
    return any(is_question_word(intended_question_word(word) or word, asked.language) for word in words(asked.text))


def is_chat(text: str) -> bool:
    """Return whether no word of a text carries content, so that there is nothing to look up."""
    return not content_stems(text)


def is_follow_up(text: str) -> bool:
    """Return whether a message has the form of a follow-up: "and the other one?", "how many?"."""
    return bool(FOLLOWS.search(text) or BARE.match(text))


def asks_why(text: str) -> bool:
    """Return whether a text asks for a reason and names nothing: "why?"."""
    return bool(WHY.match(text))


def tells_of_user(text: str) -> bool:
    """Return whether the user states something about himself or his own."""
    return bool(TELLING.match(text.strip())) and not is_question(text)


def only_states(text: str) -> bool:
    """Return whether a message asks nothing, and a sentence of it has a verb that is known or ends as a statement."""
    said = sentences(text)
    return not (GOES_ON.match(text) or any(map(is_question, said))) and any(
        (may_have_verb(one) or _is_whole(one)) and not (is_request(one) or is_bare_name(one)) for one in said
    )


def _is_whole(sentence: str) -> bool:
    """Return whether a sentence ends in a full stop, which nobody types into a search: its verb need not be known."""
    return sentence.rstrip().endswith((".", "!", "。", "！")) and (
        len(words(sentence)) > FEWEST or not sentence.isascii()
    )
