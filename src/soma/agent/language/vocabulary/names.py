"""Names, recognised by their capital letters: patterns that differ in where a name may stand. Pure."""

import re

_CAPITALISED = r"\b[A-ZÀ-Ý][a-zß-ÿ]+"
_AMID_SENTENCE = r"(?<![.!?]\s)(?<!^)"  # at a sentence's beginning a capital letter tells nothing
_AMID_LINE = r"(?<![.!?:;]\s)(?<!^)"  # in notes a sentence may also begin after a colon

ABBREVIATION = re.compile(r"\b[A-Z]{2,}\b")
# Amid a sentence; a question also names things by abbreviations.
NAME = re.compile(rf"{_AMID_SENTENCE}{_CAPITALISED}")
NAME_OR_ABBREVIATION = re.compile(rf"{_AMID_SENTENCE}(?:{_CAPITALISED}\b|{ABBREVIATION.pattern})")
# The whole name, amid a line of notes, or at its beginning before what only follows a name there.
NAME_IN_NOTES = re.compile(
    rf"{_AMID_LINE}{_CAPITALISED}[\w'’-]*"
    rf"|{_CAPITALISED}[\w'’-]*(?=[,:;.(]|\s(?:[A-ZÀ-Ý(]|(?:and|is|was|has|does|did|will|may|can)\b|[a-z]+s\b))"
)
