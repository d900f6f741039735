"""Requests to forget or to erase, in the user's own words: English, German, French and Spanish. Pure."""

import re

from soma.agent.language.speech import is_question, is_request, may_have_verb
from soma.agent.language.vocabulary.lead_ins import ADDRESS, CAN_YOU, WISH, any_of, lead_in
from soma.agent.language.vocabulary.question_words import ENGLISH_WORDS, FRENCH_WORDS, GERMAN_WORDS, SPANISH_WORDS
from soma.agent.language.words import sentences, word_set

LONGEST_REQUEST = 2_000  # characters of a sentence that are looked at
TOKEN = re.compile(r"#?\d+|no\.|[^\W\d_]+(?:['’-][^\W\d_]+)*['’]?")
# A request to forget may also be a permission, and may take something back: "actually, ..."
_LEAD = lead_in(
    ADDRESS,
    CAN_YOU,
    WISH,
    "actually|sorry|(?:should|must|may) you|you (?:can|could|should|must|may)|i need you to",
    "bitte|hallo|und|jetzt|also|(?:kannst|könntest|würdest) du|(?:können|könnten) sie|du (?:kannst|sollst|darfst)",
    "s'il te pla[iî]t|s'il vous pla[iî]t|stp|svp|merci d(?:e|')|(?:peux|pourrais)-tu|(?:pouvez|pourriez)-vous",
    "tu peux|vous pouvez|je veux que tu|je voudrais que (?:tu|vous)",
    "por favor|puedes|podr[ií]as|puede|podr[ií]a|quiero que|quisiera que|hola",
)
_NOT_TO_KEEP = any_of(  # said with what must not be kept: "don't remember this: ..."
    "(?:do not|don['’]t) (?:remember|memori[sz]e)",
    "(?:do not|don['’]t) (?:save|store|keep|note)(?= (?:this|that|it)\\s*:)",
    "merke? dir (?:das|dies|folgendes) (?:bitte )?nicht(?=\\s*:)",
    "(?:speichere?|notiere?) (?:das|dies) (?:bitte )?nicht(?=\\s*:)",
    "ne (?:retiens|mémorise|retenez|mémorisez) pas",
    "no (?:recuerdes|memorices|recuerde)|no (?:guardes|anotes)(?= (?:esto|eso)\\s*:)",
)
_FORGET = (
    any_of(
        "forget(?: about)?|unlearn|stop remembering",
        _NOT_TO_KEEP,
        "vergi(?:ss|ß)t?|vergess(?:e|t)|vergessen(?: sie)?",
        "oublie[sz]?|oublier",
        "olv[ií]da(?:te|r|s)?|olvides?|olviden",
    )
    + r"(?![\w-])(?! (?:pas|not|jamais)\b)(?![^,;:.]{0,80}\b(?:nicht|nie|niemals)\b)"
)
_MEMORY = any_of(
    r"memor(?:y|ies)|remember|notes?(?!\.\w)|facts?|told you|know|knowledge",
    "gedächtnis|erinnerung(?:en)?|notiz(?:en)?",
    "mémoires?|souvenirs?",
    "memorias?|recuerdos?",
)
_PRIVATE = any_of(  # things of the user's own: if they are kept anywhere, it is in memory
    r"my|our|mein\w{0,2}|unser\w{0,2}|mon|ma|mes|notre|nos|mis?|nuestr[oa]s?",
    r"[\w-]*(?:password|passwort|kennwort|passcode|contraseña)|mot de passe",
)
_SAID = (
    r"(?:what (?:i|we)(?: have|'ve)? (?:just )?(?:said|told you|wrote)"
    r"|was ich (?:dir )?(?:gerade |eben )?(?:gesagt|geschrieben|erzählt) habe"
    r"|ce que (?:j['’]ai|je viens de|je t['’]ai) (?:dit|dire|écrit|écrire)"
    r"|lo que (?:acabo de decir|(?:te )?dije|he dicho))"
)
_FILE = r"(?:\w\.[a-z]\w{1,4}\b|\b(?:file|folder|document|datei|ordner|dokument|fichier|dossier|archivo|carpeta)s?\b)"
_ERASING = (
    "delete|erase|remove|wipe|discard|purge|scrub",
    "lösch(?:e|en)?(?: sie)?|entfernen?(?: sie)?|streiche",
    "efface[rz]?|supprime[rz]?",
    "borrar?|borre|eliminar?|elimine",
)
_ERASE = (
    any_of(*_ERASING, "drop|clear")
    + rf"(?![\w-])(?:(?=.{{0,200}}\b{_MEMORY}\b)|(?=.{{0,40}}?\b{_PRIVATE}\b)(?!.{{0,200}}{_FILE})|(?=\W*{_SAID}))"
)
_NAMING = any_of(
    r"(?:the|this|that|these|those|all|every|any|what|my|our|der|die|das|den|dem|diese[nms]?|mein\w{0,2}|unser\w{0,2}"
    r"|le|la|les|ce|cette|ces|mon|ma|mes|el|los|las|es[ea]|est[ea]|mis?)\b",
    r"l['’]|[\w-]+['’]s\b",
)
_ORDERS = re.compile(
    rf"^{_LEAD}{any_of(*_ERASING)}(?!.{{0,200}}{_FILE})(?P<rest>\s+{_NAMING}.*)$", re.IGNORECASE | re.DOTALL
)
_ASKS = re.compile(rf"^{_LEAD}{any_of(_FORGET, _ERASE)}(?P<rest>.*)$", re.IGNORECASE | re.DOTALL)
_ASKS_NOT_TO_KEEP = re.compile(rf"^{_LEAD}{_NOT_TO_KEEP}", re.IGNORECASE)
_ASKS_LAST = re.compile(  # German puts the verb last
    r"^(?:bitte[\s,]+)?(?:(?:kannst|könntest|würdest) du|(?:können|könnten) sie|du (?:kannst|sollst|darfst)) "
    r"(?:bitte )?(?P<rest>(?:(?!\b(?:nicht|nie|niemals)\b).){1,300}?) vergessen(?! \w)",
    re.IGNORECASE | re.DOTALL,
)
_PARTICLE = re.compile(
    r"^[\s,:-]*(?:{}\b[\s,:]*)*".format(
        any_of(
            "please|bitte|s'il te pla[iî]t|s'il vous pla[iî]t|por favor",
            "that|the fact that|what i (?:said|told you)(?: about)?|everything(?: you know)?(?: about)?",
            "anything about|all about|about",
            "(?:the|your|my|all)? ?(?:memor(?:y|ies)|notes?|facts?) (?:that|about|of|on|with)",
            "dass|alles(?: über)?|was ich (?:dir )?(?:über|von)",
            "all(?: of)?(?= (?:my|our|the)\\b)|alle(?= (?:meine|unsere|die)\\b)",
            "tou(?:s|tes)(?= (?:mes|nos|les)\\b)|tod[oa]s(?= (?:mis|nuestr[oa]s|l[oa]s)\\b)",
            "que|tout(?: sur)?|todo(?: sobre)?|lo que",
            r"(?:these|those|the following|diese|folgende[sn]?|ceux-ci|ceci|cela|est[oa]s?)(?: \w+)?(?=\s*:)",
        )
    ),
    re.IGNORECASE,
)
_FROM_MEMORY = re.compile(
    rf"[\s,]*\b(?:from|in|out of|aus|de|dans) (?:(?:your|my|the|deinem|ihrem|dem|ta|votre|tu|su) )?{_MEMORY}\b",
    re.IGNORECASE,
)
_ONLY_SAID = re.compile(rf"{_SAID}\W*(?:to you)?\W*", re.IGNORECASE)
_QUESTION = any_of(
    rf"(?:{ENGLISH_WORDS})(?:['’]s|\s+(?:is|are|was|were|do|does|did|can|could|should|will|would"
    r"|has|have|many|much|long|old|often)\b)",
    rf"(?:{GERMAN_WORDS})\s+(?:ist|sind|war|waren|hat|haben|kann|heißt|lautet|kostet|viel\w*)\b",
    rf"(?:{FRENCH_WORDS})\b|qu['’]est-ce",
    rf"(?:{SPANISH_WORDS}|por qué)\b",
)
_DISMISSED = any_of(
    r"forget (?:about\b[^,?]{1,100}|it|that)",
    "vergiss (?:es|das)",
    "oublie (?:ça|cela)",
    r"olv[ií]da(?:lo| eso|te de\b[^,?]{1,100})",
)
_FIGURE = re.compile(  # of speech: "forget about the weather, what is my PIN?" asks for the PIN
    rf"^{_LEAD}{_DISMISSED}\s*,\s*(?:(?:and|but|und|aber|et|mais|y|pero) )?¿?{_QUESTION}.*\?\W*$",
    re.IGNORECASE | re.DOTALL,
)
_ADDING = re.compile(r"^(?:and|also|plus|und|auch|et|aussi|y|también)\b", re.IGNORECASE)
_POINTING = word_set(
    """it that this them these those please again now too all everything what i you just said told me last one message
    das es dies alles bitte ça cela ceci tout eso esto todo lo le la the my your memory memories note notes"""
)

