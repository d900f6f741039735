"""soma experiments: try steps of an agent's prior weights, and promote those that prove better."""

import math
import re
from typing import Any

import click
from rich.markup import escape
from rich.table import Table

from soma.brain.types import EXPERIMENT_NAME
from soma.cli.server import as_json_option, connect, console, show_json


class FiniteNumber(click.ParamType[float]):
    """A number that JSON can represent: neither NaN nor infinity."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number: float = click.FLOAT.convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number", param, ctx)
        return number


class ExperimentName(click.ParamType[str]):
    """A name that can stand in a path."""

    name = "name"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not re.fullmatch(EXPERIMENT_NAME, value):
            allowed = "up to 64 letters, digits, dots, dashes and underscores, a letter or digit first"
            self.fail(f"{value!r} is not a name of an experiment: {allowed}", param, ctx)
        return str(value)


FINITE, NAME = FiniteNumber(), ExperimentName()
STEP: Any = (str, FINITE)
agent_option = click.option("--agent", help="Name of the agent (capsule).")


@click.group()
def command() -> None:
    """List, show, create, record and decide experiments (docs/experiments.md)."""


@command.command("list")
@agent_option
@click.option("--status", type=click.Choice(["running", "promoted", "kept", "stopped"]))
@as_json_option
def list_(*, agent: str | None, status: str | None, as_json: bool) -> None:
    """List the experiments of the agent, newest first."""
    with connect() as server:
        found = server.get("/experiments", agent=agent, status=status)["experiments"]
    if as_json:
        show_json(found)
        return
    table = Table(box=None, header_style="dim")
    for heading in ("name", "status", "metric", "subjects", "p", "d", "by"):
        table.add_column(heading)
    for one in found:
        verdict = one["verdict"]
        subjects = " / ".join(str(arm["n"]) for arm in verdict["arms"].values())
        figures = f"{verdict['p']:.3g}", f"{verdict['d']:+.2f}"
        table.add_row(one["name"], one["status"], one["metric"], subjects, *figures, one["proposed_by"])
    console.print(table if found else "no experiments yet: soma experiments create exp_retrieval_alpha_vs_tau")


@command.command("show")
@click.argument("name", type=NAME)
@agent_option
@as_json_option
def show(name: str, *, agent: str | None, as_json: bool) -> None:
    """Show an experiment and its results so far."""
    with connect() as server:
        found = server.get(f"/experiments/{name}", agent=agent)
    show_json(found) if as_json else _show(found)


@command.command("create")
@click.argument("name", type=NAME)
@click.option(
    "--a",
    "first",
    type=STEP,
    multiple=True,
    metavar="WEIGHT STEP",
    help="A step of arm a; without steps it is the control.",
)
@click.option("--b", "second", type=STEP, multiple=True, metavar="WEIGHT STEP", help="A step of arm b.")
@click.option(
    "--metric", type=click.Choice(["reward", "reciprocal_rank", "recorded"]), default="reward", show_default=True
)
@click.option("--method", type=click.Choice(["welch", "anytime"]), default="welch", show_default=True)
@click.option("--planned", type=click.IntRange(2, 1_000_000), default=100, show_default=True, help="Subjects an arm.")
@click.option("--hypothesis", default="", help="What you expect, in words.")
@agent_option
@as_json_option
def create(
    name: str,
    *,
    first: tuple[tuple[str, float], ...],
    second: tuple[tuple[str, float], ...],
    metric: str,
    method: str,
    planned: int,
    hypothesis: str,
    agent: str | None,
    as_json: bool,
) -> None:
    """Start NAME. Without steps it is the shipped experiment of that name."""
    body: dict[str, Any] = {"name": name} | ({"agent": agent} if agent else {})
    if first or second:
        body |= {"metric": metric, "method": method, "planned": planned, "hypothesis": hypothesis}
        body["arms"] = [{"name": "a", "changes": dict(first)}, {"name": "b", "changes": dict(second)}]
    with connect() as server:
        made = server.post("/experiments", body)
    show_json(made) if as_json else _show(made)


@command.command("record", context_settings={"ignore_unknown_options": True})  # a value may be below 0
@click.argument("name", type=NAME)
@click.argument("subject")
@click.argument("value", type=FINITE)
@click.option("--key", help="Idempotency key: recorded once under it.")
@agent_option
@as_json_option
def record(name: str, subject: str, value: float, *, key: str | None, agent: str | None, as_json: bool) -> None:
    """Record VALUE for SUBJECT; people's feedback is counted by itself."""
    item = {"subject": subject, "value": value} | ({"key": key} if key else {})
    with connect() as server:
        answer = server.post(f"/experiments/{name}/outcomes", {"items": [item]} | ({"agent": agent} if agent else {}))
    show_json(answer) if as_json else console.print(f"recorded {answer['recorded']}")


@command.command("decide")
@click.argument("name", type=NAME)
@click.option("--stop", is_flag=True, help="End it at any size; nothing is promoted.")
@agent_option
@as_json_option
def decide(name: str, *, stop: bool, agent: str | None, as_json: bool) -> None:
    """Decide the experiment: promote the winner if p < 0.05 and d > 0.3, else keep the prior."""
    with connect() as server:
        made = server.post(f"/experiments/{name}/decision", {"stop": stop} | ({"agent": agent} if agent else {}))
    show_json(made) if as_json else _show(made)


def _show(one: dict[str, Any]) -> None:
    console.print(f"[bold]{escape(one['name'])}[/bold] {one['status']}, {one['method']} on {one['metric']}, "
                  f"planned {one['planned']} subjects an arm, by {one['proposed_by']}")  # fmt: skip
    if one["hypothesis"]:
        console.print(one["hypothesis"], markup=False)
    verdict = one["verdict"]
    table = Table(box=None, header_style="dim")
    for heading in ("arm", "steps", "assigned", "with a result", "mean", "deviation"):
        table.add_column(heading)
    for arm in one["arms"]:
        found = verdict["arms"][arm["name"]]
        steps = ", ".join(f"{weight} {step:+g}" for weight, step in arm["changes"].items()) or "control"
        assigned = str(one["assigned"].get(arm["name"], 0))
        figures = f"{found['mean']:.4f}", f"{found['variance'] ** 0.5:.4f}"
        table.add_row(arm["name"], steps, assigned, str(found["n"]), *figures)
    console.print(table)
    console.print(f"t {verdict['t']:.3f}, df {verdict['df']:.1f}, p {verdict['p']:.4g}, d {verdict['d']:+.3f}")
    console.print(f"{verdict['call']}: {verdict['reason']}", markup=False)
    if promotion := one.get("promotion"):
        before, after = promotion["prior_before"], promotion["prior_after"]
        for weight in promotion["changes"]:
            console.print(f"  prior of {weight}: {before[weight]:.4f} -> {after[weight]:.4f}")
