"""Nested figures as flat ones with dotted names: `recall.learned_loo.macro_r10`."""

import json
from typing import Any

import click


def flatten(result: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in result.items():
        path = f"{prefix}.{name}" if prefix else name
        flat |= flatten(value, path) if isinstance(value, dict) else {path: value}
    return flat


def show_figures(figures: dict[str, Any], *, as_json: bool) -> None:
    """Print figures as a JSON object, or one a line."""
    if as_json:
        click.echo(json.dumps(figures))
        return
    for name, value in flatten(figures).items():
        click.echo(f"{name:28} {value:,.3f}" if isinstance(value, float) else f"{name:28} {value}")
