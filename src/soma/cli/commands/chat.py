"""soma chat: ask a question and watch the answer being written."""

import sys
from collections.abc import Iterator
from typing import Any

import click
from rich.markup import escape

from soma.agent.language.authorship import attribution
from soma.cli.output.formatting import WordWrapper
from soma.cli.output.terminal import RunningText, write
from soma.cli.server import NOT_UTF_8, USAGE_STATUS, Server, as_json_option, connect, console, fail, show_json

ASKED_AGAIN = "… the answer broke off and was asked for again:"
# In a new conversation the model would not know the question.
ANSWER = "[dim]answer it with: soma chat --continue yes[/dim]"
QUIET_ENDINGS = {"converged", "final_answer"}  # the expected ones; any other is printed


@click.command()
@click.argument("message", required=False)
@click.option("-c", "--conversation", help="Id of a conversation to continue; a new one otherwise.")
@click.option("--continue", "go_on", is_flag=True, help="Continue your newest conversation.")
@click.option("--agent", help="Name of the agent (capsule) for a new conversation.")
@as_json_option
def command(message: str | None, *, conversation: str | None, go_on: bool, agent: str | None, as_json: bool) -> None:
    """Ask MESSAGE; without one, talk until Ctrl-D. A message may also come through a pipe."""
    if conversation and go_on:
        fail("--conversation and --continue exclude each other")
    if message is None and not sys.stdin.isatty():
        message = _read_pipe()
    if message is not None and not message.strip():
        fail("the message is empty")
    if message is None and as_json:
        fail("--json needs a message")
    with connect() as server:
        place = conversation or (_newest(server) if go_on else None) or _new(server, agent)
        if message is not None:
            if _ask(server, place, message, as_json=as_json):
                console.print(ANSWER)
            return
        console.print("[dim]Soma listens. Ctrl-C stops an answer, Ctrl-D ends.[/dim]")
        for line in _read_lines():
            try:
                _ask(server, place, line, as_json=False)
            except KeyboardInterrupt:
                console.print()


def _read_pipe() -> str:
    try:
        return sys.stdin.buffer.read().decode()  # strict, whatever the locale makes of standard input
    except UnicodeDecodeError:
        fail(NOT_UTF_8, status=USAGE_STATUS)


def _read_lines() -> Iterator[str]:
    while True:
        try:
            line = console.input("[bold]you[/bold]  ")
        except UnicodeDecodeError:
            fail(NOT_UTF_8, status=USAGE_STATUS)
        except (EOFError, KeyboardInterrupt):
            console.print()
            return
        if line.strip():
            yield line


def _ask(server: Server, conversation: str, message: str, *, as_json: bool) -> bool:
    """Show the answer; return whether it asks for a yes before something is forgotten."""
    path = f"/chat/conversations/{conversation}/messages"
    if as_json:
        show_json({"conversation_id": conversation, **server.post(path, {"content": message})})
        return False
    reply = ReplyPrinter()
    try:
        with server.stream_frames(path, {"content": message, "stream": True}) as frames:
            for frame in frames:
                reply.show(frame)
        if not reply.is_complete:
            fail("the server stopped; the turn continues when it is back: `soma trace` shows it")
    except KeyboardInterrupt:
        if reply.turn_id:
            server.post(f"/chat/turns/{reply.turn_id}/cancel", {})
            reply.end_line()
            console.print("[yellow]stopped; what was said so far is kept[/yellow]")
        raise
    finally:
        reply.end_line()
    return reply.awaits_yes


