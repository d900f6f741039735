"""soma trace: show everything that was decided in a turn, and why."""

from typing import Any

import click
from rich.markup import escape
from rich.table import Table

from soma.cli.output.formatting import SMALLEST, excerpt, format_parts, sort_names
from soma.cli.server import as_json_option, connect, console, fail, show_json

SHOWN = 5  # memories of an iteration, unless all are asked for


@click.command()
@click.argument("turn_id", required=False)
@click.option("--last", is_flag=True, help="Your newest turn, as without TURN_ID.")
@click.option("--all", "everything", is_flag=True, help="All recalled memories, not the first five.")
@as_json_option
def command(turn_id: str | None, *, last: bool, everything: bool, as_json: bool) -> None:
    """Show the turn TURN_ID, or your last one."""
    if turn_id and last:
        fail("TURN_ID and --last exclude each other")
    with connect() as server:
        trace = server.get(f"/trace/{turn_id or 'last'}", include_messages=True, full=True)
    if as_json:
        show_json(trace)
        return
    _show_head(trace)
    for iteration in trace["iterations"]:
        _show_iteration(iteration, everything=everything)
    for happened in trace["credit"]:
        _show_credit(happened)
    _show_receipt(trace)


def _show_head(trace: dict[str, Any]) -> None:
    console.rule(f"turn {trace['turn_id']}")
    console.print(f"[bold]you[/bold]   {escape(trace['content'])}")
    console.print(f"[bold]soma[/bold]  {escape(trace['answer'] or '(no answer yet)')}")
    for citation in trace["citations"]:
        console.print(f"      [dim]\\[{citation['number']}] {escape(citation['text'])}[/dim]")
    if trace["note"]:
        console.print(f"[yellow]{escape(trace['note'])}[/yellow]")
    if trace["degraded"]:
        console.print(f"[yellow]degraded: {escape(trace['degraded'])}[/yellow]")
    if trace["error"]:
        console.print(f"[red]{trace['error']['code']}: {escape(trace['error']['message'])}[/red]")


def _show_credit(happened: dict[str, Any]) -> None:
    """Show what happened to an answer that nobody judged."""
    what = happened["source"].replace("_", " ")
    taught = f"version {happened['version']}" if happened["learned"] else f"nothing learned ({happened['reason']})"
    console.print(f"credit: {what}, turn {happened['turn_id']}: {taught}", soft_wrap=True)


def _show_iteration(iteration: dict[str, Any], *, everything: bool) -> None:
    console.print()
    console.rule(f"iteration {iteration['iteration_number']}", align="left")
    if iteration["recalled"]:
        _show_memories(iteration["recalled"], everything=everything)
    if iteration["model"]:
        _show_model(iteration)
    for use in iteration["tools"]:
        _show_tool(use)
    if iteration["judged"]:
        _show_convergence(iteration["judged"])
    if iteration["learned"]:
        _show_learning(iteration["learned"])


def _show_model(iteration: dict[str, Any]) -> None:
    tries = "" if iteration["attempts"] == 1 else f", {iteration['attempts']} attempts"
    tokens = f"{iteration['prompt_tokens']} tokens in, {iteration['completion_tokens']} out"
    said = iteration["content"] or "(no text: it asked for tools)"
    spent = f"{iteration['model_latency_ms']:.0f} ms, {tokens}{tries}, {iteration['finish_reason']}"
    console.print(f"[bold]{escape(iteration['model'])}[/bold] ({spent}): {escape(said)}")


