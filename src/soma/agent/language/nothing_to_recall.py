"""Whether a message asks for nothing that memory could know: small talk, or nothing but a sum or the time. Pure."""

import re

from soma.agent.language.arithmetic import is_only_a_sum
from soma.agent.language.clock_questions import timezone_in
from soma.agent.language.small_talk import small_talk

_CLOCK = re.compile(
    r"""
    \W*(?:(?:hi|hey|hello|hallo|please|bitte|ok|and|soma|(?:can|could)\ you\ tell\ me|tell\ me|do\ you\ know)\W+)*
    (?: what\ time\ (?:is\ it|it\ is) | what(?:['’]?s|\ is)\ the\ (?:current\ |exact\ )?(?:time|date)
    | how\ late\ is\ it
    | what\ (?:day|date)\ (?:is\ it|it\ is|is\ today) | what(?:['’]?s|\ is)\ today(?:['’]?s\ date)?
    | what\ day\ of\ the\ week\ is\ it
    | wie\ spät\ (?:ist\ es|es\ ist) | wie\ ?viel\ uhr\ ist\ es | welche[rns]?\ (?:tag|datum)\ (?:ist|haben\ wir)
    | quelle\ heure\ (?:est-il|il\ est) | quel\ jour\ (?:sommes-nous|est-on) | qu[ée]\ (?:hora\ es|d[ií]a\ es)
    )
    (?:\ (?:right\ now|now|today|please|jetzt|heute|bitte|maintenant|aujourd['’]hui|ahora|hoy))*
    (?P<place>\ in\ .+)?
    """,
    re.IGNORECASE | re.VERBOSE,
)


def nothing_to_recall(message: str) -> bool:
    return small_talk(message) is not None or is_only_a_sum(message) or _is_only_the_time(message)


def _is_only_the_time(message: str) -> bool:
    """Whether only the clock is asked; of a place without a zone, as in "in Ann's town", memory may know."""
    found = _CLOCK.fullmatch(" ".join(message.split()).rstrip("?!. "))
    return found is not None and (found["place"] is None or timezone_in(message) is not None)
