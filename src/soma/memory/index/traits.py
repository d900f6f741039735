"""Traits of a text, told without a question: bits that views combine with what is asked."""

import re
from collections.abc import Iterable
from string import digits

FIRST_PERSON = 1
SECOND_PERSON = 2
TIME = 4  # names a time
NUMBER = 8
SYNTHESISED = 16  # made by consolidation, from others
ONLY_ASKED = 32  # a message of a chat that states nothing

FIRST_PERSON_WORDS = frozenset(("i", "me", "my", "mine", "we", "us", "our", "ours"))
SECOND_PERSON_WORDS = frozenset(("you", "your", "yours"))
TIME_WORDS = frozenset(
    """
    yesterday today tonight tomorrow ago last next recently weekend week weeks month months year years monday tuesday
    wednesday thursday friday saturday sunday january february march april may june july august september october
    november december since morning evening earlier soon summer winter spring fall autumn
    """.split()  # noqa: SIM905 - a list of words reads as one
)
NUMBER_WORDS = frozenset(
    """
    one two three four five six seven eight nine ten eleven twelve once twice couple several dozen few half hundred
    thousand million
    """.split()  # noqa: SIM905
)
QUESTION_WORDS = frozenset(("what", "who", "whom", "whose", "where", "when", "why", "how", "which"))
AFTER_QUESTION_WORDS = frozenset(
    """
    is are was were am do does did has have had can could will would shall should may might must long many much often
    old far
    """.split()  # noqa: SIM905
)
QUESTION_MARKS = ("?", "？", "؟")
DIGITS = frozenset(digits)
YEAR = re.compile(r"(?:19|20)\d\d")


SENTENCE_END = re.compile(r"(?<![.!?])[.!?]++(?:\s|$)|\n++")


def share_of_questions(text: str) -> float:
    """Return the share of its sentences that are questions."""
    ends = [match[0] for match in SENTENCE_END.finditer(text)]
    open_end = bool(text.strip()) and not text.rstrip().endswith((".", "!", "?"))
    return sum("?" in end for end in ends) / max(1, len(ends) + open_end)


def only_asks(text: str) -> bool:
    """Return whether a text states nothing beside its questions; one without a mark is known by how it begins."""
    stripped = text.strip()
    if not stripped.endswith((".", "!", *QUESTION_MARKS)):
        first, second, *_ = [*stripped.lower().split(), "", ""]
        return "\n" not in stripped and first in QUESTION_WORDS and second in AFTER_QUESTION_WORDS
    return share_of_questions(stripped.replace("？", "? ").replace("؟", "? ")) == 1.0


def find_traits(tokens: Iterable[str]) -> int:
    """Find the traits of a text by its words, in lower case."""
    words = {word.partition("'")[0] if "'" in word else word for word in tokens}  # I'm begins with the pronoun
    numbers = [word for word in words if word[0] in DIGITS and word.isdecimal()]
    return (
        FIRST_PERSON * (not words.isdisjoint(FIRST_PERSON_WORDS))
        | SECOND_PERSON * (not words.isdisjoint(SECOND_PERSON_WORDS))
        | TIME * (not words.isdisjoint(TIME_WORDS) or any(map(YEAR.fullmatch, numbers)))
        | NUMBER * (bool(numbers) or not words.isdisjoint(NUMBER_WORDS))
    )
