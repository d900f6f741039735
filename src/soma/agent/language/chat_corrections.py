"""Corrections in a chat: "no, it is 4321", in English, German, French and Spanish. Pure.

Only a message that denies and then states the right value is one: "no, that is wrong" says nothing that could be kept.
"""

import re

from soma.agent.language.speech import is_question, is_request
from soma.agent.language.words import sentences, words

LONGEST = 300  # characters of a correction; a longer message tells a story
LONGEST_QUESTION = 500  # characters of a question that is kept with its right answer
FEW = 5  # words of a value that stands alone
_DENIAL = re.compile(
    r"""^\W*(?:
    no|nope|nah|wrong|incorrect|not\ quite|that(?:['’]s|\ is)\ (?:wrong|not\ (?:right|correct|true))
    | nein|nee|nö|falsch|(?:das\ )?stimmt\ nicht|das\ ist\ (?:falsch|nicht\ richtig)
    | non|faux|c['’]est\ faux|ce\ n['’]est\ pas\ (?:ça|vrai|juste|correct)
    | falso|incorrecto|eso\ no\ es\ (?:correcto|cierto|verdad)|no\ es\ así|te\ equivocas
    )\s*[,.;:!–—-]+\s*(?:(?:sorry|actually|but|entschuldigung|sondern|pardon|mais|perdón|sino|pero)[,\s]+)?""",
    re.IGNORECASE | re.VERBOSE,
)
_NAMED = r"(?:[^\W\d_][\w'’-]*\s+){0,5}?[^\W\d_][\w'’-]*"  # what is spoken of: "the code of the alarm"
_AT_ALL = r"(?!(?:not|wrong|fine|ok|okay|good|great|all\ ?right|nicht|falsch|kein|gut|pas|faux|bon|falso|bien)\b)"
_STATES = re.compile(
    rf"""^(?:
    (?:it|he|she|that)['’]s
    | {_NAMED}\s+(?:is|was|are|were|will\ be)
    | {_NAMED}\s+(?:ist|war|sind|waren|heißt|hieß|lautet)
    | c['’](?:est|était) | {_NAMED}\s+(?:est|était|sont|étaient|s['’]appelle)
    | (?:{_NAMED}\s+)?(?:es|era|fue|son|eran|está|estaba|se\ llama)
    )\s+{_AT_ALL}\S""",
    re.IGNORECASE | re.VERBOSE,
)
_ON_A_DAY = "am "  # German; in English it begins a question
_DENIES = re.compile(r"(?:\b(?:not|nicht|keine?[rnms]?|pas|jamais|nunca|never|nie)|n['’]t)\b", re.IGNORECASE)


def right_value_in(message: str) -> str | None:
    """Return the sentence in which a message says what is right, after it denied; None where it does not."""
    said = " ".join(message.split())
    denial = _DENIAL.match(said)
    if denial is None or len(said) > LONGEST:
        return None
    rest = said[denial.end() :]
    is_value = any(map(str.isdigit, rest)) and len(words(rest)) <= FEW  # "am 3. Mai" is one value, not two sentences
    stated = rest if is_value else next(iter(sentences(rest)), "")
    asks = is_question(stated) and not (is_value and stated.casefold().startswith(_ON_A_DAY))
    if not stated or asks or is_request(stated) or _DENIES.search(stated):
        return None
    if not (is_value or _STATES.match(stated)):
        return None
    return stated[:1].upper() + stated[1:]


def answered_question(question: str, stated: str) -> str:
    """Return a question with its right answer, as one text that says by itself what it is about."""
    asked = " ".join(question.split())
    if len(asked) > LONGEST_QUESTION:
        asked = next((one for one in reversed(sentences(asked)) if is_question(one)), "")[:LONGEST_QUESTION]
    return f"{asked} {stated}".strip()
