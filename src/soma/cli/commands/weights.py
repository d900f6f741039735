"""soma weights: show what an agent has learned, why, and what it changes."""

import time
from collections.abc import Iterator
from contextlib import nullcontext
from itertools import chain
from pathlib import Path
from typing import Any

import click
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from soma.cli.output.formatting import describe_floors, describe_shapes, excerpt, sort_names
from soma.cli.output.history import explain, join_pages, summary_of, text_of_beginning, updates_that_moved, weight_name
from soma.cli.output.plot import svg
from soma.cli.server import Server, as_json_option, connect, console, fail, show_json

WATCH_SECONDS = 2.0
WATCHED = 12  # updates on the page of --watch
MOST_LAST = 500  # updates of --history
PAGE = 80  # updates of one request: less than 10 ms of the brain, so others need not wait
MOST = 5_000  # updates of one plot, which says how many it leaves out


@click.command()
@click.option("--agent", help="Name of the agent (capsule).")
@click.option("--history", "last", type=click.IntRange(1, MOST_LAST), is_flag=False, flag_value=20, help="The last N.")
@click.option("--why", "weight", metavar="WEIGHT", help="Every update that moved WEIGHT, and how.")
@click.option("--watch", is_flag=True, help="Follow the weights live; Ctrl-C ends.")
@click.option("--plot", type=click.Path(dir_okay=False, path_type=Path), help="Draw the history as SVG into a file.")
@click.option("--preview", metavar="QUESTION", help="What the learned and the default weights would show for QUESTION.")
@as_json_option
def command(
    agent: str | None,
    *,
    last: int | None,
    weight: str | None,
    watch: bool,
    plot: Path | None,
    preview: str | None,
    as_json: bool,
) -> None:
    """Show the weights in use, the prior that they started from, and how far what was learned is trusted."""
    ways = [name for name, given in (("--history", last), ("--why", weight), ("--watch", watch), ("--plot", plot),
                                     ("--preview", preview)) if given not in (None, False)]  # fmt: skip
    if len(ways) > 1:
        fail(f"{' and '.join(ways)} exclude each other")
    if preview is not None and not preview.strip():
        fail("the question is empty")
    with connect() as server:
        if preview:
            _preview(server.get("/learning/preview", agent=agent, query=preview), as_json=as_json)
        elif plot:
            _plot(_newest(server, agent), plot, as_json=as_json)
        elif weight is not None:
            _why(_pages(server, agent, after=0), weight_name(weight), as_json=as_json)
        elif last:
            _history(server.get("/learning/history", agent=agent, limit=last), as_json=as_json)
        elif watch:
            _watch(server, agent, as_json=as_json)
        else:
            _state(server.get("/learning", agent=agent), as_json=as_json)


