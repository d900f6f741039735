"""Checks of input before anything is written: each raises MemoryRefused with the field that is to blame."""

import json
import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, get_args

from soma.memory.errors import (
    BadMetadata,
    BadName,
    BadText,
    BadTime,
    EmptyText,
    MemoryRefused,
    NotANumber,
    OutOfRange,
    TextTooLong,
    TooManyItems,
)
from soma.memory.relations import CARRIES, MADE
from soma.memory.text.moments import moment_of
from soma.memory.types import Kind, NewLink, NewMemory, Query, Scope

ITEMS = 1_000  # a call
TEXT_BYTES = 64 * 1024
METADATA_BYTES = 16 * 1024
KEY_LENGTH = 512
LINKS = 64  # an item
TOP_K = 1_000
UNSEEN = ("Cc", "Cf", "Zl", "Zp", "Zs")  # categories of Unicode
BLANK = "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\ufe0e\ufe0f"  # marks and letters that draw nothing
RESERVED = ("synthesised", "consolidation", "sources")  # say of a memory that, by which and from what it was made
ROLE = "role"  # in which a message of a conversation was said
NAMESPACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


def items(new: Sequence[NewMemory], *, are_messages: bool = False) -> None:
    if len(new) > ITEMS:
        raise TooManyItems(f"must be at most {ITEMS:,} items a call, not {len(new):,}", field="items")
    for number, item in enumerate(new):
        one_item(item, f"items[{number}]", is_message=are_messages)


def one_item(item: NewMemory, field: str, *, is_message: bool = False) -> None:
    text(item.text, f"{field}.text")
    if item.key is not None:
        key(item.key, f"{field}.key")
    one_of(item.kind, get_args(Kind), f"{field}.kind")
    one_of(item.scope, get_args(Scope), f"{field}.scope")
    number(item.importance, f"{field}.importance", low=0, high=1)
    metadata(item.metadata, f"{field}.metadata", is_message=is_message and item.scope == "user")
    if item.occurred_at is not None:
        moment(item.occurred_at, f"{field}.occurred_at")
    if item.conversation_id is not None:
        key(item.conversation_id, f"{field}.conversation_id")
    if len(item.derived_from) > LINKS:
        raise TooManyItems(
            f"must be at most {LINKS} sources an item, not {len(item.derived_from)}", field=f"{field}.derived_from"
        )
    if len(item.links) > LINKS:
        raise TooManyItems(f"must be at most {LINKS} links an item, not {len(item.links)}", field=f"{field}.links")
    for place, link in enumerate(item.links):
        new_link(link, f"{field}.links[{place}].")


def new_link(link: NewLink, inside: str = "") -> None:
    """Check a link; `inside` comes before the names of its fields."""
    key(link.to_key, f"{inside}to_key")
    key(link.relation, f"{inside}relation")
    if link.relation in MADE or link.relation == CARRIES:
        raise BadName(f"{link.relation!r} is reserved for Soma itself; choose another", field=f"{inside}relation")
    number(link.weight, f"{inside}weight", low=0, high=1)
    if link.weight == 0:
        raise OutOfRange("must be greater than 0", field=f"{inside}weight")


def query(value: Query) -> None:
    text(value.text, "query")
    if not 1 <= value.top_k <= TOP_K:
        raise OutOfRange(f"must be between 1 and {TOP_K}", field="top_k")
    number(value.half_life_days, "half_life_days", low=1e-6, high=1e6)
    namespace(value.namespace)
    if value.at is not None:
        moment(value.at, "at")


def not_empty(value: str, field: str) -> None:
    """Refuse text that shows nothing: spaces, control characters, characters without width."""
    if _shows_nothing(value):
        raise EmptyText(field=field)


def text(value: str, field: str) -> None:
    not_empty(value, field)
    if (size := len(value.encode("utf-8", "surrogatepass"))) > TEXT_BYTES:
        raise TextTooLong(f"must be at most {TEXT_BYTES:,} bytes, not {size:,}; import it as a document", field=field)
    storable(value, field)


def key(value: str, field: str) -> None:
    if not value or len(value) > KEY_LENGTH:
        raise BadName(f"must have 1 to {KEY_LENGTH} characters", field=field)
    storable(value, field, BadName)
    if _shows_nothing(value):
        raise BadName("must not be blank", field=field)
    if any(unicodedata.category(char) == "Cc" for char in value):
        raise BadName("must not contain control characters such as line ends", field=field)


def namespace(value: str) -> None:
    if not NAMESPACE.fullmatch(value):
        raise BadName(
            "must be at most 128 letters, digits, dots, dashes and underscores, the first a letter or digit",
            field="namespace",
        )


def number(value: float, field: str, *, low: float, high: float) -> None:
    if not math.isfinite(value):
        raise NotANumber(field=field)
    if not low <= value <= high:
        raise OutOfRange(f"must be between {low:g} and {high:g}, not {value:g}", field=field)


def moment(value: str | float, field: str = "at") -> datetime:
    """Parse a moment as aware UTC; without a zone it is UTC."""
    try:
        return moment_of(value)
    except (ValueError, OverflowError):
        raise BadTime(f"must be an ISO 8601 moment, not {str(value)[:40]!r}", field=field) from None


def metadata(value: Mapping[str, Any], field: str, *, is_message: bool = False) -> None:
    """Check metadata that people give. Consolidation marks its own by the reserved names and does not ask here."""
    metadata_text(value, field)
    for name in RESERVED:
        if name in value:
            raise BadMetadata("reserved for consolidation; choose another name", field=f"{field}.{name}")
    if ROLE in value and not is_message:
        raise BadMetadata("reserved for messages of a conversation; choose another name", field=f"{field}.{ROLE}")


def metadata_text(value: Mapping[str, Any], field: str = "metadata") -> str:
    """Return the canonical JSON of `value`."""
    try:
        encoded = json.dumps(dict(value), allow_nan=False, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    except (TypeError, RecursionError):
        raise BadMetadata("must be a JSON object of plain values", field=field) from None
    except ValueError:
        raise NotANumber(field=field) from None
    if len(encoded.encode("utf-8", "surrogatepass")) > METADATA_BYTES:
        raise BadMetadata(f"must be at most {METADATA_BYTES:,} bytes", field=field)
    storable(encoded, field)
    return encoded


def one_of(value: str, allowed: Sequence[str], field: str) -> None:
    if value not in allowed:
        raise BadName(f"must be one of {', '.join(allowed)}, not {value!r}", field=field)


def _shows_nothing(value: str) -> bool:
    """Return whether all of it is blank, draws nothing, or is a code point that never is a character."""
    return all(
        unicodedata.category(char) in UNSEEN or char in BLANK or _is_no_character(ord(char)) for char in set(value)
    )


def _is_no_character(number: int) -> bool:
    return number & 0xFFFE == 0xFFFE or 0xFDD0 <= number <= 0xFDEF


def storable(value: str, field: str, refusal: type[MemoryRefused] = BadText) -> None:
    """Refuse lone surrogates, which have no UTF-8, and NUL, which PostgreSQL does not store."""
    if "\0" in value or not _encodable(value):
        raise refusal("text must be valid Unicode without NUL", field=field)


def _encodable(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
