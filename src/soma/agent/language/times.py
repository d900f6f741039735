"""Times in a sentence that are no full date: of the clock, days of the week, months, how often. Pure.

English, German, French and Spanish.
"""

import re

from soma.agent.language.vocabulary.calendar_words import ANY_DAY, MONTH_NAMES

_NUMBER = (
    "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|eins?|zwei|drei|vier|fünf|sechs|sieben|acht|neun|zehn"
    "|elf|zwölf|deux|trois|quatre|cinq|sept|huit|neuf|dix|onze|una|dos|tres|cuatro|cinco|seis|siete|ocho|nueve|diez|once"
    "|doce"
)
_CLOCK = (
    r"\d{1,2}:\d{2}(?::\d{2})?(?:\s*(?:[ap]\.?m\.?|uhr|utc|gmt))?|\d{1,2}\s?h\s?\d{2}|\d{1,2}\.\d{2}\s+uhr"
    r"|\d{1,2}\s*(?:[ap]\.?m\b\.?|o['’]clock|uhr|heures?)|\d{1,2}\s?h(?![\w/])"
    rf"|(?:{_NUMBER})\s+(?:o['’]clock|uhr|heures?)|(?:half|quarter)\s+(?:past|to)\s+(?:\d{{1,2}}|{_NUMBER})"
    rf"|(?:halb|viertel (?:vor|nach))\s+(?:\d{{1,2}}|{_NUMBER})|las\s+(?:\d{{1,2}}|{_NUMBER})"
    r"|noon|midnight|mittags?|mitternacht|midi|minuit|mediodía|medianoche"
)
_BEFORE = (
    r"(?:at|around|about|by|from|until|till|before|after|since|on|every|each|um|gegen|ab|bis|vor|nach|seit|am|jeden|jede"
    r"|à|vers|dès|depuis|avant|après|jusqu['’]à|chaque|le|a|desde|hasta|antes de|cada|los|el)\s+"
)
_PERIOD = (
    r"(?:in|since|from|until|till|by|every|im|seit|ab|bis|en|depuis|dès|jusqu['’]en|desde|hasta)\s+"
    r"(?:mid-|early |late |anfang |mitte |ende )?"
)
_OFTEN = (
    r"(?:every|each)\s+(?:(?:\w+|\d+)\s+)?(?:minute|hour|day|night|morning|evening|week|month|year)s?"
    r"|daily|weekly|monthly|yearly"
    r"|täglich|wöchentlich|monatlich|jährlich|jeden\s+(?:tag|morgen|abend|monat)|jede\s+(?:woche|stunde)|jedes\s+jahr"
    r"|(?:tous|toutes) les (?:jours|semaines|mois|ans|matins|soirs|heures)|chaque (?:jour|semaine|mois|année|heure)"
    r"|(?:todos|todas) (?:los|las) (?:días|semanas|meses|años)|cada (?:día|semana|mes|año|hora)"
)
_DAY_OF_MONTH = rf"(?:\d{{1,2}}(?:st|nd|rd|th|er|\.)?\s+(?:of\s+|de\s+)?)?(?:{MONTH_NAMES})(?:\s+(?:de\s+)?\d{{4}})?"
_TIME = re.compile(
    rf"\b(?:{_PERIOD}(?:{_DAY_OF_MONTH}|(?:19|20)\d\d)|(?:{_BEFORE})?\d{{1,2}}(?:\.|er)?\s+(?:de\s+)?(?:{MONTH_NAMES})"
    rf"(?:\s+(?:de\s+)?\d{{4}})?|{_OFTEN}|(?:{_BEFORE})?(?:(?:{ANY_DAY})s?(?:\s+(?:at|um|à|a)\s+(?:{_CLOCK}))?|{_CLOCK}))"
    r"(?![\w/])",
    re.IGNORECASE,
)


def find_time(text: str) -> str | None:
    """Return the first phrase of a text that says at what time, on which day or how often; None if it has none."""
    found = _TIME.search(text)
    return " ".join(found[0].split()) if found else None
