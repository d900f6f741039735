"""soma weights: what an agent has learned."""

import click
from rich.table import Table

from soma.cli.server import as_json_option, connected, console, show_json
from soma.cli.showing import in_order


@click.command()
@click.option("--agent", help="Name of the agent (capsule).")
@as_json_option
def command(agent: str | None, *, as_json: bool) -> None:
    """Show the weights in use, what they began as, and how far what was learned is trusted."""
    with connected() as server:
        state = server.get("/learning", agent=agent)
    if as_json:
        show_json(state)
        return
    table = Table(box=None, header_style="dim")
    for heading in ("weight", "in use", "learned", "prior"):
        table.add_column(heading, justify="left" if heading == "weight" else "right")
    for name in in_order(state["weights"]):
        values = (state["weights"][name], state["learned"].get(name), state["prior"].get(name))
        table.add_row(name, *("" if value is None else f"{value:.4f}" for value in values))
    console.print(table)
    console.print(f"trust in what was learned {state['trust']:.2f}, version {state['version']}")
    levels = state["neuromodulators"]
    modulators = ", ".join(f"{name} {levels[name]:.3f}" for name in in_order(levels))
    console.print(f"neuromodulators: {modulators}")
    console.print(f"[dim]state {state['state_hash']}[/dim]")