_ALL = word_set("everything all alles tout todo")
_LAST = word_set("said told last just gesagt dit dijo")


def asks_to_forget(text: str) -> bool:
    """Return whether any sentence of a message asks to forget: such a message must not be remembered."""
    return any(find_request(sentence) is not None for sentence in sentences(text))


def asks_not_to_remember(text: str) -> bool:
    """Return whether a message says what must not be remembered: "don't remember this: ..."."""
    return any(_ASKS_NOT_TO_KEEP.match(sentence[:LONGEST_REQUEST].strip()) for sentence in sentences(text))


def find_what_to_forget(text: str) -> str | None:
    """Return what a message asks to forget: empty if it only points ("forget that"), None if it asks nothing.

    Takes each sentence that asks, the list after a request that ends in a colon, and what is added: "Also the bank."
    """
    asked: list[str] = []
    is_listing = False
    for sentence in sentences(text):
        found = find_request(sentence)
        is_more = is_listing or (bool(asked) and _adds(sentence))
        asked += [found] if found is not None else [sentence] if is_more else []
        is_listing = sentence.endswith(":") if found is not None else is_listing
    return "; ".join(filter(None, asked)) if asked else None


def _adds(sentence: str) -> bool:
    """Return whether a sentence only names one thing more."""
    is_bare = not (may_have_verb(sentence) or is_question(sentence) or is_request(sentence))
    return is_bare and bool(_ADDING.match(sentence))


