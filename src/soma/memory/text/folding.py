"""One spelling for the same word in Unicode's many, before words are cut, in the index as in questions. Pure.

`fold` unites what is the same for everybody who writes it. `strip_accents` goes further and is only a second way to be
found: letters without their accents.
"""

import re
from functools import cache
from unicodedata import category, combining, normalize

APOSTROPHES = {ord(sign): "'" for sign in "’ʼ＇"}
ARABIC = {ord(letter): "ا" for letter in "أإآٱ"} | {ord("ؤ"): "و", ord("ئ"): "ي", ord("ى"): "ي", ord("ة"): "ه"}
UNREAD = dict.fromkeys(
    [0x0640, 0x034F, 0x20E3, *range(0xFE00, 0xFE10), *range(0x1F3FB, 0x1F400), *range(0xE0100, 0xE01F0)]
)
APART = {ord(sign): f" {sign}" for sign in "¼½¾⅐⅑⅒⅓⅔⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞⅟↉"} | {ord("™"): " ", ord("℠"): " "}  # 1½ is not 11/2
ARABIC_VOWELS = dict.fromkeys([*range(0x0610, 0x061B), *range(0x064B, 0x0660), 0x0670, *range(0x06D6, 0x06DD)])
WITHOUT_ACCENT = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ħ": "h", "ı": "i", "æ": "ae", "œ": "oe", "ð": "d"})
ACCENTS = ((0x0300, 0x036F), (0x0591, 0x05C7), (0x1AB0, 0x1AFF), (0x1DC0, 0x1DFF), (0x20D0, 0x20FF), (0xFE20, 0xFE2F))
ASSIGNED = (*range(0x80, 0x20000), *range(0xE0000, 0xE0200))  # where marks, signs and format characters are


def fold(text: str) -> str:
    """Unify compatible forms, upper and lower case, soft hyphens and other format characters."""
    if text.isascii():
        return text.lower()
    plain = normalize("NFKC", text.translate(APART)).translate(_translation()).casefold().replace("i\u0307", "i")
    return normalize("NFKC", plain).translate(APOSTROPHES)


def strip_accents(word: str) -> str:
    """Return a folded word without accents. Vowel signs of Indic scripts and voicing marks of Kana are none."""
    if word.isascii():
        return word
    letters = normalize("NFD", word)
    kept = "".join(letter for letter in letters if not (combining(letter) and _is_accent(ord(letter))))
    return normalize("NFC", kept).translate(WITHOUT_ACCENT)


def _is_accent(code: int) -> bool:
    return any(first <= code <= last for first, last in ACCENTS)


@cache
def marks() -> str:
    """Return the inside of a regular-expression class: what is drawn over, under or around a letter."""
    return _ranges([code for code in ASSIGNED if category(chr(code)).startswith("M")])


@cache
def signs() -> str:
    """Return the inside of a regular-expression class: emoji, arrows, currencies and other signs outside of ASCII."""
    return _ranges([code for code in ASSIGNED if category(chr(code)).startswith("S")])


@cache
def _translation() -> dict[int, str | None]:
    """Map format characters, Arabic vowels and variants of emoji to nothing, Arabic letters to one spelling each."""
    formats = dict.fromkeys(code for code in (0xAD, *ASSIGNED) if category(chr(code)) == "Cf")
    return {**formats, **UNREAD, **ARABIC_VOWELS, **ARABIC}


def _ranges(codes: list[int]) -> str:
    """Write code points as ranges (`a-cx`) for a class of regular expressions."""
    found: list[list[int]] = []
    for code in codes:
        if found and found[-1][1] == code - 1:
            found[-1][1] = code
        else:
            found.append([code, code])
    return "".join(f"{re.escape(chr(first))}-{re.escape(chr(last))}" for first, last in found)
