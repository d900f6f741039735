"""Redaction of a sentence that is proposed to be forgotten: enough to recognise it, without a secret. Pure."""

import re
from collections.abc import Sequence

from soma.agent.language.vocabulary.calendar_words import ANY_MONTH

LONGEST_SENTENCE = 60  # characters of a sentence
SECRET = re.compile(
    r"(\b\w*(?:password|passwort|passcode|pin|code|secret|key|token|combination|kennwort|mot de passe|contraseña"
    r"|clave)\b[^.!?]*?(?:\bis\b|\bist\b|\best\b|\bes\b|=|:)\s*+)(?!(?:in|on|at|under|behind|with|kept|hidden)\b).+",
    re.IGNORECASE | re.DOTALL,
)
_MONTH = rf"(?:{ANY_MONTH})\w*"
_UNIT = (
    r"(?:euros?|eur|dollars?|pounds?|percent|km|kg|cm|mm|hours?|minutes?|days?|weeks?|months?|years?"
    r"|stunden?|minuten?|tage?|wochen?|monate?|jahre?)"
)
PLAIN = re.compile(  # numbers that are no secret: days, years, times, amounts, and a short one that stands alone
    rf"""
    \b\d{{4}}-\d\d-\d\d\b | \b\d{{1,2}}\.[ ]?\d{{1,2}}\.[ ]?\d{{4}}\b
    | \b\d{{1,2}}(?:st|nd|rd|th|er|\.)?[ ](?:of[ ]|de[ ])?{_MONTH}(?:,?[ ](?:de[ ])?\d{{4}}\b)?
    | \b{_MONTH}\.?[ ]\d{{1,2}}(?:st|nd|rd|th)?\b(?:,?[ ]\d{{4}}\b)? | \b{_MONTH}[ ](?:19|20)\d\d\b
    | \b(?:in|since|until|of|seit|bis|depuis|desde)[ ](?:19|20)\d\d\b
    | \b\d{{1,2}}[:.h]\d\d\b(?!\.\d) | \b\d{{1,2}}[ ]?(?:am|pm|a\.m\.|p\.m\.|o'clock|uhr)(?!\w)
    | [€$£]\d[\d.,]* | \b\d[\d.,]*[ ]?(?:[€%]|{_UNIT}\b)
    | (?<![\w.,:/-])(?<!\d[ ])\d{{1,2}}(?:st|nd|rd|th)?\b(?![ ]\d)(?![-/:.,]\w)
    """,
    re.IGNORECASE | re.VERBOSE,
)
WITH_DIGIT = re.compile(r"\S*\d\S*")


def redact(sentence: str) -> str:
    """Hide what follows "the password is", and words with digits that are no day, time, amount or short number."""
    text = SECRET.sub(r"\1…", " ".join(sentence.split()))
    plain = [found.span() for found in PLAIN.finditer(text)]
    text = WITH_DIGIT.sub(lambda word: word[0] if _lies_in(word, plain) else "…", text)
    return text if len(text) <= LONGEST_SENTENCE else f"{text[:LONGEST_SENTENCE].rsplit(' ', 1)[0]} …"


def _lies_in(word: re.Match[str], spans: Sequence[tuple[int, int]]) -> bool:
    """Return whether every digit of a word lies in one of the spans."""
    digits = [word.start() + at for at, letter in enumerate(word[0]) if letter.isdigit()]
    return all(any(start <= at < end for start, end in spans) for at in digits)
