"""The report of an import, planned or done, as text and as JSON."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.markup import escape

from soma.agent.documents.decoding import GUESS, UTF_8
from soma.cli.imports.files import SkippedEntry
from soma.cli.output.terminal import console, errors

ACTIONS = ("created", "replaced", "unchanged", "moved", "shared", "kept", "forgotten", "refused")
LISTED = ("replaced", "moved", "forgotten", "kept", "refused")  # by name, before anything is done
CHUNKS = ("created", "updated", "unchanged", "forgotten", "left_out")
PRINTED = CHUNKS[:4]  # the last has a line of its own
MEANING = {
    "moved": "recognised by their place or text, now under another name",
    "shared": "have the text of another document, which is not remembered twice",
    "kept": "no longer where they were; --mirror forgets them",
    "refused": "imported by another user for everyone",
}
LEFT_OUT = "chunks that were forgotten before; --with-forgotten brings them back"
SHOWN = 20  # names of each action


@dataclass(slots=True)
class ImportReport:
    """The outcome of an import, planned or done."""

    steps: list[dict[str, Any]]
    passed_over: list[SkippedEntry]
    read_as: dict[str, str]
    chunks: Counter[str] = field(default_factory=Counter)

    @property
    def is_whole(self) -> bool:
        """Return whether everything that was found could be imported."""
        refused = any(step["action"] == "refused" for step in self.steps)
        return not refused and not any(one.is_wrong for one in self.passed_over)

    @property
    def counts(self) -> dict[str, int]:
        done = Counter(step["action"] for step in self.steps)
        return {action: done[action] for action in ACTIONS} | {"passed_over": len(self.passed_over)}


def show_plan(report: ImportReport) -> None:
    """List what will be replaced, moved, forgotten, kept, refused or skipped, and encodings other than UTF-8."""
    for action in LISTED:
        steps = [step for step in report.steps if step["action"] == action]
        _list_names(action, [_title(step) for step in steps])
    for name, encoding in report.read_as.items():
        warn_of_encoding(name, encoding)
    show_passed_over(report.passed_over)


def warn_of_encoding(name: str, encoding: str) -> None:
    """Name the encoding in which a file was read, unless it is UTF-8."""
    if encoding != UTF_8:
        guess = " (a guess)" if encoding == GUESS else ""
        errors.print(f"[yellow]{encoding:12}[/yellow] {escape(name)}{guess}", soft_wrap=True)


def show_passed_over(entries: Iterable[SkippedEntry]) -> None:
    """Name what is wrong, and of the rest as many as of each action."""
    found = list(entries)
    named = [one for one in found if not one.is_wrong][:SHOWN]
    for one in found:
        if one.is_wrong or one in named:
            errors.print(f"[yellow]passed over [/yellow] {escape(one.path)}: {escape(one.reason)}", soft_wrap=True)
    if more := sum(not one.is_wrong for one in found) - len(named):
        errors.print(f"[yellow]passed over [/yellow] … and {more} more that are empty or of another format")


def show_counts(report: ImportReport, *, dry_run: bool) -> None:
    if dry_run:
        console.print("[bold]dry run: nothing is changed; this would be done[/bold]")
    for action, count in report.counts.items():
        if count:
            meaning = f"  [dim]{MEANING[action]}[/dim]" if action in MEANING else ""
            console.print(f"{action.replace('_', ' '):12} {count:6}{meaning}", soft_wrap=True)
    if not dry_run:
        console.print(f"chunks: {', '.join(f'{report.chunks[status]} {status}' for status in PRINTED)}")
        if count := report.chunks["left_out"]:
            console.print(f"left out     {count:6}  [dim]{LEFT_OUT}[/dim]", soft_wrap=True)


def report_as_json(report: ImportReport, *, dry_run: bool) -> dict[str, Any]:
    return {
        "dry_run": dry_run,
        "documents": report.counts,
        "chunks": {status: report.chunks[status] for status in CHUNKS},
        "steps": report.steps,
        "passed_over": [{"path": one.path, "reason": one.reason} for one in report.passed_over],
        "read_as": report.read_as,
    }


def _list_names(action: str, names: Sequence[str]) -> None:
    for name in names[:SHOWN]:
        console.print(f"{action:12} {escape(name)}", soft_wrap=True)
    if len(names) > SHOWN:
        console.print(f"{action:12} … and {len(names) - SHOWN} more")


def _title(step: dict[str, Any]) -> str:
    former = step["former"]
    if former and former["name"] != step["name"]:
        return f"{step['name']} (was {former['name']})"
    return str(step["name"])
