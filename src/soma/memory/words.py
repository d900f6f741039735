"""Texts as stems: what postings hold and queries look for."""

import re
from functools import lru_cache

import snowballstemmer

WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?")
STOP_WORDS = frozenset(
    """
    a about after all also am an and any are as at be because been before being both but by can could d did do
    does doing during each few for from had has have having he her here hers him his how i if in into is it
    its just ll m me more most my no nor not of on only or other our ours own re s same she should so some
    such t than that the their theirs them then there these they this those to too us ve very was we were what
    when where which while who whom whose why will with would you your yours
    """.split()  # noqa: SIM905 - a list of words reads as one
)

_stemmer = snowballstemmer.stemmer("english")


@lru_cache(maxsize=200_000)
def stem(word: str) -> str:
    return str(_stemmer.stemWord(word))


def tokens(text: str) -> list[str]:
    """Lower-case words without their possessive ending."""
    found = WORD.findall(text.lower().replace("’", "'"))
    return [word.removesuffix("'s") if "'" in word else word for word in found]


def words(text: str) -> list[str]:
    """Every word as a stem, in order."""
    return [stem(word) for word in tokens(text)]


def content_words(text: str) -> list[str]:
    """The distinct stems that tell texts apart; all of them where a text has nothing but stop words."""
    found = dict.fromkeys(stem(word) for word in tokens(text) if word not in STOP_WORDS)
    return list(found or dict.fromkeys(words(text)))
