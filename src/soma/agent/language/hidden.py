"""Characters that people cannot see: removed from any text that a model will read. Pure."""

import re

# A pictograph may carry one style mark and one skin tone, and be joined to others: a family, a flag, a keycap.
_PICTOGRAPH = (
    "[\u00a9\u00ae\u203c\u2049\u2122\u2139\u2190-\u21ff\u2300-\u23ff\u24c2\u25a0-\u27bf\u2900-\u297f\u2b00-\u2bff"
    "\u3030\u303d\u3297\u3299\U0001f000-\U0001faff](?:[\ufe0e\ufe0f]|[\U0001f3fb-\U0001f3ff])?"
)
_EMOJI = f"{_PICTOGRAPH}(?:\u200d{_PICTOGRAPH})*"
_KEYCAP = "[0-9#*]\ufe0f?\u20e3"
# The only flags that are spelled in tags: England, Scotland, Wales. Any other run of tags is hidden text.
_TAGGED_FLAG = "\U0001f3f4(?:{})\U000e007f".format(
    "|".join("".join(chr(0xE0000 + ord(letter)) for letter in region) for region in ("gbeng", "gbsct", "gbwls"))
)
# One joiner behind a letter of a script that needs it (Arabic, the scripts of India, Tibetan, Burmese, Khmer), one
# variation behind a Mongolian letter.
_JOINER = (
    "(?<=[\u0620-\u08ff\u0900-\u0dff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff])[\u200c\u200d]"
    "|(?<=[\u1820-\u18af])[\u180b-\u180f]"
)
# Control, half, direction, width-less, filler, variation and tag characters, and numbers that never are characters.
_HIDDEN = (
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff\ufdd0-\ufdef\ufffe\uffff"
    f"{''.join(chr((plane << 16) + last) for plane in range(1, 17) for last in (0xFFFE, 0xFFFF))}]"
)
_DRAWN_EMPTY = dict.fromkeys((0x2800, 0x1D159))  # a braille cell without dots, a note without a head
_SEEN_OR_HIDDEN = re.compile(f"({_TAGGED_FLAG}|{_EMOJI}|{_KEYCAP}|{_JOINER})|{_HIDDEN}")


def without_hidden(text: str) -> str:
    """Return the visible text, with line ends, tabs and whole emoji."""
    return text if text.isascii() and text.isprintable() else _SEEN_OR_HIDDEN.sub(_keep_visible, text)


def is_blank(text: str) -> bool:
    """Return whether nothing of a text can be seen: it has only blanks and characters that draw nothing."""
    return not without_hidden(text).translate(_DRAWN_EMPTY).strip()


def _keep_visible(match: re.Match[str]) -> str:
    return match[1] or ""
