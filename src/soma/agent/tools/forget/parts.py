"""Parts of a request that names several things to forget. Pure."""

import re

from soma.agent.language.requests_to_forget import find_what_to_forget, names_nothing
from soma.agent.language.words import sentences

BETWEEN = (  # the strongest first: what stands between commas may still name two things
    re.compile(r"\s*;\s*"),
    re.compile(r"\s*,\s+"),
    re.compile(r"\s+(?:and|or|plus|as well as|und|oder|sowie|et|ou|ainsi que|y|e|o|&)\s+", re.IGNORECASE),
)
_BEFORE = re.compile(  # words before the name of a part
    r"^(?:[-*•]\s*|(?:both|sowohl|and|or|plus|also|too|und|oder|sowie|auch|et|ou|aussi|y|o|también)\s+"
    r"|(?:that|dass|daß|que|about|über)\s+|qu['’])+",
    re.IGNORECASE,
)
_EXCEPT = r"(?:except(?: for)?|außer|ausser|sauf|excepté|salvo|excepto)"
_STAYS = r"(?:not|keep|nicht|behalte|pas|garde|no|deja)"  # after a comma or a "but": "Ann does not smoke" is one thing
_STAYING = re.compile(
    rf"(?:(?:^|[,;.]?\s+){_EXCEPT}|(?:[,;.]|(?:[,;.]?\s+)(?:but|aber|mais|pero|and|und|et|y))\s+{_STAYS})\s[^,;.]*$",
    re.IGNORECASE,
)
_AFTER = re.compile(r"[\s,]+(?:too|also|as well|auch|aussi|también)$", re.IGNORECASE)


def without_exceptions(what: str) -> str:
    """Leave out what the end of a request says is to stay: "the bank, but not the code"."""
    return _STAYING.sub("", what)


def parts_of(what: str) -> list[str]:
    """Split a request at its strongest separator; one that names a single thing is its own part."""
    for pieces in (sentences(what), *(between.split(what) for between in BETWEEN)):
        named = [part for piece in pieces if not names_nothing(part := _name(piece))]
        if len(named) > 1:
            return named
    return [what]


def _name(piece: str) -> str:
    """Return a part without the words that join it to the others."""
    bare = _AFTER.sub("", _BEFORE.sub("", piece.strip(" \t\n.,;:!?")))
    return _BEFORE.sub("", find_what_to_forget(bare) or bare)
