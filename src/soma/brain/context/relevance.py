"""Relevance: how candidates bear on the question: many beside each other, few each by itself. Pure."""

from collections.abc import Iterable, Sequence

from soma.memory.text.languages import is_stop_word, question_languages
from soma.memory.text.words import index_words, question_forms, tokens

FEW = 20  # candidates, among which nothing stands out
SHARES = (0.68, 0.25, 0.07)  # of the parts of a bearing, as `soma bench recall` fits them
LEAST_WAY = 0.3  # from the middle score to the best, of the best
LEAST_COSINE = 0.15  # with the question, of one among few
LEAST_SHARE = 0.25  # of the question's telling words, held by one among few


def measure_bearings(scores: Sequence[float], near: Sequence[float]) -> list[float]:
    """Measure how each of many candidates bears on the question: 1 at most, below 0 where it is far away."""
    return [
        sum(share * part for share, part in zip(SHARES, parts, strict=True)) for parts in part_bearings(scores, near)
    ]


def part_bearings(scores: Sequence[float], near: Sequence[float]) -> list[tuple[float, float, float]]:
    """Return the parts of each candidate's bearing, of which `SHARES` are the weights.

    They are its way from the middle score to the best, its cosine as a share of the nearest one's, and the cosine
    itself: what stands out among others need not bear on the question. Where the middle one is nearly as good as the
    best, for many answer alike, the way is not made longer than it is.
    """
    descending = sorted(scores, reverse=True)
    best, middle, nearest = descending[0], descending[len(scores) // 2], max(near)
    way = max(best - middle, LEAST_WAY * best)
    return [
        (1.0 - (best - score) / way if way > 0.0 else 1.0, cosine / nearest if nearest > 0.0 else 0.0, cosine)
        for score, cosine in zip(scores, near, strict=True)
    ]


def touch_question(question: str, texts: Iterable[str], near: Sequence[float]) -> list[bool]:
    """Tell of each text whether it has anything to do with the question: by its cosine `near`, or by its words.

    Among few texts no score tells this: the best of them may have nothing to do with it either.
    """
    forms = find_telling(question)
    return [
        cosine >= LEAST_COSINE or share_of_words(forms, text) >= LEAST_SHARE
        for text, cosine in zip(texts, near, strict=True)
    ]


def find_telling(question: str) -> list[tuple[str, ...]]:
    """Return the stems of each word of a question that tells texts apart; of every word where none does."""
    words = tokens(question)
    [language, *_] = question_languages(words)
    forms = question_forms(question)
    telling = [form for word, form in zip(words, forms, strict=True) if not is_stop_word(word, language)]
    return telling or forms


def share_of_words(forms: Sequence[tuple[str, ...]], text: str) -> float:
    """Return the share of the words, each given by its stems, that the text holds."""
    held = set(index_words(text))
    return sum(not held.isdisjoint(form) for form in forms) / len(forms) if forms else 0.0
