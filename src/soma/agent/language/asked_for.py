"""Kinds of what a question asks for (a time, a place, a number, a person), and texts that may answer it. Pure."""

import re
from typing import Literal

from soma.agent.language.vocabulary.calendar_words import ANY_DAY, ANY_MONTH
from soma.agent.language.vocabulary.lead_ins import any_of
from soma.agent.language.vocabulary.question_words import HOW_MANY, WHEN, WHERE, WHO

Asked = Literal["time", "number", "place", "person", "other"]

_ASKS: tuple[tuple[Asked, re.Pattern[str]], ...] = (
    (
        "time",
        re.compile(
            rf"\b(?:{WHEN}|(?:what|which) (?:date|day|month|year|time)"
            r"|(?:welche[nmrs]?|um wie ?viel) (?:tag|datum|uhr\w*)"
            r"|(?:quel|à quelle) (?:jour|date|heure)|(?:qué|a qué) (?:día|fecha|hora))\b"
            r"|いつ|何時|何日|何曜日|何月|何年",
            re.IGNORECASE,
        ),
    ),
    ("number", re.compile(rf"\b(?:{HOW_MANY}|what (?:number|age))\b|いくつ|いくら|何[人個本枚台番回]", re.IGNORECASE)),
    (
        "place",
        re.compile(
            rf"\b(?:{WHERE}|woher|wohin|(?:what|which) (?:city|country|place|town|state))\b|どこ|何処", re.IGNORECASE
        ),
    ),
    ("person", re.compile(rf"\b(?:{WHO})\b|誰|だれ|どなた", re.IGNORECASE)),
)
_NUMBER_WORDS = any_of(
    "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|(?:thir|four|fif|six|seven|eigh|nine)teen|twenty",
    "thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|thousand|dozen|half|both|none",
    "eins|zwei|drei|vier|fünf|sechs|sieben|acht|neun|zehn|elf|zwölf|zwanzig|dreißig|hundert|tausend|halb|beide|keine[rns]?",
    "deux|trois|quatre|cinq|sept|huit|neuf|dix|onze|douze|quinze|vingt|trente|cent|mille|aucune?",
    "dos|tres|cuatro|cinco|seis|siete|ocho|nueve|diez|once|doce|veinte|treinta|cien|mil|ningun[oa]",
)
_TIME_WORDS = any_of(
    ANY_DAY,
    rf"(?:{ANY_MONTH})\w{{0,7}}",
    "noon|midday|midnight|today|tonight|tomorrow|yesterday|morning|afternoon|evening|night|weekend|weeks?|months?|years?",
    "days?|spring|summer|autumn|winter|easter|christmas|before|after|until|since|during|never|always",
    r"heute|morgens?|gestern|übermorgen|mittags?|mitternacht|abends?|nachts?|frühling|sommer|herbst|ostern|weihnachten"
    r"|vor|nach|bis|seit|während|wochen?|monate?n?|jahre?n?|uhr",
    r"aujourd['’]hui|demain|hier|midi|minuit|matin|soir|nuit|printemps|été|automne|hiver|pâques|noël|avant|après"
    r"|jusqu\w*|depuis|semaines?|mois|ans?",
    "hoy|mañana|ayer|mediodía|medianoche|tarde|noche|primavera|verano|otoño|invierno|antes|después|hasta|desde|semanas?"
    "|mes(?:es)?|años?",
)
_PREPOSITIONS = any_of(
    "in|at|on|near|under|behind|above|below|beside|between|next|inside|outside|by|from|to|with|through|past|over|via",
    "im|am|an|auf|unter|hinter|neben|bei|beim|zum|zur|zu|nach|aus|vom|von|mit|über|gegenüber",
    "à|au|aux|en|dans|sur|sous|chez|derrière|devant|près|par|de|du|depuis|avec",
    "sobre|bajo|detrás|delante|cerca|junto|al|del|con|por|desde|a",
)
_ARTICLES = any_of(
    "the|a|an|my|our|your|his|her|their",
    "der|die|das|den|dem|ein|eine[rmn]?|mein\\w*|unser\\w*|sein\\w*|ihr\\w*",
    r"le|la|les|un|une|mon|ma|mes|notre|nos|son|sa|ses|l['’]\w+",
    "el|los|las|una|mis?|nuestr[oa]s?|sus?",
)
_IN_JAPANESE = {
    "time": re.compile(r"[時分日月年曜週朝昼夜春夏秋冬]|明日|昨日|今日|毎"),
    "number": re.compile(r"[一二三四五六七八九十百千万半]"),
}
_NUMBER = re.compile(rf"\d|\b{_NUMBER_WORDS}\b", re.IGNORECASE)
_TIME = re.compile(rf"\d|\b(?:{_TIME_WORDS}|{_NUMBER_WORDS})\b", re.IGNORECASE)
_PLACE = re.compile(rf"\b{_PREPOSITIONS}\b", re.IGNORECASE)
_PHRASE = re.compile(rf"\W*(?:{_PREPOSITIONS}|{_ARTICLES})\b\s+\S", re.IGNORECASE)
_UNCASED = re.compile("[\u3040-\u30ff\u3400-\u9fff]")  # a script without capitals
_CAPITAL = re.compile(r"(?<![.!?]\s)(?<!^)\b[A-ZÀ-Ý0-9]\w+")


def asked_for(question: str) -> Asked:
    return next((asked for asked, pattern in _ASKS if pattern.search(question)), "other")


def may_answer(question: str, text: str) -> bool:
    """Return whether a text has what the question asks for: a time, a number, a place, a name; else anything."""
    asked = asked_for(question)
    japanese = _IN_JAPANESE.get(asked)
    if japanese is not None and japanese.search(text):
        return True
    match asked:
        case "time":
            return _TIME.search(text) is not None
        case "number":
            return _NUMBER.search(text) is not None
        case "place":
            return _PLACE.search(text) is not None or names_something(text)
        case "person":
            return begins_a_phrase(text) or names_something(text)
        case _:
            return True


def names_something(text: str) -> bool:
    """Return whether a text holds a number, or a capital letter that does not only begin a sentence."""
    return _CAPITAL.search(text) is not None or any(map(str.isdigit, text)) or _UNCASED.search(text) is not None


def begins_a_phrase(text: str) -> bool:
    """Return whether a text begins with a preposition or an article: "by ferry", "the blue one"."""
    return _PHRASE.match(text) is not None


def is_number(text: str) -> bool:
    return _NUMBER.search(text) is not None
