"""Relevance: which candidates bear on the question. Of many, those that stand out; of few, each by itself. Pure."""

from collections.abc import Iterable, Sequence

from soma.memory.text.languages import is_stop_word, question_languages
from soma.memory.text.words import index_words, question_forms, tokens

FEW = 20  # candidates, among which nothing stands out
FROM_MIDDLE = 0.5  # of the way from the middle score to the best
FROM_NEAREST = 0.7  # of the cosine of the nearest in meaning
LEAST_COSINE = 0.15  # with the question, of one among few
LEAST_SHARE = 0.25  # of the question's telling words, held by one among few


def stand_out(scores: Sequence[float], near: Sequence[float]) -> list[bool]:
    """Tell of each candidate whether it stands out: by its score from the middle of all, or near the question.

    Both are relative, since neither scores nor cosines mean the same from one question to the next.
    """
    descending = sorted(scores, reverse=True)
    middle = descending[len(scores) // 2]
    least, nearest = middle + FROM_MIDDLE * (descending[0] - middle), FROM_NEAREST * max(near)
    return [score >= least or 0 < nearest <= cosine for score, cosine in zip(scores, near, strict=True)]


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
