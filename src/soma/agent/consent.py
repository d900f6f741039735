"""Requests to forget, and a plain yes to a question, in messages. Pure; English, German, French, Spanish.

Both are read from the user's own words: what a model says that the user wants decides nothing.
"""

import re
from dataclasses import dataclass

from soma.agent.speech import sentences, word_set

LONGEST_CONSENT = 200  # characters: who says yes says little
LONGEST_REQUEST = 2_000  # characters of a sentence that are looked at


def _either(*alternatives: str) -> str:
    return f"(?:{'|'.join(alternatives)})"


_LEAD = "(?:{}\\b[\\s,:!]*)*".format(
    _either(
        "please|kindly|now|also|and|then|ok(?:ay)?|so|hey|hi|hello|soma|just|actually|let'?s|sorry",
        "(?:can|could|would|will|should|must|may) you|you (?:can|could|should|must|may)",
        "i(?:'d| would) like you to|i want you to|i need you to",
        "bitte|hallo|und|jetzt|also|(?:kannst|könntest|würdest) du|(?:können|könnten) sie|du (?:kannst|sollst|darfst)",
        "s'il te pla[iî]t|s'il vous pla[iî]t|stp|svp|merci d(?:e|')|(?:peux|pourrais)-tu|(?:pouvez|pourriez)-vous",
        "tu peux|vous pouvez|je veux que tu|je voudrais que (?:tu|vous)",
        "por favor|puedes|podr[ií]as|puede|podr[ií]a|quiero que|quisiera que|hola",
    )
)
_FORGET = (
    _either(
        "forget(?: about)?|unlearn|stop remembering|(?:do not|don['’]t) remember",
        "vergi(?:ss|ß)t?|vergess(?:e|t)|vergessen(?: sie)?",
        "oublie[sz]?|oublier",
        "olv[ií]da(?:te|r|s)?|olvides?|olviden",
    )
    + r"(?![\w-])(?! (?:pas|not|jamais)\b)(?![^,;:.]{0,80}\b(?:nicht|nie|niemals)\b)"
)
_MEMORY = _either(
    r"memor(?:y|ies)|remember|notes?(?!\.\w)|facts?|told you|know|knowledge",
    "gedächtnis|erinnerung(?:en)?|notiz(?:en)?",
    "mémoires?|souvenirs?",
    "memorias?|recuerdos?",
)
_PRIVATE = _either(  # what is nobody's but the user's: it lies in memory if anywhere
    r"my|our|mein\w{0,2}|unser\w{0,2}|mon|ma|mes|notre|nos|mis?|nuestr[oa]s?",
    r"[\w-]*(?:password|passwort|kennwort|passcode|contraseña)|mot de passe",
)
_FILE = r"(?:\w\.[a-z]\w{1,4}\b|\b(?:file|folder|document|datei|ordner|dokument|fichier|dossier|archivo|carpeta)s?\b)"
_ERASE = (
    _either(
        "delete|erase|remove|wipe|drop|discard|purge|scrub|clear",
        "lösch(?:e|en)?(?: sie)?|entfernen?(?: sie)?|streiche",
        "efface[rz]?|supprime[rz]?",
        "borrar?|borre|eliminar?|elimine",
    )
    + rf"(?![\w-])(?:(?=.{{0,200}}\b{_MEMORY}\b)|(?=.{{0,40}}?\b{_PRIVATE}\b)(?!.{{0,200}}{_FILE}))"
)
_ASKS = re.compile(rf"^{_LEAD}{_either(_FORGET, _ERASE)}(?P<rest>.*)$", re.IGNORECASE | re.DOTALL)
_ASKS_LAST = re.compile(  # German puts the verb last
    r"^(?:bitte[\s,]+)?(?:(?:kannst|könntest|würdest) du|(?:können|könnten) sie|du (?:kannst|sollst|darfst)) "
    r"(?:bitte )?(?P<rest>(?:(?!\b(?:nicht|nie|niemals)\b).){1,300}?) vergessen(?! \w)",
    re.IGNORECASE | re.DOTALL,
)
_PARTICLE = re.compile(
    r"^[\s,:-]*(?:{}\b[\s,:]*)*".format(
        _either(
            "please|bitte|s'il te pla[iî]t|s'il vous pla[iî]t|por favor",
            "that|the fact that|what i (?:said|told you)(?: about)?|everything(?: you know)?(?: about)?",
            "anything about|all about|about",
            "(?:the|your|my|all)? ?(?:memor(?:y|ies)|notes?|facts?) (?:that|about|of|on|with)",
            "dass|alles(?: über)?|was ich (?:dir )?(?:über|von)",
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
_POINTING = word_set(
    """it that this them these those please again now too all everything what i you just said told me last one message
    das es dies alles bitte ça cela ceci tout eso esto todo lo le la the my your memory memories note notes"""
)

_ALL = word_set("everything all alles tout todo")
_LAST = word_set("said told last just gesagt dit dijo")

_YES = word_set(
    """yes yeah yep yup sure ok okay absolutely definitely correct right confirm confirmed agreed affirmative y
    ja jawohl klar genau sicher gerne natürlich einverstanden
    oui ouais volontiers
    sí si claro vale dale adelante correcto"""
)
_YES_PHRASES = (
    "go ahead", "do it", "do so", "please do", "of course", "mach das", "mach es", "in ordnung", "d'accord", "vas-y",
    "allez-y", "bien sûr", "por supuesto", "de acuerdo", "hazlo",
)  # fmt: skip
_FILLER = word_set(
    """please do so it that this these those them all both everything of the one ones number numbers no. only just and
    forget delete erase remove memory memories thanks thank you i am i'm want to
    bitte das die den es alle alles beide nur und vergiss lösche nummer danke
    stp svp les la le l' tout tous toutes deux seulement et oublie efface numéro merci
    por favor lo los las el todo todos todas ambos ambas solo sólo y olvida bórralo bórralos
    olvídalo olvídalos gracias"""
)
_ORDINALS = {
    word: number
    for number, words in enumerate(
        (
            "first one erste ersten erstes premier première primero primera",
            "second two zweite zweiten zweites deuxième segundo segunda",
            "third three dritte dritten drittes troisième tercero tercera",
            "fourth four vierte vierten quatrième cuarto cuarta",
            "fifth five fünfte fünften cinquième quinto quinta",
        ),
        1,
    )
    for word in words.split()
    if word != "one"
}
_HEDGE = re.compile(
    r"\b(?:no|not|never|wait|but|except|instead|keep|don'?t|nein|nicht|kein\w*|aber|außer|ausser|non|pas|mais|sauf|pero"
    r"|salvo|nunca)\b(?!\.)"
)
_TOKEN = re.compile(r"#?\d+|no\.|[^\W\d_]+(?:['’-][^\W\d_]+)*['’]?")


@dataclass(frozen=True, slots=True)
class Consent:
    """A yes to the things of these `numbers`, counted from 1, or to all where there are none.

    `about` is what the yes repeats: "yes, forget the password".
    """

    numbers: tuple[int, ...] = ()
    about: str = ""


def asks_to_forget(text: str) -> bool:
    """Whether any sentence of a message is a request to forget: then the message must not be remembered."""
    return any(_asked(sentence) is not None for sentence in sentences(text))


def to_forget(text: str) -> str | None:
    """Find what a message asks to forget, sentence by sentence, and in the list after a request that ends in a colon.

    Empty where it only points ("forget that"), None where it asks nothing.
    """
    asked: list[str] = []
    is_listing = False
    for sentence in sentences(text):
        found = _asked(sentence)
        asked += [found] if found is not None else [sentence] if is_listing else []
        is_listing = sentence.endswith(":") if found is not None else is_listing
    return "; ".join(filter(None, asked)) if asked else None


def names_nothing(text: str) -> bool:
    """Whether a text only points, so that nothing can be found by it."""
    return all(word in _POINTING for word in _TOKEN.findall(text.lower()))


def means_all(text: str) -> bool:
    """Whether a message that only points means whatever is remembered, not what was said last."""
    said = frozenset(_TOKEN.findall(text.lower()))
    return not said.isdisjoint(_ALL) and said.isdisjoint(_LAST)


def consent_in(text: str) -> Consent | None:
    """Read a plain yes; None for a message with any word that is neither a yes, a number nor a filler.

    A yes may also stand before the request to forget that it repeats.
    """
    said = " ".join(text.lower().replace("’", "'").split())
    if not said or len(said) > LONGEST_CONSENT or "?" in said or _HEDGE.search(said):
        return None
    phrase = next((phrase for phrase in _YES_PHRASES if phrase in said), "")
    tokens = _TOKEN.findall(said.replace(phrase, " ", 1) if phrase else said)
    first, rest = said.partition(" ")[::2]
    if first.strip(",.!") in _YES and (about := _asked(rest.lstrip(",.! "))) is not None:
        return Consent(about=about)
    numbers = [_number(token) for token in tokens]
    others = [token for token, number in zip(tokens, numbers, strict=True) if not number]
    if any(token not in _YES and token not in _FILLER for token in others):
        return None
    chosen = tuple(dict.fromkeys(number for number in numbers if number))
    is_yes = bool(phrase or chosen or any(token in _YES for token in others))
    return Consent(chosen) if is_yes else None


def _number(token: str) -> int:
    """The number that a token says; 0 where it says none."""
    digits = token.lstrip("#")
    return int(digits) if digits.isdecimal() else _ORDINALS.get(token, 0)


def _asked(sentence: str) -> str | None:
    sentence = sentence[:LONGEST_REQUEST].strip()
    found = _ASKS_LAST.match(sentence) or _ASKS.match(sentence)
    if found is None:
        return None
    rest = _FROM_MEMORY.sub("", _PARTICLE.sub("", found["rest"])).strip(" \t\n.,;:!?\"'“”")
    return "" if names_nothing(rest) else rest
