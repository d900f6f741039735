"""Readings of a text: as it stands, and with each encoding undone. Pure; linear in the text."""

import base64
import binascii
import codecs
import html
import re
from collections.abc import Callable, Iterator
from unicodedata import category
from urllib.parse import unquote, unquote_plus

from soma.agent.language.hidden import without_hidden

DEPTH = 3  # nested encodings that are undone
MOST = 24  # readings of one text
ALIGNED = 4  # base64 is read in fours: after other letters it begins at one of four offsets
GLUED = 16  # letters; only in longer runs are these offsets tried
SHORTEST = 8  # letters of the shortest run that may encode a text
LONGEST = 200_000  # characters in all readings; beyond that nothing more is decoded

_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{8,}={0,2}")
_BASE32 = re.compile(r"(?<![A-Za-z0-9])[A-Z2-7]{16,}={0,6}")
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2}[ :,-]?){6,}")
_ESCAPE = re.compile(r"[\\%]u\{?([0-9A-Fa-f]{4,6})\}?|\\x([0-9A-Fa-f]{2})|(?:U\+|&#x)([0-9A-Fa-f]{4,6});?")
_OCTAL = re.compile(r"\\([0-3]?[0-7]{2})")
_IN_STYLES = re.compile(r"\\([0-9A-Fa-f]{2,6}) ?")  # escapes of style sheets
_BLANK = re.compile(r"\\[nrtfv]")
_NUMBER = r"(?:0[xob])?[0-9A-Fa-f]{2,8}"
_NUMBERS = re.compile(rf"{_NUMBER}(?:[\s,;:|/._-]{{1,3}}{_NUMBER}){{5,}}")
_BASES = (10, 16, 8, 2)
_LEET = str.maketrans("4310578@$!", "aeiostbasi")
_HAS_LEET = re.compile(r"[^\W\d_][430157@$!8]|[430157@$!8][^\W\d_]")
_QUOTED = re.compile(r"=\r?\n|=([0-9A-F]{2})")
_GLUE = re.compile(r"[/_+-]")
_SPACE = re.compile(r"\s+")
_READABLE = 0.9  # share of printable characters from which decoded bytes are a text


def readings(text: str, *, turned: bool = False) -> list[str]:
    """Return the text, then what it says decoded: percent, HTML and escape codes, base64, base32, hex, character
    numbers.

    `turned` adds each reading backwards, in rot13, and with digits for letters. Texts that are turned either way are
    recognised by turning one of the two.
    """
    text = without_hidden(text)
    found = dict.fromkeys([text])
    layer, spent = [text], len(text)
    for _ in range(DEPTH):
        decoded = (without_hidden(new) for old in layer for new in _decode(old))
        layer = list(dict.fromkeys(new for new in decoded if new and new not in found))
        for new in layer:
            spent += len(new)
            if len(found) < MOST and spent <= LONGEST:
                found[new] = None
    if turned and spent <= LONGEST:
        found |= dict.fromkeys(other for one in list(found) for other in _turn(one))
    return list(found)


def _turn(text: str) -> Iterator[str]:
    yield codecs.encode(text, "rot13")
    yield text[::-1]
    if _HAS_LEET.search(text):
        yield text.translate(_LEET)


def _decode(text: str) -> Iterator[str]:
    if "%" in text:
        yield unquote(text)
    if "+" in text:
        yield unquote_plus(text)
    if "&" in text:
        yield html.unescape(text)
    if "\\" in text or "U+" in text or "%u" in text:
        yield _ESCAPE.sub(_character, text)
    if "\\" in text:
        yield _BLANK.sub(" ", text)
        yield _OCTAL.sub(lambda match: chr(int(match[1], 8)), text)
        yield _IN_STYLES.sub(lambda match: _letter(int(match[1], 16)), text)
    for base in _BASES if _NUMBERS.search(text) else ():
        yield " ".join(_decode_numbers(match.group(), base) for match in _NUMBERS.finditer(text))
    if "=" in text:
        yield unquote(_QUOTED.sub(lambda match: f"%{match[1]}" if match[1] else "", text))
    yield from _decode_bytes(text)


def _decode_bytes(text: str) -> Iterator[str]:
    """Decode runs of base64, base32 and hex, even if broken over lines; each kind yields one text."""
    joined = _SPACE.sub("", text)
    for source in dict.fromkeys([text, joined]):
        for pattern, decode in _CODES:
            runs = [match.group() for match in pattern.finditer(source)]
            yield " ".join(part for run in runs if (part := _text(decode, run)))
        yield "\n".join(part for match in _BASE64.finditer(source) for part in _decode_glued(match.group()))


def _decode_numbers(run: str, base: int) -> str:
    """Return the characters with the numbers in `run`; empty if they are not of this base."""
    digits = (word.lower().removeprefix("0x").removeprefix("0o") for word in re.findall(_NUMBER, run))
    try:
        text = "".join(_letter(int(word, base)) for word in digits)
    except ValueError:
        return ""
    return text if text.isprintable() else ""


def _decode_glued(run: str) -> Iterator[str]:
    """Decode base64 that touches other letters: from each possible beginning, and part by part."""
    begins = [run[offset:] for offset in range(1, ALIGNED)] if len(run) >= GLUED else []
    for one in dict.fromkeys([*begins, *_GLUE.split(run)]):
        if len(one) >= SHORTEST and (text := _text(_base64, one)):
            yield text


def _text(decode: Callable[[str], bytes], run: str) -> str:
    """Return the text that `run` encodes; empty if it encodes none."""
    try:
        decoded = decode(run).decode()
    except (binascii.Error, ValueError):
        return ""
    seen = sum(character.isprintable() or character.isspace() or category(character) == "Cf" for character in decoded)
    return decoded if len(decoded) >= SHORTEST / 2 and seen >= _READABLE * len(decoded) else ""


def _base64(run: str) -> bytes:
    plain = run.rstrip("=").translate(str.maketrans("-_", "+/"))
    plain = plain[: len(plain) - (len(plain) % 4 == 1)]
    return base64.b64decode(plain + "=" * (-len(plain) % 4))


def _base32(run: str) -> bytes:
    plain = run.rstrip("=")
    return base64.b32decode(plain + "=" * (-len(plain) % 8))


def _hex(run: str) -> bytes:
    return bytes.fromhex(re.sub(r"[ :,-]", "", run))


def _character(match: re.Match[str]) -> str:
    return _letter(int(match[1] or match[2] or match[3], 16))


def _letter(number: int) -> str:
    return chr(number) if number <= 0x10FFFF and not 0xD800 <= number <= 0xDFFF else ""


_CODES = ((_BASE64, _base64), (_BASE32, _base32), (_HEX, _hex))
