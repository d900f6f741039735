"""The user's own words, recognised in what a model makes of them. Pure."""

from collections.abc import Sequence

from soma.agent.language.stems import stem
from soma.agent.tools.taint import telling_words

OF_THE_USER = frozenset({"user"})  # a model's word for the person who says "I"


def stems_of(text: str) -> frozenset[str]:
    """Return the stems of the words that carry meaning."""
    return frozenset(stem(word) for word in telling_words(text))


def is_said_by_user(statement: str, messages: Sequence[str]) -> bool:
    """Return whether the user's `messages` hold every meaningful word of a statement, in any form and order."""
    said = frozenset[str]().union(*map(stems_of, messages))
    return stems_of(statement) <= said | OF_THE_USER
