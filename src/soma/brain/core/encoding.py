"""States as JSON, exact: floats survive to the last bit."""

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
