"""Answers that tell nothing: the model does not know, hedges, asks back or offers help. Pure."""

import re

from soma.agent.language.speech import is_question
from soma.agent.language.words import sentences

_DENIES = re.compile(
    r"""
    \bI\b[^.!?]{0,20}?\b(?:(?:do|can|could|would|did)(?:\ not|n['’]?t)|cannot)\ (?:\w+\ )?
        (?:know|say|tell|find|recall|remember|see|answer|help|share|provide|give|have|determine|confirm)\b
    | \bI\ have\ no\b
    | \bI(?:['’]m|\ am)\ (?:not\ (?:quite\ |really\ |entirely\ )?(?:sure|certain|aware|able)|unsure|unable)\b
    | \bI(?:['’]ve|\ have)(?:\ not|n['’]t)?\ (?:never\ )?been\ (?:told|given)\b
    | \b(?:memor(?:y|ies)|notes?|documents?|records?|context|conversation)\b[^.!?]{0,20}?
        \b(?:(?:do|does|did)(?:\ not|n['’]?t)\ (?:\w+\ )?(?:mention|say|contain|include|tell|hold|have|show|state)
        | (?:say|hold|contain)s?\ nothing)\b
    | \b(?:is|are|was)(?:\ not|n['’]t)\ (?:mentioned|recorded|known|in\ (?:my|the|your)\ (?:memor|notes))
    | \bthere\ (?:is|are)\ (?:no|nothing)\b[^.!?]{0,40}\b(?:memor|notes|record|information|mention|documents)
    | \bich\ (?:weiß|weiss)\b[^.!?]{0,20}\bnicht\b | \bnicht\ sicher\b | \bich\ habe\ (?:dazu\ |darüber\ )?kein
    | \bkann\ ich\b[^.!?]{0,20}\bnicht\ (?:sagen|beantworten|finden)\b
    | \bje\ ne\ (?:le\ )?sais\ pas\b | \bpas\ (?:sûre?|certaine?)\b | \bje\ n['’]ai\ (?:pas|aucune?)\b
    | \bno\ (?:lo\ )?sé\b | \bno\ estoy\ segur | \bno\ tengo\b
    """,
    re.IGNORECASE | re.VERBOSE,
)
_HEDGES = re.compile(
    r"\W*(?:maybe|perhaps|possibly|probably|vielleicht|womöglich|peut-être|quizás?|tal vez)\b", re.IGNORECASE
)
_OFFERS = re.compile(
    r"\W*(?:(?:I['’]?\s?a?m )?sorry|unfortunately|please|if you|let me know|feel free"
    r"|you (?:can|could|may) (?:tell|ask|share|check)|tell me"
    r"|leider|es tut mir leid|tut mir leid|bitte|wenn du|désolée?|lo siento)\b",
    re.IGNORECASE,
)


def tells_nothing(answer: str) -> bool:
    """Return whether no sentence of an answer states anything. "Sorry, Ann left" counts as an excuse."""
    return all(_is_empty(sentence) for sentence in sentences(answer))


def _is_empty(sentence: str) -> bool:
    begins = _HEDGES.match(sentence) or _OFFERS.match(sentence)
    return bool(begins or _DENIES.search(sentence)) or is_question(sentence)
