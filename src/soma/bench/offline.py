"""soma bench offline: measure what the offline model answers from a folder of notes, through the whole of Soma.

The notes are imported by the command that a user types. Each question is asked in a conversation of its own, after
the questions that lead to it. Today is the day on which the benchmark runs: `as_of` of a question is not used.
"""

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import track
from rich.table import Table

from soma.bench.data.note_questions import QUESTIONS, JudgedAnswer, NoteQuestion, figures, group_by_kind, judge, load
from soma.bench.data.real_data import FILES, notes_option
from soma.bench.flat import flatten
from soma.bench.servers.soma_process import SomaProcess

ENDINGS = {"markdown": ("*.md", "*.markdown"), "text": ("*.txt",)}
COLUMNS = ("right", "wrong", "refused", "citation_right", "absent_honest")


def run(data: Path, *, console: Console | None = None, only: str = "") -> list[JudgedAnswer]:
    """Ask every question of the folder, or those of one kind, and judge the answers."""
    progress = console or Console(quiet=True)
    questions = [question for question in load(data) if only in ("", question.kind)]
    with tempfile.TemporaryDirectory(prefix="soma-bench-") as folder, SomaProcess(Path(folder)) as soma:
        import_notes(soma, data / FILES)
        return [_ask(soma, question) for question in track(questions, "asking", console=progress, transient=True)]


def import_notes(soma: SomaProcess, files: Path) -> None:
    for kind, endings in ENDINGS.items():
        if any(True for ending in endings for _ in files.rglob(ending)):
            soma.run("memory", "import", "--format", kind, str(files))


def _ask(soma: SomaProcess, question: NoteQuestion) -> JudgedAnswer:
    said = soma.converse([*question.history, question.text])
    cited = [str((one.get("metadata") or {}).get("document", "")) for one in said["citations"]]
    return judge(question, said["content"], cited)


def report(answered: Sequence[JudgedAnswer]) -> dict[str, Any]:
    return figures(answered) | {"kinds": {kind: figures(some) for kind, some in group_by_kind(answered).items()}}


def table(answered: Sequence[JudgedAnswer]) -> Table:
    shown = Table("kind", "questions", *(name.replace("_", " ") for name in COLUMNS))
    for kind, some in [*group_by_kind(answered).items(), ("all", list(answered))]:
        found = figures(some)
        shown.add_row(kind, str(len(some)), *(f"{100 * found[name]:.0f} %" for name in COLUMNS))
    return shown


@click.command("offline")
@notes_option(QUESTIONS)
@click.option("--kind", default="", help="Only the questions of this kind.")
@click.option("--wrong", is_flag=True, help="Also list the answers that are not right.")
@click.option("--json", "as_json", is_flag=True, help="Figures by dotted name instead of a table.")
def command(data: Path, kind: str, *, wrong: bool, as_json: bool) -> None:
    """Measure what the offline model answers from notes: right, wrong, or an honest refusal. Takes a minute."""
    answered = run(data, console=Console(stderr=True), only=kind)
    if as_json:
        click.echo(json.dumps(flatten(report(answered), "offline"), indent=1))
    else:
        Console().print(table(answered))
    if wrong:
        out = Console(stderr=as_json)
        for one in answered:
            if one.outcome != "right":
                text = f"{one.question.id} {one.question.kind}, {one.outcome}: {one.question.text}\n  {one.text}"
                out.print(escape(text), soft_wrap=True, highlight=False)