def names_nothing(text: str) -> bool:
    """Return whether a text only points ("that", "it all"), so that nothing can be found by it."""
    return all(word in _POINTING for word in TOKEN.findall(text.lower()))


def means_all(text: str) -> bool:
    """Return whether a message that only points means everything, not just what was said last."""
    said = frozenset(TOKEN.findall(text.lower()))
    return not said.isdisjoint(_ALL) and said.isdisjoint(_LAST)


def orders_to_forget(text: str) -> bool:
    """Return whether a proposal to forget may answer a message."""
    return asks_to_forget(text) or find_what_to_erase(text) is not None


def find_what_to_erase(text: str) -> str | None:
    """Return what a message orders to erase, in memory or where another tool deletes."""
    for sentence in sentences(text):
        if found := _ORDERS.match(sentence[:LONGEST_REQUEST].strip()):
            return _strip_request(found["rest"]) or None
    return None


def find_request(sentence: str) -> str | None:
    """Return what a sentence asks to forget: empty if it only points, None if it asks nothing."""
    sentence = sentence[:LONGEST_REQUEST].strip()
    found = _ASKS_LAST.match(sentence) or _ASKS.match(sentence)
    return None if found is None or _FIGURE.match(sentence) else _strip_request(found["rest"])


def _strip_request(rest: str) -> str:
    """Return what is to go, without the words around it; empty if they only point."""
    said = rest.strip(" \t\n.,;:!?\"'“”")
    if _ONLY_SAID.fullmatch(said):
        return ""
    bare = _FROM_MEMORY.sub("", _PARTICLE.sub("", said)).strip(" \t\n.,;:!?\"'“”")
    return "" if names_nothing(bare) else bare
