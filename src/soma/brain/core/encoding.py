"""States as JSON and as bytes, both exact: floats survive to the last bit."""

import hashlib
import struct
from functools import cache
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints


def plain(value: Any) -> Any:
    """Records as dicts by field name, tuples as lists: what JSON can hold."""
    if hasattr(value, "_fields"):
        return {name: plain(part) for name, part in zip(value._fields, value, strict=True)}
    if isinstance(value, tuple):
        return [plain(part) for part in value]
    return value


def revived(kind: Any, value: Any) -> Any:
    """The inverse of `plain`, led by the type hints of the records."""
    if get_origin(kind) in (UnionType, Union):
        if value is None:
            return None
        (kind,) = (arm for arm in get_args(kind) if arm is not NoneType)
    if get_origin(kind) is tuple:
        item, _ = get_args(kind)
        return tuple(revived(item, part) for part in value)
    if hasattr(kind, "_fields"):
        hints = _hints(kind)
        return kind(*(revived(hints[name], value[name]) for name in kind._fields))
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind):
        raise TypeError(f"expected {kind.__name__}, got {value!r}")
    return value


@cache
def _hints(record: Any) -> dict[str, Any]:
    return get_type_hints(record)


WORTH_KEEPING = 128  # bytes of a part below which it is encoded again as fast as it is found
KEPT = 4_096
_FLOAT, _LENGTH = struct.Struct(">cd"), struct.Struct(">cq")
_kept: dict[int, tuple[Any, bytes]] = {}


def digest(value: Any) -> str:
    """SHA-256 in field order: floats as big-endian IEEE 754, all of it tagged and length-prefixed."""
    return hashlib.sha256(b"".join([_LENGTH.pack(b"t", len(value)), *map(_encoded, value)])).hexdigest()


def _encoded(value: Any) -> bytes:
    if isinstance(value, float):
        return _FLOAT.pack(b"f", value)
    if isinstance(value, tuple):
        return _encoded_tuple(value)
    if isinstance(value, str):
        text = value.encode()
        return _LENGTH.pack(b"s", len(text)) + text
    return b"n" if value is None else _LENGTH.pack(b"i", value)


def _encoded_tuple(value: tuple[Any, ...]) -> bytes:
    """Most of a state is the same object as before: its bytes are kept, and with them the object, so that its id is."""
    known = _kept.get(id(value))
    if known is not None:
        return known[1]
    content = b"".join([_LENGTH.pack(b"t", len(value)), *map(_encoded, value)])
    if len(content) >= WORTH_KEEPING:
        if len(_kept) >= KEPT:
            _kept.clear()
        _kept[id(value)] = value, content
    return content
