"""Small talk: greetings, thanks, farewells and plain assent, in English, German, French and Spanish. Pure."""

import re
from typing import Literal

from soma.agent.language.words import word_set, words

SmallTalk = Literal["thanks", "goodbye", "greeting", "assent"]

_THANKS = r"thanks?|thank you|thankyou|thx|cheers|danke|dankeschön|vielen dank|merci|gracias"
_GOODBYE = (
    r"bye|goodbye|farewell|good ?night|see (?:you|ya)(?: tomorrow| soon| later)?|later|take care|tschüss|tschau|ciao"
    r"|(?:auf )?wiedersehen|gute nacht|bis (?:bald|später|morgen|dann)|au revoir|à (?:bientôt|demain|plus)"
    r"|bonne (?:nuit|journée)|adi[oó]s|chao|hasta (?:luego|mañana|pronto)"
)
_GREETING = (
    r"hello|hi|hiya|hey|howdy|welcome|good (?:morning|afternoon|evening|day)|morning|evening|hallo|servus|moin"
    r"|grüß gott|guten (?:morgen|tag|abend)|bonjour|bonsoir|salut|coucou|hola|buen[oa]s (?:d[ií]as|tardes|noches)"
)
_ASSENT = (
    r"ok|okay|cool|great|nice|fine|good|well|super|perfect|all ?right|alright|got it|i see|understood"
    r"|alles klar|verstanden|in ordnung|gut|prima|d'accord|parfait|entendu|vale|perfecto|entendido|de acuerdo"
)
_DECLINING = re.compile(r"^(?:no|nope|nah|nein|nee|nö|non)\b")
_DECLINING_IN_JAPANESE = re.compile(
    r"(?:いいえ|いえ|いや)?[、,\s]*(?:結構です|けっこうです|大丈夫です|いいです|ありがとう(?:ございます)?)[。!！]?"
)
_HEADS: dict[SmallTalk, re.Pattern[str]] = {  # the first that a text holds decides its kind
    "thanks": re.compile(rf"\b(?:{_THANKS})\b"),
    "goodbye": re.compile(rf"\b(?:{_GOODBYE})\b"),
    "greeting": re.compile(rf"\b(?:{_GREETING})\b"),
    "assent": re.compile(rf"\b(?:{_ASSENT})\b"),
}
_BESIDE = word_set(
    """soma there again now then so and for your help you all everyone everybody my friend dear a an the lot much very
    many that's that is it was oh ah i day have to night
    und für deine ihre hilfe dir euch sehr schön bestens tausend auch noch einen
    et pour ton votre aide beaucoup bien mille tout le monde à vous toi
    y por tu su ayuda muchas mucho muy bien mil a todos"""
)


def small_talk(text: str) -> SmallTalk | None:
    """Return the kind of small talk that a text is; None if it holds any other word, or asks for something."""
    said = " ".join(words(text))
    kind = next((kind for kind, heads in _HEADS.items() if heads.search(said)), None)
    if _DECLINING_IN_JAPANESE.fullmatch(text.strip()):
        return "thanks" if text.startswith("あ") else "assent"
    if kind is not None and _DECLINING.match(said):  # "no, thanks" is no reason to say "you are welcome"
        kind, said = "assent", _DECLINING.sub("", said)
    if kind is None or (kind != "greeting" and text.rstrip().endswith("?")):
        return None
    for heads in _HEADS.values():
        said = heads.sub(" ", said)
    return kind if _BESIDE.issuperset(said.split()) else None