def _show_memories(bundle: dict[str, Any], *, everything: bool) -> None:
    if bundle["degraded"]:
        console.print(f"[yellow]brain unavailable: {escape(bundle['degraded'])}[/yellow]")
        return
    memories = bundle["memories"] if everything else bundle["memories"][:SHOWN]
    if not memories:
        console.print(f"[dim]no memories recalled ({bundle['duration_ms']:.0f} ms)[/dim]")
        return
    count = len(bundle["memories"])
    rest = f"; the first {SHOWN} here, all with --all" if count > len(memories) else ""
    things = "memory" if count == 1 else "memories"
    console.print(f"{count} {things} recalled in {bundle['duration_ms']:.0f} ms, {bundle['token_count']} tokens{rest}")
    table = Table(box=None, header_style="dim", padding=(0, 1))
    for heading in ("#", "score", "attention"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("memory", ratio=3)
    table.add_column("parts" if everything else "strongest parts", ratio=2)
    for number, memory in enumerate(memories, 1):
        parts = format_parts(memory, bundle["weights"], every=everything)
        numbers = (str(number), f"{memory['score']:.2f}", f"{memory['attention']:.3f}")
        table.add_row(*numbers, escape(memory["text"] if everything else excerpt(memory["text"])), parts)
    console.print(table)


def _show_tool(use: dict[str, Any]) -> None:
    verdict, result = use["verdict"], use["result"]
    decided = "not judged" if verdict is None else f"{'allowed' if verdict['allow'] else 'denied'} by {verdict['rule']}"
    console.print(f"[bold]{escape(use['tool'])}[/bold]({escape(str(use['arguments']))}) {decided}")
    if result:
        console.print(f"  {result['status']} in {result['duration_ms']:.1f} ms: {escape(result['content'][:300])}")


def _show_convergence(judged: dict[str, Any]) -> None:
    score = judged["convergence_score"]
    factors = (
        f"confidence {judged['confidence']:.2f} x success {judged['success_factor']:.2f} "
        f"x tool utility {judged['tool_utility']:.2f}"
    )
    console.print(f"convergence {'not assessed' if score is None else f'{score:.2f}'} ({factors})")
    console.print(f"ends the turn: {judged['exit_reason'] or 'no'}")


def _show_learning(learned: dict[str, Any]) -> None:
    if learned["brain_version"] is None:
        console.print(f"[yellow]learning {learned['learning']}[/yellow]")
        return
    gated = ", gated: not surprising enough to move a weight" if learned["gated"] else ""
    salience = learned["salience"]
    surprise = "" if salience is None else f", salience {salience:.2f}"
    console.print(f"learning {learned['learning']}, version {learned['brain_version']}{surprise}{gated}")
    _show_changes("weight", learned["weights_before"], learned["weights_after"])
    _show_changes("neuromodulator", learned["neuromodulators_before"], learned["neuromodulators_after"])


def _show_changes(kind: str, before: dict[str, float], after: dict[str, float]) -> None:
    """Print a table of what moved, and the number of what did not."""
    table = Table(box=None, header_style="dim", padding=(0, 1))
    for heading in (kind, "before", "after", "change"):
        table.add_column(heading, justify="left" if heading == kind else "right")
    unmoved = 0
    for name in sort_names(after):
        was, value = before.get(name, after[name]), after[name]
        if abs(value - was) < SMALLEST:
            unmoved += 1
        else:
            table.add_row(name, f"{was:.4f}", f"[bold]{value:.4f}[/bold]", f"{value - was:+.4f}")
    if table.row_count:
        console.print(table)
    if unmoved:
        console.print(f"[dim]{unmoved} {kind}{'' if unmoved == 1 else 's'} unmoved[/dim]")


def _show_receipt(trace: dict[str, Any]) -> None:
    receipt = trace["receipt"]
    if receipt is None:
        console.print("\n[yellow]the turn is still running[/yellow]")
        return
    console.rule("receipt", align="left")
    count = receipt["iterations"]
    console.print(
        f"exit {receipt['exit_reason']}, {count} iteration{'' if count == 1 else 's'}, {receipt['tokens']} tokens "
        f"({receipt['tokenizer']}), {receipt['latency_ms']:.0f} ms, level {receipt['level']}"
    )
    console.print(f"[dim]chain head {receipt['chain_head']}[/dim]")
