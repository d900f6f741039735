"""Decoding of text files (pure): UTF-8, UTF-16 or UTF-32 by their mark, else a guess that is named."""

import codecs
import unicodedata
from dataclasses import dataclass

MARKS = (  # of UTF-32 first: its mark begins like that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF8, "utf-8-sig", "UTF-8"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
)
UTF_8 = "UTF-8"
GUESS = "Windows-1252"
IN_TEXT = "\t\n\r\f"  # control characters that text files hold


@dataclass(frozen=True, slots=True)
class DecodedText:
    """A text and its encoding. `is_guess`: nothing in the bytes says which encoding it is."""

    text: str
    encoding: str
    is_guess: bool = False


class NotText(Exception):
    """The bytes are no text in a known encoding; the message says why."""


def read_text(content: bytes) -> DecodedText:
    """Decode the bytes of a file. Raises NotText."""
    read = _decode_any(content)
    if "\x00" in read.text:
        raise NotText("not text: it holds NUL characters; if it is UTF-16, save it with a byte order mark or as UTF-8")
    return read


def _decode_any(content: bytes) -> DecodedText:
    for mark, codec, name in MARKS:
        if content.startswith(mark):
            return DecodedText(_decode(content, codec, name), name)
    try:
        return DecodedText(content.decode(), UTF_8)
    except UnicodeDecodeError as error:
        return _guess(content, error)


def _decode(content: bytes, codec: str, name: str) -> str:
    try:
        return content.decode(codec)
    except UnicodeDecodeError as error:
        raise NotText(f"not text: it begins as {name} and breaks at byte {error.start:,}") from error


def _guess(content: bytes, error: UnicodeDecodeError) -> DecodedText:
    """Decode as Windows-1252, for Windows writes no mark; it has the letters of Latin-1 too."""
    if _is_broken_utf_8(content):
        raise NotText(f"not text: UTF-8 that breaks at byte {error.start:,}") from error
    try:
        text = content.decode("cp1252")
    except UnicodeDecodeError:
        raise NotText("not text in UTF-8, UTF-16 or Windows-1252") from error
    if any(unicodedata.category(char) == "Cc" and char not in IN_TEXT for char in set(text)):
        raise NotText("not text: it holds control characters") from error
    return DecodedText(text, GUESS, is_guess=True)


def _is_broken_utf_8(content: bytes) -> bool:
    """Return whether most of what is not ASCII is UTF-8: then a guess would spoil it all for one broken place."""
    read = content.decode("utf-8", "replace")
    broken = read.count("\N{REPLACEMENT CHARACTER}")
    return sum(char > "\x7f" for char in read) - broken > broken
