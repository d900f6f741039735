"""soma rollback: put everything learned back to an earlier moment."""

from typing import Any

import click
from rich.table import Table

from soma.cli.output.formatting import SMALLEST, sort_names
from soma.cli.server import as_json_option, connect, console, fail, show_json


@click.command()
@click.option("--version", type=click.IntRange(min=0), help="A version of the learner (see `soma weights --history`).")
@click.option("--turn", "turn_id", help="Id of a turn: the state in which it left the learner.")
@click.option("--iteration", type=click.IntRange(min=0), help="The iteration of the turn; by default its last.")
@click.option("--agent", help="Name of the agent (capsule).")
@click.option("--yes", is_flag=True, help="Do not ask.")
@as_json_option
def command(
    *,
    version: int | None,
    turn_id: str | None,
    iteration: int | None,
    agent: str | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Restore weights, accumulators, trust, moods, calibration and the learned values of memories.

    The rollback is an event: it can be undone too.
    """
    if (version is None) == (turn_id is None):
        fail("name one target: --version N or --turn ID")
    if version is not None and iteration is not None:
        fail("--iteration requires --turn ID")
    with connect() as server:
        if turn_id is not None and iteration is None:
            iteration = _last_iteration(server.get(f"/trace/{turn_id}"))
        now = server.get("/learning", agent=agent)
        where = f"version {version}" if version is not None else f"iteration {iteration} of turn {turn_id}"
        if not yes and not click.confirm(f"Put everything learned back from version {now['version']} to {where}?"):
            fail("nothing was changed")
        target = {"version": version} if version is not None else {"turn_id": turn_id, "iteration_number": iteration}
        back = server.post("/learning/rollback", target | ({"agent": agent} if agent else {}))
    if as_json:
        show_json(back)
        return
    _show_result(back)


def _last_iteration(trace: dict[str, Any]) -> int:
    learned = [one["iteration_number"] for one in trace["iterations"] if one["learned"]]
    if not learned:
        fail("nothing was learned from that turn")
    return int(max(learned))


def _show_result(back: dict[str, Any]) -> None:
    before, after = back["weights_before"], back["weights_after"]
    table = Table(box=None, header_style="dim")
    for heading in ("weight", "before", "after", "moved"):
        table.add_column(heading, justify="left" if heading == "weight" else "right")
    for name in sort_names(after):
        delta = after[name] - before.get(name, after[name])
        mark = "bold" if abs(delta) >= SMALLEST else "dim"
        moved = f"{delta:+.4f}" if abs(delta) >= SMALLEST else ""
        table.add_row(name, f"{before.get(name, after[name]):.4f}", f"[{mark}]{after[name]:.4f}[/{mark}]", moved)
    console.print(table)
    restored = back["values_restored"]
    memories = "1 memory has its" if restored == 1 else f"{restored} memories have their"
    console.print(f"{memories} former value again" if restored else "no value of a memory changed")
    if back["values_from"] is not None:
        console.print(
            f"[yellow]values that memories learned until version {back['values_from']} stay: "
            "their changes were not recorded then[/yellow]"
        )
    console.print(f"back at version {back['restored_version']}; this rollback is version {back['version']}")
