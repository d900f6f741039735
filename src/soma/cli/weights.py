"""soma weights: what an agent has learned."""

import click
from rich.table import Table

from soma.cli.server import connected, console, show_json


@click.command()
@click.option("--agent", help="Name of the agent (capsule).")
@click.option("--json", "as_json", is_flag=True)
def command(agent: str | None, *, as_json: bool) -> None:
    """Show the weights in use, what they began as, and how far what was learned is trusted."""
    with connected() as server:
        state = server.get("/learning", agent=agent)
    if as_json:
        show_json(state)
        return
    table = Table(box=None, header_style="dim")
    for heading in ("weight", "in use", "learned", "prior"):
        table.add_column(heading)
    for name, value in state["weights"].items():
        learned, prior = state["learned"].get(name), state["prior"].get(name)
        table.add_row(name, f"{value:.4f}", *("" if other is None else f"{other:.4f}" for other in (learned, prior)))
    console.print(table)
    console.print(f"trust in what was learned {state['trust']:.2f}, version {state['version']}")
    modulators = ", ".join(f"{name} {value:.3f}" for name, value in state["neuromodulators"].items())
    console.print(f"neuromodulators: {modulators}")
    console.print(f"[dim]state {state['state_hash']}[/dim]")
