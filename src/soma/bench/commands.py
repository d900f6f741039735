"""The commands: `soma bench recall`, `soma bench memory`."""

import json
import os
from pathlib import Path
from typing import Any

import click
from rich.console import Console

DATA = Path("../shared/data")


def flattened(result: dict[str, Any], prefix: str) -> dict[str, Any]:
    """Nested figures under dotted names: `recall.learned_loo.macro_r10`."""
    flat: dict[str, Any] = {}
    for name, value in result.items():
        path = f"{prefix}.{name}"
        flat |= flattened(value, path) if isinstance(value, dict) else {path: value}
    return flat


@click.group()
def bench() -> None:
    """Measure recall, memory and learning."""


@bench.command()
@click.option("--data", type=click.Path(path_type=Path), help="Folder that holds locomo/; else SOMA_TEST_DATA.")
@click.option("--json", "as_json", is_flag=True, help="Figures by dotted name instead of tables.")
def recall(data: Path | None, *, as_json: bool) -> None:
    """How often what was asked for is found (LoCoMo, turn level, no judge)."""
    from soma.bench import recall as figures  # noqa: PLC0415 - numpy and the model load only for whom they serve

    folder = data or Path(os.environ.get("SOMA_TEST_DATA", DATA))
    if not (folder / "locomo" / "locomo10.json").exists():
        raise click.ClickException(f"there is no locomo/locomo10.json in {folder}; name its folder with --data")
    console = Console(stderr=True)
    result = figures.run(folder, console=console)
    if as_json:
        click.echo(json.dumps(flattened(result, "recall"), indent=1))
        return
    out = Console()
    out.print(figures.table(result))
    out.print(figures.contributions(result))
    gain, context = result["learned_loo"]["vs_floor"], result["context"]
    out.print(f"learned against the floor, paired: {gain['difference']:+.3f} [{gain['low']:+.3f}, {gain['high']:+.3f}]")
    out.print("gold in context: " + ", ".join(f"{share:.3f} at {size} tokens" for size, share in context.items()))
