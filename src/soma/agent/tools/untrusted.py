"""Text from outside: cleaned before it is shown, and found again when it comes back as an argument. Pure."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

SPAN_WORDS = 4
TELLING_WORD = 12
KEPT = frozenset("\n\t")
# Bidirectional overrides, zero-width characters and tag characters hide instructions from people.
HIDDEN = re.compile("[\u200b\u2060\ufeff\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]")


def clean(text: str, limit: int) -> str:
    """Without control, hidden and half characters, and at most `limit` long."""
    visible = "".join(c for c in HIDDEN.sub("", text) if c in KEPT or unicodedata.category(c) not in ("Cc", "Cs"))
    if len(visible) <= limit:
        return visible
    note = f"\n[cut: {len(visible):,} characters in all]"
    return visible[: max(0, limit - len(note))] + note


def tainted(arguments: Mapping[str, Any], untrusted: Iterable[str], trusted: str = "") -> tuple[str, ...]:
    """Names of the arguments that carry text of `untrusted` which the user did not write (`trusted`)."""
    sources = [_normal(text) for text in untrusted]
    own = _normal(trusted)
    return tuple(name for name, value in arguments.items() if any(_carries(s, sources, own) for s in _texts(value)))


def _carries(text: str, sources: list[str], own: str) -> bool:
    spans = [span for span in _spans(_normal(text)) if f" {span} " not in f" {own} "]
    return any(f" {span} " in f" {source} " for span in spans for source in sources)


def _spans(text: str) -> list[str]:
    """The whole, every run of words long enough to be no accident, and every long word (an address, a key)."""
    words = text.split()
    runs = [" ".join(words[at : at + SPAN_WORDS]) for at in range(len(words) - SPAN_WORDS + 1)]
    telling = [word for word in words if len(word) >= TELLING_WORD]
    return [span for span in (text, *runs, *telling) if span]


def _normal(text: str) -> str:
    return " ".join(re.findall(r"[^\s\"'`,;()\[\]<>{}]+", text.casefold()))


def _texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case Mapping():
            for key, inner in value.items():
                yield from _texts(key)
                yield from _texts(inner)
        case list() | tuple():
            for inner in value:
                yield from _texts(inner)
        case int() | float() if not isinstance(value, bool):
            yield str(value)
