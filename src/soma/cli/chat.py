"""soma chat: ask a question, watch it being answered."""

from collections.abc import Iterator
from typing import Any

import click
from rich.markup import escape

from soma.cli.server import Server, connected, console, fail, show_json


@click.command()
@click.argument("message", required=False)
@click.option("-c", "--conversation", help="Id of a conversation to go on with; a new one otherwise.")
@click.option("--continue", "go_on", is_flag=True, help="Go on with your newest conversation.")
@click.option("--agent", help="Name of the agent (capsule) for a new conversation.")
@click.option("--json", "as_json", is_flag=True, help="Print the finished turn as JSON.")
def command(message: str | None, *, conversation: str | None, go_on: bool, agent: str | None, as_json: bool) -> None:
    """Ask MESSAGE; without one, talk until Ctrl-D."""
    if message is not None and not message.strip():
        fail("the message is empty")
    with connected() as server:
        place = conversation or (_newest(server) if go_on else None) or _new(server, agent)
        if message is not None:
            _ask(server, place, message, as_json=as_json)
            return
        console.print("[dim]Soma listens. Ctrl-D ends.[/dim]")
        for line in _typed():
            _ask(server, place, line, as_json=as_json)


def _typed() -> Iterator[str]:
    while True:
        try:
            line = console.input("[bold]you[/bold]  ")
        except (EOFError, KeyboardInterrupt):
            console.print()
            return
        if line.strip():
            yield line


def _ask(server: Server, conversation: str, message: str, *, as_json: bool) -> None:
    path = f"/chat/conversations/{conversation}/messages"
    if as_json:
        show_json({"conversation_id": conversation, **server.post(path, {"content": message})})
        return
    with server.stream(path, {"content": message, "stream": True}) as frames:
        for frame in frames:
            _show(frame)


def _show(frame: dict[str, Any]) -> None:
    payload = frame["payload"]
    match frame["type"]:
        case "chat.turn_started" if payload["degraded"]:
            console.print(f"[yellow]degraded: {escape(payload['degraded'])}[/yellow]")
        case "chat.delta":
            console.print(escape(payload["text"]), end="")
        case "chat.draft_replaced":
            console.print("\n[dim]… answering again[/dim]")
        case "chat.tool_decided" if not payload["allow"]:
            console.print(f"[yellow]{payload['tool']} denied: {escape(payload['reason'])}[/yellow]")
        case "chat.tool_finished":
            console.print(f"[dim]{payload['tool']}: {escape(payload['content'][:200])}[/dim]")
        case "chat.turn_complete":
            _close(payload)


def _close(payload: dict[str, Any]) -> None:
    """The last lines: what a refined answer rests on, and why the turn ended where that matters."""
    console.print()
    for citation in payload["citations"]:
        when = (citation["occurred_at"] or "")[:10]
        speaker = citation["metadata"].get("speaker", "")
        about = ", ".join(part for part in (speaker, when, citation["source"] or "") if part)
        console.print(f"[dim]\\[{citation['number']}] {escape(about)}: {escape(citation['text'])}[/dim]")
    if payload["exit_reason"] not in {"converged", "final_answer"}:
        console.print(f"[yellow]ended: {payload['exit_reason']}[/yellow]")
    if payload["error"]:
        console.print(f"[red]{escape(payload['error']['message'])}[/red]  [{payload['error']['code']}]")


def _new(server: Server, agent: str | None) -> str:
    return str(server.post("/chat/conversations", {"agent": agent} if agent else {})["id"])


def _newest(server: Server) -> str | None:
    newest = server.get("/chat/conversations", limit=1)["conversations"]
    return newest[0]["id"] if newest else None