def _state(state: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        show_json(state)
        return
    console.print(_weights(state))
    console.print(f"trust in what was learned {state['trust']:.2f}, version {state['version']}")
    console.print(describe_shapes(state["shapes"]))
    console.print(describe_floors(state["floors"], state["floor_questions"]))
    levels = state["neuromodulators"]
    modulators = ", ".join(f"{name} {levels[name]:.3f}" for name in sort_names(levels))
    console.print(f"neuromodulators: {modulators}")
    console.print(f"[dim]state {state['state_hash']}[/dim]")


def _weights(state: dict[str, Any]) -> Table:
    table = Table(box=None, header_style="dim")
    for heading in ("weight", "in use", "learned", "prior"):
        table.add_column(heading, justify="left" if heading == "weight" else "right")
    for name in sort_names(state["weights"]):
        values = (state["weights"][name], state["learned"].get(name), state["prior"].get(name))
        table.add_row(name, *("" if value is None else f"{value:.4f}" for value in values))
    return table


def _history(history: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        show_json(history)
        return
    _beginning(history)
    if history["updates"]:
        console.print(_updates(history["updates"]), end="", soft_wrap=True)
    else:
        console.print("nothing has been learned yet")


def _beginning(history: dict[str, Any]) -> None:
    if text := text_of_beginning(history):
        console.print(text, style="dim", soft_wrap=True)


def _updates(updates: list[dict[str, Any]]) -> Text:
    lines = Text()
    for update in updates:
        happened, moved = summary_of(update)
        lines.append(f"{happened}\n")
        lines.append(f"{moved}\n", style="dim")
    return lines


def _why(pages: Iterator[dict[str, Any]], weight: str, *, as_json: bool) -> None:
    """Show the updates that moved a weight; printed page by page, so that a long history needs no memory."""
    first = next(pages)
    if weight not in first["start_weights"]:
        fail(f"there is no weight {weight!r}: {', '.join(sort_names(first['start_weights']))}")
    found = (update for page in chain([first], pages) for update in updates_that_moved(page, weight))
    if as_json:
        show_json({"weight": weight, "moved_by": list(found), "oldest_version": first["oldest_version"]})
        return
    _beginning(first)
    update = None
    for update in found:
        happened, *further = explain(update, weight)
        console.print(happened, markup=False, soft_wrap=True)
        for line in further:
            console.print(f"  {line}", style="dim", markup=False, soft_wrap=True)
    if update is None:
        console.print(f"nothing has moved {weight} visibly yet: it is {first['start_weights'][weight]:.4f}")


def _watch(server: Server, agent: str | None, *, as_json: bool) -> None:
    """Follow the learner: on a terminal as a page that is drawn again, else each new update as it comes."""
    seen = 0
    on_page = console.is_terminal and not as_json
    with Live(console=console, auto_refresh=False) if on_page else nullcontext() as live:
        while True:
            history = server.get("/learning/history", agent=agent, limit=WATCHED)
            if live:
                live.update(_page(server.get("/learning", agent=agent), history["updates"]), refresh=True)
            else:
                pages = _pages(server, agent, after=seen) if seen else iter([history])
                new = [update for page in pages for update in page["updates"]]
                seen = new[-1]["version"] if new else max(seen, history["newest_version"])
                _show_new(new, as_json=as_json)
            try:
                time.sleep(WATCH_SECONDS)
            except KeyboardInterrupt:
                return


def _show_new(new: list[dict[str, Any]], *, as_json: bool) -> None:
    """Print new updates; as JSON one a line, for programs that read line by line."""
    if not as_json:
        console.print(_updates(new), end="", soft_wrap=True)
        return
    for update in new:
        show_json(update, indent=None)


def _page(state: dict[str, Any], updates: list[dict[str, Any]]) -> Table:
    page = Table.grid(padding=(1, 0, 0, 0))
    page.add_row(_weights(state))
    page.add_row(f"trust {state['trust']:.2f}, version {state['version']}")
    page.add_row(_updates(updates))
    return page


def _plot(history: dict[str, Any], file: Path, *, as_json: bool) -> None:
    try:
        file.write_text(svg(history, title="What was learned, and by which event"), "utf-8")
    except OSError as error:
        fail(f"{file} cannot be written: {error.strerror}")
    drawn = {"file": str(file), "updates": len(history["updates"]), "first_version": history["start_version"] + 1}
    if as_json:
        show_json(drawn)
        return
    left_out = history["start_version"] - history["oldest_version"]
    rest = f"; the {left_out} before them are not" if left_out else ""
    console.print(f"{drawn['updates']} updates drawn into {file}{rest}")


def _newest(server: Server, agent: str | None) -> dict[str, Any]:
    """Get the newest updates, at most MOST."""
    newest = server.get("/learning/history", agent=agent, limit=1)["newest_version"]
    return join_pages(list(_pages(server, agent, after=max(0, newest - MOST))))


def _pages(server: Server, agent: str | None, *, after: int) -> Iterator[dict[str, Any]]:
    """Yield every update after a version in pages, oldest first."""
    while True:
        page = server.get("/learning/history", agent=agent, after=after, limit=PAGE)
        yield page
        if len(page["updates"]) < PAGE:
            return
        after = page["updates"][-1]["version"]


def _preview(found: dict[str, Any], *, as_json: bool) -> None:
    """Show side by side what the learned weights would show for a question, and what the default ones."""
    if as_json:
        show_json(found)
        return
    table = Table(box=None, header_style="dim", padding=(0, 1))
    for heading in ("#", "with what was learned", "score", "by default", "score"):
        table.add_column(heading, overflow="fold")
    ours, theirs = found["memories"], found["other_memories"]
    for number in range(max(len(ours), len(theirs))):
        row = [str(number + 1)]
        for memories, own in ((ours, found["only"]), (theirs, found["other_only"])):
            memory = memories[number] if number < len(memories) else None
            row += _cells(memory, marked=memory is not None and memory["id"] in own)
        table.add_row(*row)
    console.print(table)
    console.print(
        f"{len(ours)} and {len(theirs)} memories; {len(found['only'])} only with what was learned, "
        f"{len(found['other_only'])} only by default; trust {found['trust']:.2f}"
    )


def _cells(memory: dict[str, Any] | None, *, marked: bool) -> tuple[str, str]:
    if memory is None:
        return "", ""
    text = escape(excerpt(memory["text"]))
    return (f"[bold]+ {text}[/bold]" if marked else text), f"{memory['score']:.3f}"
