"""Nested figures as flat ones with dotted names: `recall.learned_loo.macro_r10`."""

from typing import Any


def flatten(result: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in result.items():
        path = f"{prefix}.{name}" if prefix else name
        flat |= flatten(value, path) if isinstance(value, dict) else {path: value}
    return flat