class ReplyPrinter:
    """One answer, shown as its events arrive: the first draft while it is written, a revision only if it is chosen."""

    def __init__(self) -> None:
        self.turn_id: str | None = None
        self.is_complete = False
        self.awaits_yes = False
        self._wrapped = WordWrapper(console.width if console.is_terminal else None)
        self._running = RunningText()
        self._iteration = 0
        self._said = ""
        self._broken_off = ""  # text of an earlier try that is still on the screen
        self._line_is_open = False
        self._revising = False
        self._degraded: set[str] = set()

    def show(self, frame: dict[str, Any]) -> None:
        payload = frame["payload"]
        self.turn_id = frame.get("turn_id") or self.turn_id
        match frame["type"]:
            case "chat.turn_started" | "chat.bundle_built" if payload["degraded"]:
                self._degrade(payload["degraded"])
            case "chat.delta" if not self._revising:
                self._say(payload["text"], payload["iteration"])
            case "chat.draft_replaced":
                self._replace(payload["reason"])
            case "chat.tool_decided" if not payload["allow"]:
                self._note(f"{payload['tool']} denied: {payload['reason']}", "yellow")
            case "chat.tool_finished":
                self.awaits_yes = bool(payload.get("proposed"))
                self._note(f"{payload['tool']}: {payload['content'][:200]}", "dim")
            case "chat.turn_complete":
                self._close(payload)

    def _degrade(self, why: str) -> None:
        """Note each cause of degradation once a turn."""
        if why not in self._degraded:
            self._degraded.add(why)
            self._note(f"degraded: {why}", "yellow")

    def _replace(self, reason: str) -> None:
        """Begin another draft: a refinement is held back until it is chosen, any other is shown as it arrives."""
        if reason == "refined":
            self._revising = True
            self._note("… found more to look at, reading it", "dim")
            return
        if self._revising:
            return
        if reason not in {"thought", "continued"}:
            self._broken_off, self._said = self._broken_off or self._said, ""
            return
        if reason == "thought":
            self._note("… that was thinking", "dim")
        self._begin_anew()

    def _begin_anew(self) -> None:
        self.end_line()
        self._said = self._broken_off = ""

    def _say(self, text: str, iteration: int) -> None:
        if iteration != self._iteration:
            self._begin_anew()
            self._iteration = iteration
        self._said += text
        self._print(self._after_broken_off() if self._broken_off else text)

    def _after_broken_off(self) -> str:
        """Return the part of a second try that is not on the screen yet; all of it if it differs from the first."""
        before, said = self._broken_off, self._said
        if before.startswith(said):
            return ""
        self._broken_off = ""
        if said.startswith(before):
            return said[len(before) :]
        self._note(ASKED_AGAIN, "dim")
        return said

    def _print(self, text: str) -> None:
        if not text:
            return
        self._line_is_open = True
        write(self._wrapped.add(self._running.add(text)))

    def _note(self, text: str, style: str) -> None:
        self.end_line()
        console.print(f"[{style}]{escape(text)}[/{style}]", soft_wrap=not console.is_terminal)

    def end_line(self) -> None:
        if self._line_is_open:
            write(self._wrapped.end() + "\n")
            self._line_is_open = False
            self._wrapped = WordWrapper(console.width if console.is_terminal else None)

    def _close(self, payload: dict[str, Any]) -> None:
        """Show the answer unless the draft was it, its citations, and an unusual reason for the end of the turn."""
        self.is_complete = True
        if payload["error"]:
            self.end_line()
            fail(f"{payload['error']['message']}  [{payload['error']['code']}]")
        if payload["content"].strip() != (self._broken_off or self._said).strip():
            if self._revising:
                self._note("revised:", "dim")
            elif self._broken_off:
                self._note(ASKED_AGAIN, "dim")
            self._begin_anew()
            self._print(payload["content"])
        elif self._revising:
            self._note("the answer above stands", "dim")
        self.end_line()
        for citation in payload["citations"]:
            when = (citation["occurred_at"] or "")[:10]
            author, metadata = citation.get("author"), citation["metadata"]
            whose = attribution(author, metadata) if author else metadata.get("speaker")
            about = ", ".join(filter(None, (whose, when, citation["source"])))
            self._cite(citation["number"], about, citation["text"])
        if payload.get("note"):
            self._note(payload["note"], "yellow")
        if payload["exit_reason"] not in QUIET_ENDINGS:
            console.print(f"[yellow]ended: {payload['exit_reason']}[/yellow]")

    def _cite(self, number: int, about: str, text: str) -> None:
        console.print(f"[dim]\\[{number}] {escape(about)}: {escape(text)}[/dim]", soft_wrap=not console.is_terminal)


def _new(server: Server, agent: str | None) -> str:
    return str(server.post("/chat/conversations", {"agent": agent} if agent else {})["id"])


def _newest(server: Server) -> str | None:
    newest = server.get("/chat/conversations", limit=1)["conversations"]
    return newest[0]["id"] if newest else None
