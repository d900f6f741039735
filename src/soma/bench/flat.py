"""Nested figures under dotted names: `recall.learned_loo.macro_r10`."""

from typing import Any


def flattened(result: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in result.items():
        path = f"{prefix}.{name}" if prefix else name
        flat |= flattened(value, path) if isinstance(value, dict) else {path: value}
    return flat
