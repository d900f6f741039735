"""Question words: all of each language, and those of four languages by what they ask for. Pure."""

import re

# Parts of patterns.
ENGLISH_WORDS = r"what|when|where|which|who|whom|whose|why|how"
GERMAN_WORDS = r"was|wer|wem|wen|wo|wann|wie|warum|wieso|weshalb|woher|wohin|welche[rsmn]?"
FRENCH_WORDS = r"que|quoi|qui|où|quand|comment|combien|pourquoi|quel(?:le)?s?"
SPANISH_WORDS = r"qué|quién(?:es)?|dónde|cuándo|cómo|cuál(?:es)?|cuánt[oa]s?"
WHEN = r"when|wann|quand|cuándo"
WHERE = r"where|wo|où|dónde"
WHO = r"who|whom|whose|wer|wem|qui|quién(?:es)?"
HOW_MANY = r"how (?:many|much|old|long|often|far)|wie viele?|combien|cuánt[oa]s?"

WH = frozenset(ENGLISH_WORDS.split("|"))
_BY_LANGUAGE = {
    language: re.compile(words)
    for language, words in {
        "english": ENGLISH_WORDS,
        "german": GERMAN_WORDS,
        "french": FRENCH_WORDS,
        "spanish": SPANISH_WORDS,
    }.items()
}


def is_question_word(word: str, language: str) -> bool:
    return _BY_LANGUAGE[language].fullmatch(word) is not None
